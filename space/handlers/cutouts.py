"""Cut-outs with soft edges: how much of each pixel belongs to some classes, as an alpha channel."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from segface_hf.faces import FaceParse

# Half the width of a soft edge, as a share of the photo's longer side: 2 pixels of 512.
_EDGE = 1 / 256


def soft_alpha(parse: FaceParse, classes: Collection[int]) -> np.ndarray:
    """Returns the share of each pixel that belongs to some classes.

    At an edge it follows the probability of the classes where the model gave one, and a smooth
    step elsewhere, such as where the mask was corrected. Away from edges it is 0 or 255.

    Args:
        parse: A label map, with the probabilities that belong to it.
        classes: Ids of the classes.

    Returns:
        uint8 (H, W), 255 where a pixel belongs to the classes.
    """
    inside = np.isin(parse.mask, list(classes))
    step = _smooth_step(inside)
    if parse.confidence is None or parse.runner_up is None:
        return np.rint(255 * step).astype(np.uint8)
    near = 1 - np.abs(2 * step - 1)  # 1 at the edge, 0 away from it
    known = _probability(parse, inside, classes)
    return np.rint(255 * (near * known + (1 - near) * inside)).astype(np.uint8)


def _smooth_step(inside: np.ndarray) -> np.ndarray:
    """Returns float32 (H, W) from 0 to 1, which rises over the width of an edge."""
    radius = max(1.0, _EDGE * max(inside.shape))
    blurred = Image.fromarray(np.uint8(255) * inside).filter(ImageFilter.BoxBlur(radius))
    return np.asarray(blurred, np.float32) / 255


def _probability(parse: FaceParse, inside: np.ndarray, classes: Collection[int]) -> np.ndarray:
    """Returns float32 (H, W): the probability of the classes, from the best two classes."""
    assert parse.confidence is not None  # the caller has checked both
    assert parse.runner_up is not None
    best = parse.confidence.astype(np.float32) / 255
    second = np.isin(parse.runner_up, list(classes))
    return np.where(inside, np.where(second, 1.0, best), np.where(second, 1 - best, 0.0))


def cut_out(pixels: np.ndarray, parse: FaceParse, classes: Collection[int]) -> Image.Image:
    """Returns the classes of a photo as RGBA, transparent elsewhere.

    Args:
        pixels: uint8 (H, W, 3).
        parse: Its label map.
        classes: Ids of the classes.
    """
    alpha = soft_alpha(parse, classes)
    return Image.fromarray(np.dstack((pixels * (alpha[..., None] > 0), alpha)))
