"""Ways to hand a letter over. Each keeps the contract of `indiopay.ports.Mailer`."""
