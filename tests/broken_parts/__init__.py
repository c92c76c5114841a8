"""Every verb of a desk, while a part of it fails."""
