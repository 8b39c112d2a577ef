"""From a photo to explanations: which face, which region of it, and which class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from segface_hf.errors import ConfigError
from segface_hf.explain.margin import (
    Margin,
    Patched,
    Subject,
    check_tokens,
    margin_of,
    patch,
    rival_of,
)
from segface_hf.images import normalize
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detector
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.pipeline import covering, frames_of

# Where a class is nowhere, this share of the crop that comes nearest to it is explained.
_NEAREST = 0.002


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a photo: a class, a place or both.

    Attributes:
        name: The class; None for the one at the place.
        at: (x, y) in photo pixels, whose region is explained.
        region: bool (height, width) of the photo, the region itself.
    """

    name: str | None = None
    at: tuple[float, float] | None = None
    region: np.ndarray | None = None

    def check(self, size: tuple[int, int], schema: LabelSchema) -> None:
        """Checks it against a photo of (width, height).

        Raises:
            ConfigError: It asks nothing, or the place or region is not in the photo.
            LabelError: The model lacks the class.
        """
        if self.name is None and self.at is None and self.region is None:
            raise ConfigError("nothing to explain: give a class, a place or a region")
        if self.name is not None:
            schema.id_of(self.name)
        if self.at is not None and not all(0 <= v < m for v, m in zip(self.at, size, strict=True)):
            raise ConfigError(f"{self.at} is outside the photo, which has {size[0]} x {size[1]}")
        if self.region is not None and self.region.shape != size[::-1]:
            height, width = self.region.shape
            raise ConfigError(
                f"the region has {width} x {height} pixels, the photo {size[0]} x {size[1]}: "
                "draw it on this photo"
            )
        if self.region is not None and not self.region.any():
            raise ConfigError("the region holds no pixels: mark what to explain in white")


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a region of a face has its class.

    Attributes:
        crop: uint8 RGB (S, S, 3), the face as the model saw it.
        labels: uint8 (S, S), what the model made of it.
        region: bool (S, S), what is explained.
        margin: The contributions.
        names: Class names by id.
        found: Whether the model gives the region the class that was asked for. If not, the region
            is the one that comes nearest to it, or the one that was asked for.
    """

    crop: np.ndarray
    labels: np.ndarray
    region: np.ndarray
    margin: Margin
    names: tuple[str, ...]
    found: bool

    def looks_at(self, attention: np.ndarray) -> str:
        """Returns the name of the class that most of a head's attention (h, w) is on."""
        height, width = attention.shape
        rows = ((np.arange(height) + 0.5) / height * len(self.labels)).astype(int)
        columns = ((np.arange(width) + 0.5) / width * len(self.labels)).astype(int)
        below = self.labels[rows[:, None], columns]
        shares = np.bincount(below.ravel(), attention.ravel(), len(self.names))
        return self.names[int(shares.argmax())]


class Explainer:
    """Explains what one model sees in photos.

    Args:
        model: A model without a warp.
        detector: Finds the faces; None for the parser's own.

    Raises:
        ConfigError: The model warps its input, or a class was added without a class token.

    Example:
        >>> explainer = Explainer(SegFace.from_pretrained())
        >>> explainer.explain(photo, Question("hat")).margin.heads[0].name
        'final.2'
    """

    def __init__(self, model: SegFace, *, detector: Detector | None = None) -> None:
        if model.config.warp != "none":
            raise ConfigError(
                f"a model of '{model.config.schema}' warps its input, which can't be explained "
                "yet: choose a model without landmarks"
            )
        check_tokens(model.config)
        self.model = model.eval()
        self._parser = FaceParser(model, detector=detector)

    def explain(self, photo: Image.Image, question: Question) -> Explanation:
        """Explains a region of one face of an RGB photo.

        Raises:
            ConfigError, LabelError: As `Question.check` raises them.
        """
        look, region, target = self._asked(photo, question)
        return self._explained(look, region, target, rival_of(look.logits, region, target))

    def compare(
        self, photo: Image.Image, other: Image.Image, question: Question
    ) -> tuple[Explanation, Patched]:
        """Explains a photo with a part, and finds the heads that carry the part.

        Args:
            photo: RGB, with the part.
            other: The same photo without it, of the same size.
            question: The part.

        Raises:
            ConfigError: The photos have different sizes, or as `Question.check` raises it.
        """
        if photo.size != other.size:
            raise ConfigError(
                f"expected the same photo with and without a part, got {photo.size} and "
                f"{other.size} pixels: save both in one size"
            )
        look, region, target = self._asked(photo, question)
        without = self._look(other, look.frame)
        rival = rival_of(without.logits, region, target)
        explanation = self._explained(look, region, target, rival)
        return explanation, patch(look.subject, without.subject, region, target, rival)

    def _asked(self, photo: Image.Image, question: Question) -> tuple[_Look, np.ndarray, int]:
        """The face that a question is about, its region, and the id of the class."""
        schema = self.model.config.labels
        question.check(photo.size, schema)
        looks = [self._look(photo, frame) for frame in self._frames(photo)]
        best = max(looks, key=lambda look: _fit(question, look, schema))
        return best, *_region_of(question, best, schema)

    def _explained(self, look: _Look, region: np.ndarray, target: int, rival: int) -> Explanation:
        margin = margin_of(look.subject, region, target, rival)
        names = self.model.config.labels.names
        return Explanation(look.crop, look.labels, region, margin, names, margin.value > 0)

    def _look(self, photo: Image.Image, frame: Frame) -> _Look:
        config = self.model.config
        crop = frame.crop(photo, config.resolution)
        pixels = torch.from_numpy(normalize(crop[None], config.mean, config.std))
        subject = Subject(self.model, pixels.to(next(self.model.parameters())))
        logits = subject.logits()
        labels = logits.argmax(0).to(torch.uint8).numpy()
        return _Look(frame, crop, labels, logits, subject)

    def _frames(self, photo: Image.Image) -> Sequence[Frame]:
        found = self._parser.detector.detect(photo)
        frames = [face.frame for face in frames_of(photo, found, engine=self._parser.engine)]
        width, height = photo.size
        whole = Frame((width / 2, height / 2), float(max(width, height)))
        return frames or [covering(whole, photo.size)]


