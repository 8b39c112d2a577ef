"""Parts that can't be there are relabeled by what is around them; true parts stay."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ, LAPA
from segface_hf.pipeline.merge import CropParse
from segface_hf.pipeline.plausible import plausible
from tests.segface_hf.drawn import face_mask

SIZE = 256
# (class, x0, y0, x1, y1) in the unit square: what a rule removes.
IMPLAUSIBLE = {
    "a hat on the wall": ("hat", 0.02, 0.02, 0.12, 0.12),
    "a necklace on the wall": ("necklace", 0.02, 0.80, 0.10, 0.88),
    "an earring far from any head": ("earring", 0.93, 0.05, 0.97, 0.09),
    "a bow tie as eyeglasses": ("eyeglasses", 0.40, 0.93, 0.60, 0.99),
    "a dark beard as a hat": ("hat", 0.44, 0.80, 0.56, 0.83),
    "a necklace on the forehead": ("necklace", 0.40, 0.30, 0.60, 0.32),
    "eyeglasses beside the head": ("eyeglasses", 0.02, 0.45, 0.08, 0.55),
    "an earring in the hair above": ("earring", 0.30, 0.18, 0.34, 0.22),
    "an eye beside the face": ("l_eye", 0.94, 0.50, 0.99, 0.55),
    "a speck of hair on the cheek": ("hair", 0.40, 0.62, 0.41, 0.63),
}
# What stays.
PLAUSIBLE = {
    "a hat on the hair": ("hat", 0.25, 0.00, 0.75, 0.20),
    "an earring below an ear": ("earring", 0.17, 0.60, 0.20, 0.66),
    "eyeglasses": ("eyeglasses", 0.30, 0.44, 0.70, 0.52),
    "a necklace on the neck": ("necklace", 0.40, 0.93, 0.60, 0.97),
}


def with_part(name: str, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    mask = face_mask(SIZE).copy()
    rows, columns = (slice(round(a * SIZE), round(b * SIZE)) for a, b in ((y0, y1), (x0, x1)))
    mask[rows, columns] = CELEBAMASK_HQ.id_of(name)
    return mask


@pytest.mark.parametrize("what", IMPLAUSIBLE)
def test_an_implausible_part_gets_the_class_around_it(what: str) -> None:
    labels = with_part(*IMPLAUSIBLE[what])
    kept = plausible(CropParse(labels), CELEBAMASK_HQ).labels
    assert np.array_equal(kept, face_mask(SIZE))


@pytest.mark.parametrize("what", PLAUSIBLE)
def test_a_part_of_the_face_stays(what: str) -> None:
    labels = with_part(*PLAUSIBLE[what])
    assert np.array_equal(plausible(CropParse(labels), CELEBAMASK_HQ).labels, labels)


def test_a_hat_in_two_pieces_stays_whole() -> None:
    labels = with_part("hat", 0.25, 0.00, 0.75, 0.18)
    labels[: round(0.18 * SIZE), 100:103] = CELEBAMASK_HQ.id_of("hair")
    assert np.array_equal(plausible(CropParse(labels), CELEBAMASK_HQ).labels, labels)


def test_the_logits_agree_with_the_labels_and_the_input_is_not_changed() -> None:
    labels = with_part(*IMPLAUSIBLE["a hat on the wall"])
    logits = np.eye(19, dtype=np.float32)[labels]
    before = logits.copy()
    kept = plausible(CropParse(labels, logits), CELEBAMASK_HQ)
    assert kept.logits is not None
    assert np.array_equal(kept.logits.argmax(-1), kept.labels)
    assert np.array_equal(logits, before)


def test_a_uniform_parse_and_a_schema_without_accessories_are_not_changed() -> None:
    empty = CropParse(np.zeros((32, 32), np.uint8))
    assert plausible(empty, LAPA) is empty
    skin = CropParse(np.full((32, 32), LAPA.id_of("skin"), np.uint8))
    assert plausible(skin, LAPA) is skin
