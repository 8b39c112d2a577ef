"""`python -m bench.wild`: whole photos with masks, scored by class through the photo pipeline."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf.data.folder import Pair, find_pairs, read_pair
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.labels import LabelSchema
from segface_hf.parser import FaceParser

# Photos in the public domain with masks; sources.json says where they are from.
PUBLIC = Path(__file__).with_name("wild_photos")

GOOD_F1, BAD_F1 = 0.9, 0.75
GOOD_ACCESSORY, BAD_ACCESSORY = 0.005, 0.05


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.wild", description=__doc__)
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=PUBLIC,
        help="holds images/ and masks/ of whole photos (default: the public set)",
    )
    parser.add_argument("--verdicts", action="store_true", help="print one line for each photo")
    parser.add_argument("--ids", type=Path, help="score only the photos that this file names")
    parser.add_argument("--model", help="a checkpoint (default: the embedded one)")
    parser.add_argument(
        "--classes", default="hair,skin,neck,hat,eyeglasses,cloth", help="which to print"
    )
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
    photos = [measure(parser, pair, raw=args.raw) for pair in pairs]
    scores = Scores(np.sum([photo.confusion for photo in photos], axis=0), parser.schema)
    verdicts = {pair.stem: verdict(photo) for pair, photo in zip(pairs, photos, strict=True)}
    found = {
        "photos": len(pairs),
        "faces": sum(photo.faces for photo in photos),
        "unreadable": sum(photo.unreadable for photo in photos),
        "verdicts": verdicts if args.verdicts else Counter(verdicts.values()),
        "classes": by_class(scores, args.classes.split(",")),
    }
    print(json.dumps(found, indent=2))
    return 0


@dataclass(frozen=True, eq=False)
class MeasuredPhoto:
    """What the parser did with one photo.

    Attributes:
        confusion: int64 (K, K) pixels, true classes by row, where the mask is known.
        schema: Names the classes.
        faces: How many were found.
        unreadable: How many of them have a problem.
    """

    confusion: np.ndarray
    schema: LabelSchema
    faces: int
    unreadable: int


def measure(parser: FaceParser, pair: Pair, *, raw: bool = False) -> MeasuredPhoto:
    """Parses a whole photo and compares it with its mask."""
    image, mask = read_pair(pair, parser.schema)
    parse = parser.parse(image, raw=raw)
    return MeasuredPhoto(
        confusion_matrix(mask, parse.mask, parser.schema.num_classes),
        parser.schema,
        len(parse.faces),
        sum(face.problem is not None for face in parse.faces),
    )


def verdict(photo: MeasuredPhoto) -> str:
    """Returns `good`, `small fault` or `bad` by the F1 of skin and hair and by false accessories.

    A false accessory is one that the mask doesn't have, by its area over the skin's.
    """
    confusion, schema = photo.confusion, photo.schema
    skin = max(1, int(confusion[schema.id_of("skin")].sum()))
    absent = [i for i in schema.tail if not confusion[i].sum()]
    false = max((confusion[:, i].sum() / skin for i in absent), default=0.0)
    rows = by_class(Scores(confusion, schema), ("skin", "hair"))
    least = min(row["f1"] for row in rows.values())
    if least < BAD_F1 or false > BAD_ACCESSORY:
        return "bad"
    return "good" if least >= GOOD_F1 and false <= GOOD_ACCESSORY else "small fault"


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
