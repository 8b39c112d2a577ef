"""One dataset row as bytes: record, parquet limits, pictures, checks."""
