"""Tables for dashboards: CSV and Parquet, a star schema, and a dictionary of every column."""
