"""Where invoices are kept: in memory, in a SQLite file, in PostgreSQL. Each keeps the contract of `InvoiceStore`."""
