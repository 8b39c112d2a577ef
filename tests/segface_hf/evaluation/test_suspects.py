"""Errors planted in drawn masks are found and named, and good masks are no suspects."""

import numpy as np
import pytest

from segface_hf.evaluation.suspects import (
    ADDITIONAL,
    EXCHANGED,
    MISSING,
    SHIFTED,
    SUSPECT,
    WRONG_CLASS,
    suspicion_score,
    suspicions,
)
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from tests.segface_hf.training.drawn import draw_face

ID = CELEBAMASK_HQ.id_of


def face():
    """A drawn face in 128 x 128 pixels."""
    return np.kron(draw_face(1)[1], np.ones((2, 2), np.uint8))


def judged(mask, seen, sure=255):
    return suspicions(mask, seen, np.full(mask.shape, sure, np.uint8), CELEBAMASK_HQ)


def no_nose(mask):
    return np.where(mask == ID("nose"), ID("skin"), mask)


def a_hat(mask):
    mask[:14, 40:90] = ID("hat")
    return mask


def other_sides(mask):
    return np.array(CELEBAMASK_HQ.mirror_ids, np.uint8)[mask]


def moved_lip(mask):
    lip = mask == ID("u_lip")
    mask[lip] = ID("skin")
    mask[np.roll(lip, 6, axis=0)] = ID("u_lip")
    return mask


def renamed_nose(mask):
    return np.where(mask == ID("nose"), ID("earring"), mask)


@pytest.mark.parametrize(
    ("error", "kind", "part"),
    [
        (no_nose, MISSING, "nose"),
        (a_hat, ADDITIONAL, "hat"),
        (other_sides, EXCHANGED, "l_eye and r_eye"),
        (moved_lip, SHIFTED, "u_lip"),
        (renamed_nose, WRONG_CLASS, "earring"),
    ],
)
def test_a_planted_error_is_found_and_named(error, kind, part):
    wrong = error(face()).astype(np.uint8)
    worst = judged(wrong, face())[0]
    assert (worst.kind, worst.part) == (kind, part)
    assert worst.score >= (0.3 if kind == SHIFTED else SUSPECT)
    x0, y0, x1, y1 = worst.box
    changed = wrong != face()
    assert changed[y0:y1, x0:x1].any()


def test_a_good_mask_is_no_suspect():
    near = np.roll(face(), 1, axis=1)
    assert judged(face(), face()) == ()
    assert suspicion_score(judged(near, face())) < SUSPECT


def test_pixels_where_the_model_is_unsure_and_unlabeled_ones_do_not_count():
    assert suspicion_score(judged(no_nose(face()), face(), sure=127)) == 0
    unknown = np.where(face() == ID("nose"), IGNORED, face()).astype(np.uint8)
    assert judged(unknown, face()) == ()


def test_a_large_mask_is_judged_in_its_own_pixels():
    large = [np.kron(m, np.ones((6, 6), np.uint8)) for m in (no_nose(face()), face())]
    small = judged(no_nose(face()), face())[0]
    (x0, y0, x1, y1), box = judged(*large)[0].box, np.array(small.box) * 6
    assert np.abs(np.array([x0, y0, x1, y1]) - box).max() <= 6
