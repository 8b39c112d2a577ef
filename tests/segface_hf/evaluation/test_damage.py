"""Damaged photos keep their size and lose what their name says."""

import numpy as np
import pytest
from PIL import Image

from segface_hf.cli.evaluate import DAMAGE_NAMES
from segface_hf.evaluation.photos import DAMAGES

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8))


def test_the_command_offers_every_damage():
    assert tuple(DAMAGES) == DAMAGE_NAMES


@pytest.mark.parametrize("name", DAMAGE_NAMES)
def test_a_damaged_photo_keeps_its_size_and_leaves_the_original(name):
    before = np.asarray(PHOTO).copy()
    result = DAMAGES[name](PHOTO)
    assert result.size == PHOTO.size
    assert result.mode == "RGB"
    assert np.array_equal(np.asarray(PHOTO), before)
    assert not np.array_equal(np.asarray(result), before)


def test_gray_has_equal_channels_and_dark_a_third_of_the_light():
    gray = np.asarray(DAMAGES["gray"](PHOTO))
    assert np.array_equal(gray[..., 0], gray[..., 1])
    dark = np.asarray(DAMAGES["dark"](PHOTO)).mean()
    assert dark == pytest.approx(0.35 * np.asarray(PHOTO).mean(), rel=0.02)
