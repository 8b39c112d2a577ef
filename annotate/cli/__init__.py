"""The `python -m annotate` command line."""
