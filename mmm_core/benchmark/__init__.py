"""Data sets with known truth, who fits them, and how well: `mmm benchmark`."""
