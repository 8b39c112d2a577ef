"""Colors lie over the photo by lookup, and what is hidden stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.overlay import blend, colorize, legend, outline

SKIN, HAIR = CELEBAMASK_HQ.id_of("skin"), CELEBAMASK_HQ.id_of("hair")
MASK = np.array([[0, SKIN], [SKIN, HAIR]], np.uint8)


def gray(value: int = 100) -> Image.Image:
    return Image.new("RGB", (2, 2), (value, value, value))


def test_colors_are_the_schemas() -> None:
    picture = colorize(MASK, CELEBAMASK_HQ)
    assert picture.getpixel((0, 0)) == (0, 0, 0)
    assert picture.getpixel((1, 1)) == CELEBAMASK_HQ.colors[HAIR]


def test_opacity_mixes_photo_and_color() -> None:
    mixed = np.asarray(blend(gray(), MASK, CELEBAMASK_HQ, opacity=0.25))
    expected = np.round(0.75 * 100 + 0.25 * np.array(CELEBAMASK_HQ.colors[SKIN]))
    assert mixed[0, 1].tolist() == expected.tolist()


def test_blending_equals_the_plain_formula_on_every_class() -> None:
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (40, 30, 3), np.uint8)
    mask = random.integers(0, 19, (40, 30), np.uint8)
    colors = np.asarray(CELEBAMASK_HQ.colors, float)[mask]
    share = np.where(mask == 0, 0.0, 0.6)[..., None]
    expected = photo * (1 - share) + colors * share
    mixed = np.asarray(blend(Image.fromarray(photo), mask, CELEBAMASK_HQ, opacity=0.6))
    assert np.abs(mixed - expected).max() <= 0.5 + 1e-9


def test_background_and_hidden_classes_show_the_photo() -> None:
    mixed = blend(gray(), MASK, CELEBAMASK_HQ, opacity=1.0, hidden=("skin",))
    assert mixed.getpixel((0, 0)) == (100, 100, 100)
    assert mixed.getpixel((1, 0)) == (100, 100, 100)
    assert mixed.getpixel((1, 1)) == CELEBAMASK_HQ.colors[HAIR]


def test_another_palette_can_be_used() -> None:
    colors = [(1, 2, 3)] * 19
    assert blend(gray(), MASK, CELEBAMASK_HQ, opacity=1.0, colors=colors).getpixel((1, 1)) == (
        1,
        2,
        3,
    )


def test_outlines_have_the_full_color_where_regions_meet() -> None:
    mixed = blend(gray(), MASK, CELEBAMASK_HQ, opacity=0.0, outlines=True)
    assert mixed.getpixel((1, 1)) == (100, 100, 100)
    mixed = blend(gray(), MASK, CELEBAMASK_HQ, opacity=0.1, outlines=True)
    assert mixed.getpixel((1, 0)) == CELEBAMASK_HQ.colors[SKIN]
    assert mixed.getpixel((0, 0)) == (100, 100, 100)


def test_an_outline_is_where_the_class_changes() -> None:
    assert outline(MASK).tolist() == [[True, True], [True, False]]
    assert not outline(np.zeros((3, 3), np.uint8)).any()


def test_the_inputs_are_not_changed() -> None:
    photo, mask = gray(), MASK.copy()
    blend(photo, mask, CELEBAMASK_HQ, opacity=1.0, outlines=True)
    assert photo.getpixel((1, 1)) == (100, 100, 100)
    assert np.array_equal(mask, MASK)


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(LabelError, match="2 x 2, the mask's size, got RGB of 3 x 2"):
        blend(Image.new("RGB", (3, 2)), MASK, CELEBAMASK_HQ)


def test_bad_opacity_classes_and_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="opacity is from 0 to 1"):
        blend(gray(), MASK, CELEBAMASK_HQ, opacity=1.5)
    with pytest.raises(LabelError, match="no class 'beard'"):
        blend(gray(), MASK, CELEBAMASK_HQ, hidden=("beard",))
    with pytest.raises(LabelError, match="19 is not a class"):
        colorize(np.full((2, 2), 19, np.uint8), CELEBAMASK_HQ)


def test_the_legend_shows_each_class_with_its_color() -> None:
    picture = legend(CELEBAMASK_HQ, ("skin", "hair"))
    colors = {color for _, color in picture.getcolors(100_000)}
    assert {CELEBAMASK_HQ.colors[SKIN], CELEBAMASK_HQ.colors[HAIR]} <= colors
    assert CELEBAMASK_HQ.colors[1] not in colors


def test_columns_make_the_legend_wide_and_low() -> None:
    tall, wide = legend(CELEBAMASK_HQ), legend(CELEBAMASK_HQ, columns=3)
    assert wide.width == 3 * tall.width
    assert wide.height < tall.height / 2


def test_a_legend_without_classes_is_an_empty_picture() -> None:
    assert legend(CELEBAMASK_HQ, ()).height >= 1
