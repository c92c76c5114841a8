"""Workers that deliver letters in bad weather, on a clock that stands still; and what must be true of each letter."""
