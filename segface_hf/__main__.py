"""Runs `segface` as `python -m segface_hf`."""

import sys

from segface_hf.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
