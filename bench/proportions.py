"""How the faces of two data folders differ: `python -m bench.proportions RENDERED PHOTOS`.

What annotators outline and what a renderer calls a nose need not agree, and no score tells how.
This measures masks only: lengths and areas of parts as multiples of the distance of the eyes,
and where a face lies in its picture, as medians over the faces that look ahead, without glasses.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bench.tables import table
from segface_hf.data.folder import find_pairs, read_mask
from segface_hf.labels import CELEBAMASK_HQ

_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "nose": ("nose",),
        "left eye": ("l_eye",),
        "left brow": ("l_brow",),
        "left ear": ("l_ear",),
        "lips": ("u_lip", "l_lip", "mouth"),
        "upper lip": ("u_lip",),
        "lower lip": ("l_lip",),
        "open mouth": ("mouth",),
        "skin": ("skin",),
        "neck": ("neck",),
    }
)
_SHARES = ("hair", "cloth", "background")
_SMALLEST = 12
_TILT, _ASIDE = 0.2, 0.15


def proportions(mask: np.ndarray) -> dict[str, float] | None:
    """Measures one face.

    Args:
        mask: uint8 (H, W) of class ids.

    Returns:
        Name of a measure -> value. Widths, heights and `below eyes` (middle of a part, negative
        above) are multiples of the distance of the eyes, areas of its square; the rest are shares
        of the picture. None where both eyes and the nose aren't seen from the front, or where
        there are glasses.
    """
    eyes = [_spots(mask, (name,)) for name in ("l_eye", "r_eye")]
    nose = _spots(mask, ("nose",))
    glasses = (mask == CELEBAMASK_HQ.id_of("eyeglasses")).any()
    if glasses or min(len(spots) for spots in (*eyes, nose)) < _SMALLEST:
        return None
    left, right = (spots.mean(0) for spots in eyes)
    middle, apart = (left + right) / 2, float(np.hypot(*(left - right)))
    turned = abs(nose[:, 1].mean() - middle[1]) > _ASIDE * apart
    if turned or abs(left[0] - right[0]) > _TILT * apart:
        return None
    found = {"eyes apart": apart / mask.shape[1], "eyes from top": middle[0] / mask.shape[0]}
    found |= {
        f"{name} share": float((mask == CELEBAMASK_HQ.id_of(name)).mean()) for name in _SHARES
    }
    for part, names in _PARTS.items():
        spots = _spots(mask, names)
        if len(spots) >= _SMALLEST:
            found |= {f"{part} {what}": x for what, x in _measured(spots, middle, apart)}
    return found


def _spots(mask: np.ndarray, names: Iterable[str]) -> np.ndarray:
    """Rows and columns (N, 2) of some classes."""
    return np.argwhere(np.isin(mask, [CELEBAMASK_HQ.id_of(name) for name in names]))


def _measured(spots: np.ndarray, middle: np.ndarray, apart: float) -> Iterator[tuple[str, float]]:
    height, width = (np.ptp(spots, axis=0) + 1) / apart
    yield "width", float(width)
    yield "height", float(height)
    yield "area", len(spots) / apart**2
    yield "below eyes", float((spots[:, 0].mean() - middle[0]) / apart)


def medians(faces: Iterable[Mapping[str, float]]) -> dict[str, tuple[float, int]]:
    """Measure -> its median, and over how many faces."""
    values: dict[str, list[float]] = {}
    for face in faces:
        for name, value in face.items():
            values.setdefault(name, []).append(value)
    return {name: (float(np.median(some)), len(some)) for name, some in values.items()}


def of_folder(folder: Path) -> dict[str, tuple[float, int]]:
    """Medians of a data folder's masks."""
    masks = (read_mask(pair.mask, CELEBAMASK_HQ) for pair in find_pairs(folder))
    return medians(face for face in map(proportions, masks) if face is not None)


def compared(
    ours: Mapping[str, tuple[float, int]], theirs: Mapping[str, tuple[float, int]]
) -> list[dict[str, object]]:
    """Rows of a table: measures that both folders have."""
    return [
        {
            "measure": name,
            "first": round(ours[name][0], 3),
            "second": round(theirs[name][0], 3),
            "faces": f"{ours[name][1]}, {theirs[name][1]}",
        }
        for name in ours
        if name in theirs
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.proportions", description=__doc__)
    parser.add_argument("first", type=Path, help="data folder, such as rendered pictures")
    parser.add_argument("second", type=Path, help="data folder to compare with, such as photos")
    args = parser.parse_args()
    print(table(compared(of_folder(args.first), of_folder(args.second))))


if __name__ == "__main__":
    main()
