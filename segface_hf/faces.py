"""Results of a parse: faces and the label map, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segface_hf._utils import counted
from segface_hf.errors import LabelError
from segface_hf.labels import LabelSchema

Box = tuple[float, float, float, float]

# The problem of a face that the model can't read.
UNREADABLE = "too blurred or small to parse well"


@dataclass(frozen=True, eq=False)
class Face:
    """One face found in a photo.

    Attributes:
        box: (x0, y0, x1, y1) in photo pixels, cut off where the photo ends.
        landmarks: float32 (5, 2), x and y in photo pixels: image-left eye, image-right eye, nose,
            image-left and image-right mouth corner, as they lie when the face is upright; beyond
            the photo where it cuts the face off, None where they could not be read.
        confidence: The detector's, from 0 to 1.
        problem: Why its parse can't be relied on, such as `UNREADABLE`; None if it can.
    """

    box: Box
    landmarks: np.ndarray | None
    confidence: float
    problem: str | None = None

    def __post_init__(self) -> None:
        if len(self.box) != 4 or self.box[0] > self.box[2] or self.box[1] > self.box[3]:
            raise ValueError(f"a box is (x0, y0, x1, y1), got {self.box}")
        if self.landmarks is not None and self.landmarks.shape != (5, 2):
            raise ValueError(f"landmarks have shape (5, 2), got {self.landmarks.shape}")

    def to_dict(self, *, digits: int | None = None) -> dict[str, Any]:
        """Returns the face as JSON values: box, landmarks, confidence and problem.

        Args:
            digits: Decimals of box and landmarks; the confidence then has four. None rounds
                nothing, so that `from_dict` gives the same face.
        """
        box = [float(value) for value in self.box]
        points = None if self.landmarks is None else self.landmarks.astype(float)
        confidence = float(self.confidence)
        if digits is not None:
            box = [round(value, digits) for value in box]
            points = None if points is None else points.round(digits)
            confidence = round(confidence, 4)
        marks = None if points is None else points.tolist()
        return {
            "box": box,
            "landmarks": marks,
            "confidence": confidence,
            "problem": self.problem,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Face:
        """Reads what `to_dict` returned.

        Raises:
            ValueError: A field is missing or malformed.
        """
        try:
            x0, y0, x1, y1 = (float(value) for value in values["box"])
            points = values["landmarks"]
            marks = None if points is None else np.asarray(points, np.float32)
            problem = values.get("problem")
            return cls((x0, y0, x1, y1), marks, float(values["confidence"]), problem)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"a face has a box of 4 numbers, 5 landmarks or null, and a confidence: {error!r}"
            ) from error


@dataclass(frozen=True, eq=False)
class FaceParse:
    """A photo's label map, its faces, and the model that made them.

    Attributes:
        mask: uint8 (H, W) in the photo's own pixels, ids of `schema`.
        schema: What the ids stand for.
        faces: The largest first; empty where there was none.
        confidence: uint8 (H, W), probability of the winning class times 255, or None.
        runner_up: uint8 (H, W), id of the second best class, or None.
        instances: uint16 (H, W), whose pixel it is: 1 for `faces[0]` and so on, 0 where the mask
            is background; or None.
        model_id: The checkpoint, such as `embedded` or `org/name`.
        revision: The Hub commit, or None.
        digest: `sha256:...` of the weights, or None.
        engine: What ran the model: `onnx`, `torch`, or the class of another engine.
    """

    mask: np.ndarray
    schema: LabelSchema
    faces: tuple[Face, ...] = ()
    confidence: np.ndarray | None = None
    runner_up: np.ndarray | None = None
    instances: np.ndarray | None = None
    model_id: str = "embedded"
    revision: str | None = None
    digest: str | None = None
    engine: str = ""

    def __post_init__(self) -> None:
        self.schema.check_mask(self.mask)
        kinds = {"confidence": np.uint8, "runner_up": np.uint8, "instances": np.uint16}
        for name, kind in kinds.items():
            plane = getattr(self, name)
            if plane is not None and (plane.dtype != kind or plane.shape != self.mask.shape):
                raise ValueError(
                    f"{name} is {kind.__name__} of shape {self.mask.shape}, "
                    f"got {plane.dtype} of shape {plane.shape}"
                )

    def areas(self) -> dict[str, int]:
        """Returns pixels by class name, background included, for classes that are present."""
        # By rows: bincount takes eight bytes a pixel.
        size = self.schema.num_classes
        counts = np.sum([np.bincount(row, minlength=size) for row in self.mask], axis=0)
        return {self.schema.names[i]: int(count) for i, count in enumerate(counts) if count}

    def present(self) -> tuple[str, ...]:
        """Returns the names of the classes in the mask, background excluded, by id."""
        return tuple(name for name in self.areas() if name != self.schema.names[0])

    def region(self, *names: str, face: int | None = None) -> np.ndarray:
        """Returns where any of some classes are.

        Args:
            names: Class names of `schema`; none with a face are all of its parts.
            face: Only those of `faces[face]`; None for everyone's.

        Returns:
            bool (H, W).

        Raises:
            LabelError: A class that the schema doesn't have, or a face that isn't there or was
                not distinguished from the others.

        Example:
            >>> pixels[parse.region("hair", "hat")].mean(0)
        """
        wanted = np.zeros(256, bool)
        wanted[[self.schema.id_of(name) for name in names]] = True
        found = np.asarray(wanted[self.mask])
        if face is None:
            return found
        theirs = self._of_face(face)
        return found & theirs if names else theirs

    def _of_face(self, face: int) -> np.ndarray:
        if self.instances is None:
            raise LabelError("faces aren't distinguished here: parse with instances=True")
        if not 0 <= face < len(self.faces):
            raise LabelError(f"the photo has {counted(len(self.faces), 'face')}, no faces[{face}]")
        return np.asarray(self.instances == face + 1)
