"""The commands of `python -m annotate`; each module has HELP, add_arguments and run."""
