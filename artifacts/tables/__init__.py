"""Tables: typed rows that may hold media, kept as Parquet."""
