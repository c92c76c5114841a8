"""The tables in PostgreSQL, step by step, in a schema of their own. A step that was released is never changed."""

from indiopay.stores.migrations import Step

STEPS: tuple[Step, ...] = (
    (
        # Not IF NOT EXISTS, which asks for the right to make schemas even where an administrator made this one.
        "DO $$ BEGIN IF to_regnamespace('indiopay') IS NULL THEN CREATE SCHEMA indiopay; END IF; END $$",
        "CREATE TABLE indiopay.indiopay_schema (version integer NOT NULL)",
        "INSERT INTO indiopay.indiopay_schema VALUES (1)",
        """CREATE TABLE indiopay.counters (
            agency text PRIMARY KEY, last_number bigint NOT NULL, last_at timestamptz NOT NULL
        ) WITH (fillfactor = 50)""",
        """CREATE TABLE indiopay.invoices (
            id uuid NOT NULL, number bigint NOT NULL, type text NOT NULL, agency text NOT NULL,
            client_name text NOT NULL, client_email text NOT NULL, minor_units bigint NOT NULL, currency text NOT NULL,
            due_date date NOT NULL, description text NOT NULL, attachments jsonb NOT NULL, locale text NOT NULL,
            status text NOT NULL, created_at timestamptz NOT NULL, paid_at timestamptz, payment_reference text,
            cancelled_at timestamptz, cancel_reason text, version integer NOT NULL, link_id bytea NOT NULL,
            key_id smallint NOT NULL, idempotency_key text, fingerprint bytea, search text NOT NULL,
            PRIMARY KEY (agency, id), UNIQUE (agency, number), UNIQUE (agency, link_id),
            UNIQUE (agency, idempotency_key)
        )""",
        """CREATE INDEX invoices_due ON indiopay.invoices (agency, status, due_date, number)
            INCLUDE (currency, minor_units)""",
        "CREATE INDEX invoices_by_due_date ON indiopay.invoices (agency, due_date, number)",
        """CREATE TABLE indiopay.history (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agency text NOT NULL, invoice_id uuid NOT NULL,
            kind text NOT NULL, at timestamptz NOT NULL, details jsonb NOT NULL,
            FOREIGN KEY (agency, invoice_id) REFERENCES indiopay.invoices (agency, id)
        )""",
        "CREATE INDEX history_of ON indiopay.history (agency, invoice_id)",
        """CREATE TABLE indiopay.letters (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agency text NOT NULL, id uuid NOT NULL,
            invoice_id uuid NOT NULL, message_id text NOT NULL, recipient text NOT NULL, queued_at timestamptz NOT NULL,
            not_before timestamptz NOT NULL, kind text NOT NULL, state text NOT NULL, attempts integer NOT NULL,
            sender text, message bytea, message_sha256 text, last_phase text, last_code integer, sent_at timestamptz,
            maybe_duplicate boolean NOT NULL, lease_token integer NOT NULL, lease_end timestamptz,
            UNIQUE (agency, id), UNIQUE (agency, message_id),
            FOREIGN KEY (agency, invoice_id) REFERENCES indiopay.invoices (agency, id)
        )""",
        "CREATE INDEX letters_of ON indiopay.letters (agency, invoice_id)",
        "CREATE INDEX letters_waiting ON indiopay.letters (agency, not_before) WHERE state = 'queued'",
        "CREATE INDEX letters_by_age ON indiopay.letters (agency, queued_at) WHERE state = 'queued'",
    ),
)
