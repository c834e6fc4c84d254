"""A fit to a few more weeks: what it keeps of the last accepted fit, and what has changed since."""
