"""`python -m bench.annotator`: seconds that a simulated annotator needs."""

from __future__ import annotations

import argparse
import sys

from bench.annotator.run import HELP, add_arguments, run
from segface_hf.errors import SegFaceError

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.annotator", description=HELP)
    add_arguments(parser)
    try:
        sys.exit(run(parser.parse_args()))
    except SegFaceError as error:
        sys.exit(f"bench.annotator: {error}")
