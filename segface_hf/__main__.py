"""Lets `python -m segface_hf` be the same as `segface`."""

import sys

from segface_hf.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
