"""Where invoices are kept: in memory, in one SQLite file. Each keeps the contract of `indiopay.ports.InvoiceStore`."""
