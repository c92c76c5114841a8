"""A desk's folder on a simulated disk that loses what was not synced."""
