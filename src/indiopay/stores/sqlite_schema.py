"""The tables of a SQLite file, step by step. A step that was released is never changed: a new one follows it."""

from indiopay.stores.migrations import Step

STEPS: tuple[Step, ...] = (
    (
        "CREATE TABLE indiopay_schema (version INTEGER NOT NULL) STRICT",
        "INSERT INTO indiopay_schema VALUES (1)",
        """CREATE TABLE counters (
            agency TEXT PRIMARY KEY, last_number INTEGER NOT NULL, last_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE invoices (
            id BLOB NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, agency TEXT NOT NULL,
            client_name TEXT NOT NULL, client_email TEXT NOT NULL, minor_units INTEGER NOT NULL, currency TEXT NOT NULL,
            due_date TEXT NOT NULL, description TEXT NOT NULL, attachments TEXT NOT NULL, locale TEXT NOT NULL,
            status TEXT NOT NULL, created_at TEXT NOT NULL, paid_at TEXT, payment_reference TEXT, cancelled_at TEXT,
            cancel_reason TEXT, version INTEGER NOT NULL, link_id BLOB NOT NULL, key_id INTEGER NOT NULL,
            idempotency_key TEXT, fingerprint BLOB, search TEXT NOT NULL,
            PRIMARY KEY (agency, id), UNIQUE (agency, number), UNIQUE (agency, link_id),
            UNIQUE (agency, idempotency_key)
        ) STRICT""",
        "CREATE INDEX invoices_due ON invoices (agency, status, due_date, number, currency, minor_units)",
        """CREATE TABLE history (
            seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, invoice_id BLOB NOT NULL,
            kind TEXT NOT NULL, at TEXT NOT NULL, details TEXT NOT NULL,
            FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
        ) STRICT""",
        "CREATE INDEX history_of ON history (agency, invoice_id)",
        """CREATE TABLE letters (
            seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, id BLOB NOT NULL, invoice_id BLOB NOT NULL,
            message_id TEXT NOT NULL, recipient TEXT NOT NULL, queued_at TEXT NOT NULL, not_before TEXT NOT NULL,
            kind TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, sender TEXT, message BLOB,
            message_sha256 TEXT, last_phase TEXT, last_code INTEGER, sent_at TEXT, maybe_duplicate INTEGER NOT NULL,
            lease_token INTEGER NOT NULL, lease_end TEXT,
            UNIQUE (agency, id), UNIQUE (agency, message_id),
            FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
        ) STRICT""",
        "CREATE INDEX letters_of ON letters (agency, invoice_id)",
        "CREATE INDEX letters_waiting ON letters (agency, not_before) WHERE state = 'queued'",
    ),
    (
        # An invoice is found by its number in the same column as by its other words.
        "UPDATE invoices SET search = 'f-' || printf('%06d', number) || char(10) || search",
        "CREATE INDEX invoices_by_due_date ON invoices (agency, due_date, number)",
        "CREATE INDEX letters_by_age ON letters (agency, queued_at) WHERE state = 'queued'",
    ),
)
