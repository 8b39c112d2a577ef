"""The mask is read off grays exactly, and a gray that is not a class is refused."""

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.blender.label_pass import FINER, gray_of, read_labels


def grays(labels):
    """What Blender writes for ids (H * FINER, W * FINER)."""
    shown = np.array([gray_of(label) for label in range(CELEBAMASK_HQ.num_classes)])
    return np.round(shown[labels] * 255).astype(np.uint8)


def test_every_class_survives_eight_bits():
    ids = np.arange(CELEBAMASK_HQ.num_classes)
    blocks = np.repeat(np.repeat(ids[None], FINER, 0), FINER, 1)
    mask = read_labels(grays(blocks))
    assert mask.dtype == np.uint8
    assert mask.tolist() == [ids.tolist()]


def test_the_commonest_id_of_a_block_wins():
    block = np.array([[2, 2, 2], [2, 2, 10], [10, 10, 0]])
    assert read_labels(grays(block)).tolist() == [[2]]


@pytest.mark.parametrize("gray", [0, 13, 252])
def test_a_gray_of_no_class_is_refused(gray):
    with pytest.raises(ValueError, match="grays of no class"):
        read_labels(np.full((FINER, FINER), gray, np.uint8))
