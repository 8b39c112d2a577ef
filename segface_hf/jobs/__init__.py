"""Jobs: many photos from folders, parquet files or Hub datasets, on one machine or on many."""
