"""`segface explain`: why a region got its class, as a page with pictures and as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path

from segface_hf.cli.arguments import finite

HELP = "say why a region of a photo got its class: which attention heads voted for it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("photo", help="the photo; with --without, the one that has the part")
    parser.add_argument("--class", dest="name", help="class to explain (default: the one there)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--at", type=_place, metavar="X,Y", help="explain the region at this pixel of the photo"
    )
    place.add_argument("--region", help="picture of the photo's size, the region in white")
    parser.add_argument(
        "--without",
        metavar="PHOTO",
        help="the same photo without the part: find the heads that carry it",
    )
    parser.add_argument(
        "--model", help="checkpoint folder, org/name or hub:... (default: the embedded one)"
    )
    parser.add_argument("--out", required=True, help="folder for explain.html and explain.json")


def _place(text: str) -> tuple[float, float]:
    """An argument type: two numbers."""
    first, _, second = text.partition(",")
    return finite(first), finite(second)


def run(args: argparse.Namespace) -> int:
    """Explains; returns 0."""
    import numpy as np

    from segface_hf.checkpoints.files import EMBEDDED
    from segface_hf.explain.photo import Explainer, Question
    from segface_hf.explain.report import as_json, as_page, sentence, write_report
    from segface_hf.images import plain_image
    from segface_hf.modeling.segface import SegFace

    photo, patched = plain_image(args.photo), None
    region = None
    if args.region:
        region = np.asarray(plain_image(args.region).convert("L")) > 127
    question = Question(args.name, args.at, region)
    explainer = Explainer(SegFace.from_pretrained(args.model or EMBEDDED))
    if args.without:
        other = plain_image(args.without)
        explanation, patched = explainer.compare(photo, other, question)
    else:
        explanation = explainer.explain(photo, question)
    margin, names = explanation.margin, explanation.names
    target, rival = names[margin.target], names[margin.rival]
    if not explanation.found:
        print(f"the model sees no {target} there: this is the region that comes nearest to it")
    side = "above" if margin.value > 0 else "below"
    print(f"{target} is {abs(margin.value):.2f} logits {side} {rival}")
    for vote in margin.heads[:3]:
        print(sentence(explanation, vote))
    folder, page = Path(args.out), as_page(explanation, patched)
    write_report(folder, "explain", page, as_json(explanation, patched))
    print(folder / "explain.html")
    return 0
