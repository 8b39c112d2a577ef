"""Verdicts about whole photos, and the public set's own files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.wild import PUBLIC, MeasuredPhoto, verdict
from segface_hf.data.folder import find_pairs
from segface_hf.labels import CELEBAMASK_HQ

SKIN, HAIR, HAT = (CELEBAMASK_HQ.id_of(name) for name in ("skin", "hair", "hat"))


@pytest.mark.parametrize(
    ("missed", "false_hat", "expected"),
    [(0, 0, "good"), (30, 0, "small fault"), (60, 0, "bad"), (0, 2, "small fault"), (0, 9, "bad")],
)
def test_a_photo_is_judged_by_missed_hair_and_false_accessories(
    missed: int, false_hat: int, expected: str
) -> None:
    confusion = np.zeros((19, 19), np.int64)
    confusion[SKIN, SKIN], confusion[HAIR, HAIR] = 100, 100 - missed
    confusion[HAIR, 0], confusion[0, HAT] = missed, false_hat
    assert verdict(MeasuredPhoto(confusion, CELEBAMASK_HQ, 1, 0)) == expected


def test_every_photo_of_the_public_set_has_a_mask_a_source_and_few_bytes() -> None:
    pairs = find_pairs(PUBLIC)
    described = json.loads((PUBLIC / "sources.json").read_text(encoding="utf-8"))
    assert {pair.stem for pair in pairs} == set(described["photos"])
    assert "CC0-1.0" in described["license"]
    assert max(pair.image.stat().st_size for pair in pairs) <= 60_000
