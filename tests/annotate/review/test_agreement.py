"""Two annotators on one photo, in literal arrays."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.errors import ReviewError
from annotate.review.agreement import adjudicate, agree, disputes
from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ

FIRST = np.array([[2, 2, 2, 14], [2, 2, 0, 14]], np.uint8)
SECOND = np.array([[2, 2, 2, 2], [2, 0, 0, 14]], np.uint8)


def test_agreement_is_counted_by_class():
    found = agree(FIRST, SECOND, schema=CELEBAMASK_HQ)
    skin, hair, hat = (found.classes[CELEBAMASK_HQ.id_of(n)] for n in ("skin", "hair", "hat"))
    assert (skin.first, skin.second, skin.both, skin.iou) == (5, 5, 4, 4 / 6)
    assert (hair.first, hair.second, hair.both, hair.iou) == (2, 1, 1, 1 / 2)
    assert hat.iou is None
    assert found.disagreement.tolist() == [[False, False, False, True], [False, True, False, False]]
    assert found.share == 6 / 8
    expected = (1 * 2 + 5 * 5 + 2 * 1) / 64
    assert found.kappa == pytest.approx((6 / 8 - expected) / (1 - expected))


def test_equal_masks_agree_fully_even_with_one_class():
    same = np.zeros((2, 2), np.uint8)
    assert agree(same, same, schema=CELEBAMASK_HQ).kappa == 1.0
    assert agree(FIRST, FIRST, schema=CELEBAMASK_HQ).kappa == pytest.approx(1.0)


def test_disputes_are_the_connected_differences_largest_first():
    second = FIRST.copy()
    second[0, :2] = 16
    second[1, 3] = 0
    found, numbered = disputes(FIRST, second, schema=CELEBAMASK_HQ)
    assert [(d.number, d.pixels, d.box, d.first, d.second) for d in found] == [
        (1, 2, (0, 0, 2, 1), "skin", "hat"),
        (2, 1, (3, 1, 4, 2), "hair", "background"),
    ]
    assert numbered.tolist() == [[1, 1, 0, 0], [0, 0, 0, 2]]


def test_a_dispute_is_settled_for_either_mask():
    settled = adjudicate(FIRST, SECOND, schema=CELEBAMASK_HQ, takes={1: 2, 2: 1})
    assert settled.tolist() == [[2, 2, 2, 2], [2, 2, 0, 14]]
    assert adjudicate(FIRST, SECOND, schema=CELEBAMASK_HQ, takes={}).tolist() == FIRST.tolist()
    with pytest.raises(ReviewError, match=r"mask 1 or 2 for disputes 1 to 2, got \[3\]"):
        adjudicate(FIRST, SECOND, schema=CELEBAMASK_HQ, takes={3: 1})


def test_masks_of_two_sizes_or_unknown_ids_are_refused():
    with pytest.raises(ReviewError, match="have one size"):
        agree(FIRST, SECOND[:1], schema=CELEBAMASK_HQ)
    with pytest.raises(LabelError, match="second mask: id 99"):
        agree(FIRST, np.full_like(FIRST, 99), schema=CELEBAMASK_HQ)
