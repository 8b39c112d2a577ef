"""Many pictures at once: a list of them, never one picture taken for a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segface_hf.errors import ImageError
from segface_hf.parser import FaceParser
from tests.segface_hf.drawn import PaletteEngine, face_mask, painted

SIZE = 256


@pytest.mark.parametrize("kind", ["array", "grey array", "image", "path", "name", "bytes"])
def test_one_crop_instead_of_a_list_is_refused(kind: str) -> None:
    crop = painted(face_mask(64))
    one = {
        "array": np.asarray(crop), "grey array": np.asarray(crop)[..., 0], "image": crop,
        "path": Path("crop.png"), "name": "crop.png", "bytes": b"crop",
    }[kind]  # fmt: skip
    with pytest.raises(ImageError, match="put it in a list"):
        FaceParser(PaletteEngine()).parse_aligned(one)


def test_an_array_of_crops_is_a_list_of_them() -> None:
    batch = np.stack([painted(face_mask(SIZE)), painted(face_mask(SIZE, without=("hair",)))])
    first, second = FaceParser(PaletteEngine()).parse_aligned(batch)
    assert np.array_equal(first, face_mask(SIZE))
    assert np.array_equal(second, face_mask(SIZE, without=("hair",)))
