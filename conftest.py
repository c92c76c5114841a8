"""Runs every example of the README, the docs and the docstrings."""
