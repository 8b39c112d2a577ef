"""Five landmarks read off a face's label map, and the distance between two sets of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segface_hf.labels import LabelSchema

LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH = range(5)
# Mean landmarks of the CelebAMask-HQ training photos, in the unit square of the photo, as
# `read_landmarks` reads them off the masks; image-left eye first.
TEMPLATE = np.array(
    [[0.3780, 0.4785], [0.6225, 0.4785], [0.5000, 0.6242], [0.4055, 0.7397], [0.5955, 0.7397]]
)
# Brow centroids are above the eyes by this share of the distance between them.
BROW_ABOVE_EYE = 0.234
# Parts smaller than this share of the map are noise.
_LEAST_SHARE = 1.5e-4
_CORNER_SHARE = 0.03


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Five points of a face, and which of them were seen.

    Attributes:
        points: float64 (5, 2), x and y in the label map's pixels: image-left eye, image-right
            eye, nose, image-left and image-right mouth corner; hidden ones are inferred.
        seen: bool (5,), False where a point was inferred.
    """

    points: np.ndarray
    seen: np.ndarray

    @property
    def eye_distance(self) -> float:
        """Distance between the eyes in pixels."""
        return float(np.linalg.norm(self.points[RIGHT_EYE] - self.points[LEFT_EYE]))


def read_landmarks(mask: np.ndarray, schema: LabelSchema) -> Landmarks | None:
    """Reads the landmarks off the label map of one roughly upright face (within 60 degrees).

    A hidden eye is inferred from its lens, then from its brow; any other hidden point from
    the mean face, fitted to the visible points.

    Args:
        mask: uint8 (H, W) ids of `schema`.
        schema: Names the parts.

    Returns:
        The landmarks in pixels of `mask`, or None where fewer than two parts are seen.
    """
    points = np.full((5, 2), np.nan)
    mouth = _pixels(mask, schema, "mouth", "u_lip", "l_lip")
    nose = _pixels(mask, schema, "nose")
    points[:2] = _pair(_pixels(mask, schema, "l_eye", "r_eye"), nose, mouth)
    axis = _face_axis(points[:2], nose, mouth)
    if len(nose):
        points[NOSE] = _lower_half(nose, axis)
    if len(mouth):
        points[LEFT_MOUTH:] = _corners(mouth, axis)
    seen = np.isfinite(points).all(1)
    _eyes_behind_lenses(points, _pixels(mask, schema, "eyeglasses"))
    brows = _pair(_pixels(mask, schema, "l_brow", "r_brow"), nose, mouth)
    _eyes_below_brows(points, brows, axis)
    known = np.isfinite(points).all(1)
    if known.sum() < 2:
        return None
    points[~known] = fit_template(points, known)[~known]
    return Landmarks(points, seen)


def landmark_error(predicted: Landmarks | None, true: Landmarks | None) -> float:
    """Returns the mean distance over the true eye distance, over points seen in the truth.

    NaN where the truth shows no two eyes; 1.0 where nothing was predicted.
    """
    if true is None or not true.seen[:2].all():
        return float("nan")
    if predicted is None:
        return 1.0
    distances = np.linalg.norm(predicted.points - true.points, axis=1)
    return float(distances[true.seen].mean() / true.eye_distance)


