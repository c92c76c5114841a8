"""Where the bytes of attachments are kept. Each keeps the contract of `indiopay.ports.FileStore`."""
