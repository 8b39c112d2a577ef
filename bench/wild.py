"""`python -m bench.wild`: whole photos with masks, scored by class through the photo pipeline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf.data.folder import Pair, find_pairs, read_pair
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.parser import FaceParser

# Photos of whole people in the street that no training uses, for `--ids`.
STREET_HELDOUT = Path(__file__).with_name("street_heldout.txt")


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.wild", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds images/ and masks/ of whole photos")
    parser.add_argument("--ids", type=Path, help="score only the photos that this file names")
    parser.add_argument("--model", help="a checkpoint (default: the embedded one)")
    parser.add_argument("--classes", default="hair,hat,eyeglasses,cloth", help="which to print")
    parser.add_argument("--raw", action="store_true", help="keep parts that can't be there")
    return parser.parse_args()


def main() -> int:
    """Prints F1, precision and recall by class as JSON."""
    args = parse_arguments()
    pairs = find_pairs(args.folder)
    if args.ids:
        wanted = set(args.ids.read_text(encoding="utf-8").split())
        pairs = tuple(pair for pair in pairs if pair.stem in wanted)
    parser = FaceParser.from_pretrained(args.model)
    scores, faces, problems = measure(parser, pairs, raw=args.raw)
    rows = by_class(scores, args.classes.split(","))
    found = {"photos": len(pairs), "faces": faces, "unreadable": problems}
    print(json.dumps({**found, "classes": rows}, indent=2))
    return 0


def measure(
    parser: FaceParser, pairs: Sequence[Pair], *, raw: bool = False
) -> tuple[Scores, int, int]:
    """Parses whole photos.

    Returns:
        The scores, the number of faces found, and of those that are unreadable.
    """
    counts = np.zeros((parser.schema.num_classes,) * 2, np.int64)
    faces = problems = 0
    for pair in pairs:
        image, mask = read_pair(pair, parser.schema)
        parse = parser.parse(image, raw=raw)
        counts += confusion_matrix(mask, parse.mask, parser.schema.num_classes)
        faces += len(parse.faces)
        problems += sum(face.problem is not None for face in parse.faces)
    return Scores(counts, parser.schema), faces, problems


def by_class(scores: Scores, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns F1, precision and recall of some classes, rounded."""
    rows = {}
    for name in names:
        index = scores.schema.id_of(name)
        hit = scores.confusion[index, index]
        true, said = scores.confusion[index].sum(), scores.confusion[:, index].sum()
        values = {"f1": 2 * hit / max(1, true + said), "precision": hit / max(1, said)}
        values["recall"] = hit / max(1, true)
        rows[name] = {key: round(float(value), 3) for key, value in values.items()}
    return rows


if __name__ == "__main__":
    sys.exit(main())