def fit_template(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fits the mean face to the known points (least squares, no shear) and returns all five."""
    source = TEMPLATE[known] @ [1, 1j]
    target = points[known] @ [1, 1j]
    spread = source - source.mean()
    factor = (spread.conj() @ (target - target.mean())) / (spread.conj() @ spread)
    fitted = (TEMPLATE @ [1, 1j] - source.mean()) * factor + target.mean()
    return np.stack([fitted.real, fitted.imag], -1)


def _pixels(mask: np.ndarray, schema: LabelSchema, *names: str) -> np.ndarray:
    """(N, 2) x and y of the pixel centers of some classes; empty where there are too few."""
    chosen = np.zeros(256, bool)
    chosen[[schema.names.index(name) for name in names if name in schema.names]] = True
    flat = np.flatnonzero(chosen[mask])
    if len(flat) < max(4, _LEAST_SHARE * mask.size):
        return np.empty((0, 2))
    return np.stack([flat % mask.shape[1], flat // mask.shape[1]], -1) + 0.5


def _pair(pixels: np.ndarray, nose: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """(2, 2) centroids of the image-left and the image-right part, NaN where one is hidden.

    Sides come from positions, not from ids: models and a few true masks confuse left and
    right, and a half with the wrong id must not move an eye to the nose.
    """
    found = np.full((2, 2), np.nan)
    if not len(pixels):
        return found
    halves = _two_clusters(pixels)
    if halves is not None:
        return np.stack([half.mean(0) for half in halves])
    if len(nose) and len(mouth):
        found[_side_of(pixels.mean(0), nose.mean(0), mouth.mean(0))] = pixels.mean(0)
    return found


def _side_of(point: np.ndarray, nose: np.ndarray, mouth: np.ndarray) -> int:
    """0 for a point left of the line from the nose down to the mouth, else 1."""
    down, offset = mouth - nose, point - nose
    return int(offset[0] * down[1] - offset[1] * down[0] > 0)


def _two_clusters(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Splits pixels into a left and a right blob, or returns None where they are one blob."""
    centers = pixels[[pixels[:, 0].argmin(), pixels[:, 0].argmax()]]
    for _ in range(8):
        right = ((pixels - centers[1]) ** 2).sum(1) < ((pixels - centers[0]) ** 2).sum(1)
        if right.all() or not right.any():
            return None
        centers = np.stack([pixels[~right].mean(0), pixels[right].mean(0)])
    axis = centers[1] - centers[0]
    along = pixels @ axis / np.linalg.norm(axis)
    widest = max(np.ptp(along[~right]), np.ptp(along[right]))
    # The halves of one blob are one width apart, two eyes more than two widths.
    if np.linalg.norm(axis) < 1.4 * widest or not 0.08 < right.mean() < 0.92:
        return None
    return pixels[~right], pixels[right]


def _face_axis(eyes: np.ndarray, nose: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """Unit vector from the image-left to the image-right side of the face."""
    axis = np.array([1.0, 0.0])
    if np.isfinite(eyes).all():
        axis = eyes[1] - eyes[0]
    elif len(nose) and len(mouth):
        down = mouth.mean(0) - nose.mean(0)
        axis = np.array([down[1], -down[0]])
    length = np.linalg.norm(axis)
    return axis / length if length > 0 else np.array([1.0, 0.0])


def _lower_half(nose: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The center of the nose's lower half, which is near its tip."""
    down = nose @ [-axis[1], axis[0]]
    return np.asarray(nose[down >= np.median(down)].mean(0))


def _corners(mouth: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Means of the outermost pixels, so that one stray pixel moves no corner."""
    along = mouth @ axis
    low, high = np.quantile(along, [_CORNER_SHARE, 1 - _CORNER_SHARE])
    return np.stack([mouth[along <= low].mean(0), mouth[along >= high].mean(0)])


def _eyes_behind_lenses(points: np.ndarray, lenses: np.ndarray) -> None:
    """Fills hidden eyes with the centers of the halves of the glasses."""
    if np.isfinite(points[:2]).all() or not len(lenses):
        return
    right = lenses[:, 0] > lenses[:, 0].mean()
    for eye, half in ((LEFT_EYE, lenses[~right]), (RIGHT_EYE, lenses[right])):
        if np.isnan(points[eye]).any() and len(half):
            points[eye] = half.mean(0)


def _eyes_below_brows(points: np.ndarray, brows: np.ndarray, axis: np.ndarray) -> None:
    """Fills hidden eyes from both brows, at their usual distance."""
    if np.isfinite(points[:2]).all() or np.isnan(brows).any():
        return
    drop = BROW_ABOVE_EYE * np.linalg.norm(brows[1] - brows[0]) * np.array([-axis[1], axis[0]])
    for eye in (LEFT_EYE, RIGHT_EYE):
        if np.isnan(points[eye]).any():
            points[eye] = brows[eye] + drop
