"""The correction workflow: a fixed mask becomes a dataset row, in a folder or on the Hub."""
