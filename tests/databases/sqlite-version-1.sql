BEGIN TRANSACTION;
CREATE TABLE counters (
        agency TEXT PRIMARY KEY, last_number INTEGER NOT NULL, last_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO "counters" VALUES('cabinet',3,'2026-03-02T15:02:00.000000+00:00');
INSERT INTO "counters" VALUES('sud',1,'2026-03-02T15:02:00.000000+00:00');
CREATE TABLE history (
        seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, invoice_id BLOB NOT NULL,
        kind TEXT NOT NULL, at TEXT NOT NULL, details TEXT NOT NULL,
        FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
    ) STRICT;
INSERT INTO "history" VALUES(1,'cabinet',X'019CAF1031807B239A2EEB92A27B4C79','created','2026-03-02T15:00:00.000000+00:00','{}');
INSERT INTO "history" VALUES(2,'cabinet',X'019CAF111BE072D4B69AB2EEDA0C38A5','created','2026-03-02T15:01:00.000000+00:00','{}');
INSERT INTO "history" VALUES(3,'cabinet',X'019CAF111BE072D4B69AB2EEDA0C38A5','queued','2026-03-02T15:01:00.000000+00:00','{"delivery_id": "019caf11-1be0-735f-b88c-47d24e7ff9d3"}');
INSERT INTO "history" VALUES(4,'cabinet',X'019CAF1206407750B4D089EE27E36C35','created','2026-03-02T15:02:00.000000+00:00','{}');
INSERT INTO "history" VALUES(5,'cabinet',X'019CAF1206407750B4D089EE27E36C35','queued','2026-03-02T15:02:00.000000+00:00','{"delivery_id": "019caf12-0640-7efe-98f5-ee16a85a7f59"}');
INSERT INTO "history" VALUES(6,'cabinet',X'019CAF111BE072D4B69AB2EEDA0C38A5','paid','2026-03-02T15:02:00.000000+00:00','{"reference": "P-1"}');
INSERT INTO "history" VALUES(7,'cabinet',X'019CAF1031807B239A2EEB92A27B4C79','cancelled','2026-03-02T15:02:00.000000+00:00','{"reason": "Remplac\u00e9e"}');
INSERT INTO "history" VALUES(8,'sud',X'019CAF1206407B08A6823456B84BD1B2','created','2026-03-02T15:02:00.000000+00:00','{}');
CREATE TABLE indiopay_schema (version INTEGER NOT NULL) STRICT;
INSERT INTO "indiopay_schema" VALUES(1);
CREATE TABLE invoices (
        id BLOB NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, agency TEXT NOT NULL,
        client_name TEXT NOT NULL, client_email TEXT NOT NULL, minor_units INTEGER NOT NULL, currency TEXT NOT NULL,
        due_date TEXT NOT NULL, description TEXT NOT NULL, attachments TEXT NOT NULL, locale TEXT NOT NULL,
        status TEXT NOT NULL, created_at TEXT NOT NULL, paid_at TEXT, payment_reference TEXT, cancelled_at TEXT,
        cancel_reason TEXT, version INTEGER NOT NULL, link_id BLOB NOT NULL, key_id INTEGER NOT NULL,
        idempotency_key TEXT, fingerprint BLOB, search TEXT NOT NULL,
        PRIMARY KEY (agency, id), UNIQUE (agency, number), UNIQUE (agency, link_id), UNIQUE (agency, idempotency_key)
    ) STRICT;
INSERT INTO "invoices" VALUES(X'019CAF1031807B239A2EEB92A27B4C79',1,'one_time','cabinet','Zoé Tremblay','zoe@exemple.ca',125000,'CAD','2026-04-01','Prime
d’été','[["da9a40e09b781f59737f9932e77fa87e", "Police.pdf", 50, "application/pdf", "58b3ca2768ef3da337d2ffe072851d6c39f6c366ad1d578f3b20da6a3be98a7e"]]','fr_CA','cancelled','2026-03-02T15:00:00.000000+00:00',NULL,NULL,'2026-03-02T15:02:00.000000+00:00','Remplacée',2,X'B2EE576D3B8789C430B7D9526A64C1B19637',24,'première',X'CE11C42974E9F7781617C460F193EF9C2D81E28E438041E00B7012F031640265','zoe tremblay
zoe@exemple.ca
prime
d''ete');
INSERT INTO "invoices" VALUES(X'019CAF111BE072D4B69AB2EEDA0C38A5',2,'one_time','cabinet','Noël Gagné','noel@exemple.ca',8995,'CAD','2026-03-31','','[]','fr_CA','paid','2026-03-02T15:01:00.000000+00:00','2026-03-02T15:02:00.000000+00:00','P-1',NULL,NULL,2,X'4B68BCC5ADE5B0B90C715885E882EC325C6C',24,NULL,NULL,'noel gagne
noel@exemple.ca
');
INSERT INTO "invoices" VALUES(X'019CAF1206407750B4D089EE27E36C35',3,'one_time','cabinet','Œuvres d’Ève','eve@exemple.ca',1000,'CAD','2027-01-31','','[]','fr_CA','open','2026-03-02T15:02:00.000000+00:00',NULL,NULL,NULL,NULL,2,X'582AE12EACCB5B212A85601D911CA6103291',24,NULL,NULL,'oeuvres d''eve
eve@exemple.ca
');
INSERT INTO "invoices" VALUES(X'019CAF1206407B08A6823456B84BD1B2',1,'one_time','sud','Zoé','z@exemple.ca',700,'CAD','2026-04-01','','[]','fr_CA','open','2026-03-02T15:02:00.000000+00:00',NULL,NULL,NULL,NULL,1,X'AA1996D35049AF310875FEE5E86A160F90D5',24,NULL,NULL,'zoe
z@exemple.ca
');
CREATE TABLE letters (
        seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, id BLOB NOT NULL, invoice_id BLOB NOT NULL,
        message_id TEXT NOT NULL, recipient TEXT NOT NULL, queued_at TEXT NOT NULL, not_before TEXT NOT NULL,
        kind TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, sender TEXT, message BLOB,
        message_sha256 TEXT, last_phase TEXT, last_code INTEGER, sent_at TEXT, maybe_duplicate INTEGER NOT NULL,
        lease_token INTEGER NOT NULL, lease_end TEXT,
        UNIQUE (agency, id), UNIQUE (agency, message_id),
        FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
    ) STRICT;
INSERT INTO "letters" VALUES(1,'cabinet',X'019CAF111BE0735FB88C47D24E7FF9D3',X'019CAF111BE072D4B69AB2EEDA0C38A5','<019caf111be0735fb88c47d24e7ff9d3@exemple.ca>','noel@exemple.ca','2026-03-02T15:01:00.000000+00:00','2026-03-02T15:01:58.440000+00:00','invoice','cancelled',1,NULL,NULL,NULL,NULL,NULL,NULL,0,1,NULL);
INSERT INTO "letters" VALUES(2,'cabinet',X'019CAF1206407EFE98F5EE16A85A7F59',X'019CAF1206407750B4D089EE27E36C35','<019caf1206407efe98f5ee16a85a7f59@exemple.ca>','eve@exemple.ca','2026-03-02T15:02:00.000000+00:00','2026-03-02T15:02:54.000000+00:00','invoice','queued',1,NULL,NULL,NULL,'render',NULL,NULL,0,1,NULL);
CREATE INDEX invoices_due ON invoices (agency, status, due_date, number, currency, minor_units);
CREATE INDEX history_of ON history (agency, invoice_id);
CREATE INDEX letters_of ON letters (agency, invoice_id);
CREATE INDEX letters_waiting ON letters (agency, not_before) WHERE state = 'queued';
COMMIT;
