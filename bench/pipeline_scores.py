"""The photo pipeline measured: landmark error, and how tilted heads parse against upright ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from segface_hf.evaluation.scores import Scores, confusion_matrix, number
from segface_hf.labels import IGNORED, LabelSchema
from segface_hf.parser import FaceParse, FaceParser
from segface_hf.pipeline.landmarks import Landmarks, landmark_error, read_landmarks


def tilted(image: Image.Image, mask: np.ndarray, degrees: float) -> tuple[Image.Image, np.ndarray]:
    """Turns a photo and its mask about their center, on a canvas that holds all of them.

    Args:
        image: RGB.
        mask: uint8 (H, W).
        degrees: Counter-clockwise.

    Returns:
        The photo, gray where it has no pixels, and the mask, `IGNORED` there.
    """
    photo = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(124, 116, 104))
    ids = Image.fromarray(mask).rotate(
        degrees, Image.Resampling.NEAREST, expand=True, fillcolor=IGNORED
    )
    return photo, np.array(ids)


def _largest_face(parse: FaceParse) -> Landmarks | None:
    """The landmarks of the face that fills most of the photo."""
    faces = [face for face in parse.faces if face.landmarks is not None]
    if not faces:
        return None
    face = max(faces, key=lambda f: (f.box[2] - f.box[0]) * (f.box[3] - f.box[1]))
    return Landmarks(np.asarray(face.landmarks, np.float64), np.ones(5, dtype=bool))


@dataclass
class ParserScores:
    """Adds up what the photo pipeline did, photo by photo.

    Attributes:
        parser: The pipeline.
        tilt: Degrees to turn photos by, 0 for upright only; every second photo turns the
            other way.
    """

    parser: FaceParser
    tilt: float = 0.0
    errors: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    upright: list[np.ndarray] = field(default_factory=list)
    turned: list[np.ndarray] = field(default_factory=list)

    @property
    def schema(self) -> LabelSchema:
        """What ids stand for."""
        return self.parser.schema

    def add(self, stem: str, image: Image.Image, mask: np.ndarray) -> None:
        """Parses one photo, and once more turned where a tilt is asked for."""
        parse = self.parser.parse(image)
        if not parse.faces:
            self.missed.append(stem)
        # If a gap cuts off a part, the mask doesn't show where the part is.
        truth = None if (mask == IGNORED).any() else read_landmarks(mask, self.schema)
        self.errors.append(landmark_error(_largest_face(parse), truth))
        self.upright.append(confusion_matrix(mask, parse.mask, self.schema.num_classes))
        if self.tilt:
            degrees = self.tilt if len(self.upright) % 2 else -self.tilt
            photo, ids = tilted(image, mask, degrees)
            found = self.parser.parse(photo).mask
            self.turned.append(confusion_matrix(ids, found, self.schema.num_classes))

    def summary(self) -> dict[str, Any]:
        """Returns `landmarks` and, where asked for, `tilt`, as plain values."""
        errors = np.array([error for error in self.errors if not np.isnan(error)])
        upright = self._mean_f1(self.upright)
        values: dict[str, Any] = {
            "landmarks": {
                "mean_error_in_eye_distances": number(float(errors.mean()))
                if len(errors)
                else None,
                "median_error": number(float(np.median(errors))) if len(errors) else None,
                "photos_measured": len(errors),
                "photos_without_a_face_found": len(self.missed),
                "mean_f1_of_the_photo_pipeline": number(upright),
            }
        }
        if self.turned:
            turned = self._mean_f1(self.turned)
            values["tilt"] = {
                "degrees": self.tilt,
                "mean_f1_upright": number(upright),
                "mean_f1_turned": number(turned),
                "difference": number(turned - upright),
            }
        return values

    def _mean_f1(self, confusions: list[np.ndarray]) -> float:
        return Scores(np.sum(confusions, axis=0), self.schema).mean_held_f1()
