"""All rows of a dataset, in a folder or on the Hub."""
