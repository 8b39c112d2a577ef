"""add_class: a model with one class more, from a few examples and without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from segface_hf.added_classes.examples import check_agreement, check_regions
from segface_hf.added_classes.labels import NewClass
from segface_hf.added_classes.methods import LOGISTIC, METHODS, Method, Row, without
from segface_hf.added_classes.pixels import Pixels, read_pixels
from segface_hf.data.photo_set import FACE_MARK, PhotoSet
from segface_hf.evaluation.predictor import check_frames
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace

_ROWS = "decoder.added."


@dataclass(frozen=True)
class LeaveOneOut:
    """How a class is found in each example by what the others teach.

    Attributes:
        stems: Names of the examples.
        found: Share of the class's own pixels that are found, by example.
        iou: Overlap of what is found with what is painted, by example.
        taken: Share of all other pixels, over all examples, that go to the class.
    """

    stems: tuple[str, ...]
    found: tuple[float, ...]
    iou: tuple[float, ...]
    taken: float

    @property
    def mean_iou(self) -> float:
        """The mean over examples."""
        return sum(self.iou) / len(self.iou)


@dataclass(frozen=True, eq=False)
class AddedClass:
    """A model with a class more.

    Attributes:
        model: The new model, in evaluation mode; the old one is not changed.
        name: The class.
        method: How its row was found.
        scores: How well it is found in examples that are left out.
    """

    model: SegFace
    name: str
    method: str
    scores: LeaveOneOut


def add_class(
    model: SegFace, photos: PhotoSet, new: NewClass, *, method: str = LOGISTIC
) -> AddedClass:
    """Adds a class to a model.

    All other classes keep their logits; a pixel changes only where the new class is above them.

    Args:
        model: On the CPU, in float32, in evaluation mode.
        photos: What `read_examples` gave.
        new: The class; it is the last one of the photos' schema.
        method: A name of `METHODS`.

    Raises:
        DataError: The examples contradict each other, or one covers a whole face.
        LabelError: The class exists, or its parent or mirror partner doesn't.
        LandmarksRequiredError: The model aligns faces by landmarks, which a folder doesn't hold.

    Example:
        >>> new = NewClass("beard", parent="skin")
        >>> photos = read_examples("beards", new.extend(model.config.labels), side=320)
        >>> add_class(model, photos, new).model.save_pretrained("with-beards")
    """
    check_frames(model.config)
    labels = new.extend(model.config.labels)
    frames = read_pixels(model, photos.images, photos.masks, new=labels.num_classes - 1)
    stems, examples = _by_photo(photos.stems, frames)
    check_regions(stems, examples, name=new.name)
    row = METHODS[method](examples)
    check_agreement(stems, examples, [row.wins(part) for part in examples], name=new.name)
    scores = leave_one_out(stems, examples, METHODS[method])
    added = (*model.config.added_classes, (new.name, len(stems), method))
    return AddedClass(with_row(model, labels, added, row), new.name, method, scores)


def leave_one_out(stems: Sequence[str], examples: Sequence[Pixels], method: Method) -> LeaveOneOut:
    """Fits the row once for each example, to the other ones, and looks for the class in it."""
    found, iou, taken, others = [], [], 0.0, 0.0
    for index, part in enumerate(examples):
        wins = method(without(examples, index)).wins(part)
        hit, painted = part.share(wins & part.is_new), part.share(part.is_new)
        found.append(hit / painted)
        iou.append(hit / part.share(wins | part.is_new))
        taken += part.share(wins & ~part.is_new)
        others += part.share(~part.is_new)
    return LeaveOneOut(tuple(stems), tuple(found), tuple(iou), taken / max(others, 1e-9))


def _by_photo(
    stems: Sequence[str], frames: Sequence[Pixels]
) -> tuple[tuple[str, ...], tuple[Pixels, ...]]:
    """Puts the faces of a photo together, so that no photo teaches about itself."""
    groups: dict[str, list[Pixels]] = {}
    for stem, part in zip(stems, frames, strict=True):
        groups.setdefault(stem.partition(FACE_MARK)[0], []).append(part)
    return tuple(groups), tuple(Pixels.joined(parts) for parts in groups.values())


def with_row(
    model: SegFace, labels: LabelSchema, added: tuple[tuple[str, int, str], ...], row: Row
) -> SegFace:
    """Returns a copy of a model with one row more in its mask head.

    Args:
        model: The old model.
        labels: The schema with the new class.
        added: The new `SegFaceConfig.added_classes`.
        row: The row.
    """
    bias = model.config.class_bias
    config = replace(
        model.config,
        label_names=labels.names,
        label_colors=labels.colors,
        label_mirror_pairs=labels.mirror_pairs,
        label_families=labels.families,
        added_classes=added,
        class_bias=(*bias, 0.0) if bias else (),
    )
    state = dict(model.state_dict())
    for name in ("weight", "mix", "bias"):
        values = getattr(row, name)[None]
        key = _ROWS + name
        state[key] = torch.cat([state[key], values]) if key in state else values
    extended = SegFace(config)
    extended.load_state_dict(state)
    return extended.eval()
