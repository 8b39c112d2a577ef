"""ONNX Runtime beside torch: the embedded checkpoint on faces, photos and batches, in turns.

`python -m bench.engines` prints the table alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import numpy as np

from bench.cases import Setup, crowd
from bench.pictures import portrait
from bench.tables import table
from bench.timing import interleaved, ratio
from segface_hf.parser import FaceParser

_CROPS = 8


def by_engine(setup: Setup) -> list[dict]:
    """What the same work takes with each engine; `times` above 1 means that ONNX is faster."""
    light = FaceParser.from_pretrained(engine="onnx")
    full = FaceParser.from_pretrained(engine="torch")
    ours, theirs = _cases(light), _cases(full)
    rows = []
    for name, call in ours.items():
        calls = {"onnx": call, "torch": theirs[name]}
        times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
        rows.append(
            {
                "work": name,
                "onnx_ms": times["onnx"].to_dict()["p50_ms"],
                "torch_ms": times["torch"].to_dict()["p50_ms"],
                "times": round(ratio(times["torch"], times["onnx"]), 2),
            }
        )
    return rows


def _cases(parser: FaceParser) -> Mapping[str, Callable[[], object]]:
    side = parser.engine.config.resolution
    crop, photo, many = portrait(side), portrait(512), crowd(1024, 1024, 9)
    crops, photos = np.repeat(np.asarray(crop)[None], _CROPS, 0), [photo] * _CROPS
    return {
        "the model on one face": lambda: _run(parser, crops[:1]),
        f"the model on {_CROPS} faces at once": lambda: _run(parser, crops),
        "a photo of one face": lambda: parser.parse(photo),
        "a photo of nine faces": lambda: parser.parse(many),
        f"{_CROPS} crops, parse_many": lambda: list(parser.parse_many(crops, whole_image=True)),
        f"{_CROPS} photos, parse_many": lambda: list(parser.parse_many(photos)),
    }


def _run(parser: FaceParser, crops: np.ndarray) -> object:
    return parser.engine.run(crops, landmarks=None, confidence=False)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="rounds (default: %(default)s)")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    args = parser.parse_args()
    print(table(by_engine(Setup(args.repeats, args.clock))))


if __name__ == "__main__":
    main()
