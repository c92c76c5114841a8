"""How the documentation is built."""