@dataclass(frozen=True, eq=False)
class _Look:
    """A face as the model sees it.

    Attributes:
        frame: Its place in the photo.
        crop: uint8 RGB (S, S, 3).
        labels: uint8 (S, S).
        logits: (K, S, S).
        subject: What is probed.
    """

    frame: Frame
    crop: np.ndarray
    labels: np.ndarray
    logits: torch.Tensor
    subject: Subject


def _fit(question: Question, look: _Look, schema: LabelSchema) -> float:
    """How well a question fits a face: higher is better."""
    if question.region is not None:
        return float(_in_frame(question.region, look.frame, len(look.labels)).sum())
    if question.at is not None:
        return -float(np.abs(look.frame.to_unit(np.array([question.at])) - 0.5).max())
    target = schema.id_of(question.name or "")
    return float((look.labels == target).sum()) or float(_lead(look.logits, target).max())


def _lead(logits: torch.Tensor, target: int) -> torch.Tensor:
    """(H, W): how far a class is above the best other; negative where another is above."""
    others = logits.clone()
    others[target] = -torch.inf
    return logits[target] - others.amax(0)


def _region_of(question: Question, look: _Look, schema: LabelSchema) -> tuple[np.ndarray, int]:
    """The region of a crop that a question is about, and the id of the class to explain."""
    labels, size = look.labels, len(look.labels)
    if question.region is not None:
        region = _in_frame(question.region, look.frame, size)
        if not region.any():
            raise ConfigError("the region is outside every face's frame: choose one near a face")
        return region, _class_of(question, schema, labels[region])
    if question.at is not None:
        x, y = (look.frame.to_unit(np.array([question.at]))[0] * size).astype(int)
        if not (0 <= x < size and 0 <= y < size):
            raise ConfigError(f"{question.at} is outside every face's frame: choose a place nearer")
        components, _ = ndimage.label(labels == labels[y, x])
        return components == components[y, x], _class_of(question, schema, labels[y, x])
    target = schema.id_of(question.name or "")
    region = labels == target
    return (region if region.any() else _nearest(look.logits, target)), target


def _nearest(logits: torch.Tensor, target: int) -> np.ndarray:
    """bool (S, S): the pixels that come nearest to a class that is nowhere."""
    lead = _lead(logits, target)
    count = max(1, int(_NEAREST * lead.numel()))
    return (lead >= lead.flatten().topk(count).values[-1]).numpy()


def _class_of(question: Question, schema: LabelSchema, labels: np.ndarray) -> int:
    if question.name is not None:
        return schema.id_of(question.name)
    return int(np.bincount(np.ravel(labels)).argmax())


def _in_frame(region: np.ndarray, frame: Frame, size: int) -> np.ndarray:
    """bool (S, S): a region of the photo in a frame's crop."""
    steps = (np.arange(size) + 0.5) / size
    places = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    x, y = np.floor(frame.to_photo(places)).astype(int).T
    height, width = region.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found = np.zeros(size * size, bool)
    found[inside] = region[y[inside], x[inside]]
    return found.reshape(size, size)
