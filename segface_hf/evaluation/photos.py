"""Evaluation of a model on a data folder: predictions at the photos' own size, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.nn import functional as F

from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import Pair, iterate_pairs
from segface_hf.errors import LandmarksRequiredError
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace

# A face takes about 0.45 of the width of an aligned frame, so this frame shows it 48 pixels wide.
_SMALL_SIDE = 107
_DARK = 0.35
_NOISE = 20.0


def _gray(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _dark(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_DARK)


def _small(image: Image.Image) -> Image.Image:
    reduced = image.resize((_SMALL_SIDE, _SMALL_SIDE), Image.Resampling.BOX)
    return reduced.resize(image.size, Image.Resampling.BILINEAR)


def _noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, _NOISE, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


DAMAGES: Mapping[str, Callable[[Image.Image], Image.Image]] = MappingProxyType(
    {"gray": _gray, "dark": _dark, "small": _small, "noisy": _noisy}
)


Predict = Callable[[Image.Image], np.ndarray]
Change = Callable[[str, Image.Image, np.ndarray], tuple[Image.Image, np.ndarray]]
"""From a photo's stem, the photo and its mask to another photo and mask."""


@dataclass(frozen=True)
class PhotoResult:
    """How one photo went.

    Attributes:
        pair: The photo and its mask file.
        mask: uint8 (H, W), the truth.
        prediction: uint8 (H, W).
        confusion: int64 (K, K).
    """

    pair: Pair
    mask: np.ndarray
    prediction: np.ndarray
    confusion: np.ndarray


def check_frames(config: SegFaceConfig) -> None:
    """Makes sure that a model sees photos as a data folder holds them.

    Raises:
        LandmarksRequiredError: It sees faces aligned and warped, and a folder holds no landmarks.
    """
    if config.warp == "tanh":
        raise LandmarksRequiredError(
            f"a '{config.schema}' model sees faces aligned by landmarks and warped, and a folder "
            "of photos and masks holds none: run it by FaceParser, which finds them"
        )


def frame_pixels(image: Image.Image, config: SegFaceConfig, *, side: int) -> Tensor:
    """Resizes a whole photo to the model's square and normalises it: (1, 3, side, side).

    Raises:
        LandmarksRequiredError: What `check_frames` raises.
    """
    check_frames(config)
    resized = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (config.mean, config.std))
    return (pixels - mean) / std


def frame_predictor(
    model: SegFace, *, side: int = 0, mirrored: bool = False, lowered: Tensor | None = None
) -> Predict:
    """Returns a function from a face photo to its mask, at the photo's size.

    Args:
        model: In evaluation mode.
        side: Resolution to run at; 0 is the model's own.
        mirrored: Adds a second pass on the flipped photo.
        lowered: (K,) what to take from each class's logits, see `adjust`.
    """
    check_frames(model.config)
    side = side or model.config.resolution
    device = next(model.parameters()).device
    swap = torch.tensor(model.config.labels.mirror_ids, device=device)

    @torch.inference_mode()
    def predict(image: Image.Image) -> np.ndarray:
        pixels = frame_pixels(image, model.config, side=side).to(device)
        logits = model.logits(pixels).float()
        if mirrored:
            logits = logits + model.logits(pixels.flip(3)).float().flip(3)[:, swap]
        if lowered is not None:
            logits = logits - (1 + mirrored) * lowered.to(device)[:, None, None]
        size = (image.height, image.width)
        resized = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return resized.argmax(1)[0].to(torch.uint8).cpu().numpy()

    return predict


def unchanged(stem: str, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Leaves a photo and its mask as they are."""
    return image, mask


def after(change: Change, damage: Callable[[Image.Image], Image.Image]) -> Change:
    """Returns a change whose photos are damaged then, such as `damage.DAMAGES` holds."""

    def both(stem: str, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
        photo, truth = change(stem, image, mask)
        return damage(photo), truth

    return both


def evaluate_photos(
    predict: Predict, pairs: Sequence[Pair], schema: LabelSchema, *, change: Change = unchanged
) -> Iterator[PhotoResult]:
    """Predicts and compares photos one by one.

    Args:
        predict: From a photo to its mask.
        pairs: Photos and masks.
        schema: The masks' classes.
        change: Is applied to photos and masks first, such as `drawing.drawer` gives.

    Raises:
        DataError: Names the file that can't be used, such as a mask with an unknown id.
    """
    for pair, photo, truth in iterate_pairs(pairs, schema):
        image, mask = change(pair.stem, photo, truth)
        prediction = predict(image)
        confusion = confusion_matrix(mask, prediction, schema.num_classes)
        yield PhotoResult(pair, mask, prediction, confusion)


def score(confusions: Sequence[np.ndarray], schema: LabelSchema) -> Scores:
    """Adds the photos' confusion matrices and counts the photos that hold each class."""
    stacked = np.stack(confusions)
    images_with = (stacked.sum(-1) > 0).sum(0)
    return Scores(stacked.sum(0), schema, tuple(int(count) for count in images_with))
