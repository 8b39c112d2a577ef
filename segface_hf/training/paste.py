"""Copy-paste of rare parts: eyeglasses, hats or jewellery from one photo to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Generator, Tensor
from torch.nn import functional as F

from segface_hf.data.class_names import common_name, ids_named
from segface_hf.data.photo_set import PhotoSet
from segface_hf.data.swapped import anchor_points
from segface_hf.labels import LabelSchema

LOWEST_PIXELS = 40
_FEATHER = 3
_LARGEST_FILLING = 1.4
_LARGEST_MISFIT = 0.15
_FEATURES = ("l_eye", "r_eye", "nose", "mouth", "l_lip", "u_lip")
_BESIDE_FEATURES = ("earring", "necklace")


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares similarity transform (rotation, scale, shift) from source to target points.

    Args:
        source: (N, 2) points.
        target: (N, 2) points.

    Returns:
        (2, 3) matrix M with target ~ M @ (x, y, 1).
    """
    a, b = source - source.mean(0), target - target.mean(0)
    norm = max(float((a**2).sum()), 1e-9)
    cos = float((a * b).sum()) / norm
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.hstack([linear, (target.mean(0) - linear @ source.mean(0))[:, None]])


def misfit(source: np.ndarray, target: np.ndarray) -> float:
    """Returns the RMS distance of aligned points, in eye distances of the target.

    It is large for two faces turned to different sides.
    """
    moved = similarity(source, target) @ np.vstack([source.T, np.ones(len(source))])
    eyes = max(float(np.linalg.norm(target[0] - target[1])), 1.0)
    return float(np.sqrt(((moved.T - target) ** 2).sum(1).mean())) / eyes


@dataclass(frozen=True)
class PartBank:
    """Donor photos for each rare part.

    Attributes:
        photos: The photos that parts are copied from.
        anchors: Anchor points (4, 2) of each photo, None if it can't be aligned.
        donors: Class id -> positions of photos with enough of the class that can be aligned.
    """

    photos: PhotoSet
    anchors: tuple[np.ndarray | None, ...]
    donors: dict[int, tuple[int, ...]]


def collect_parts(photos: PhotoSet, classes: tuple[int, ...]) -> PartBank:
    """Finds the donors of each class."""
    anchors: list[np.ndarray | None] = []
    donors: dict[int, list[int]] = {index: [] for index in classes}
    for position, mask in enumerate(map(Tensor.numpy, photos.masks)):
        points = anchor_points(mask, photos.schema)
        anchors.append(points)
        for index in classes:
            if points is not None and np.count_nonzero(mask == index) > LOWEST_PIXELS:
                donors[index].append(position)
    lenders = {index: tuple(positions) for index, positions in donors.items()}
    return PartBank(photos, tuple(anchors), lenders)


def _feature_ids(schema: LabelSchema) -> Tensor:
    """Returns the ids of parts that jewellery must not cover."""
    return torch.tensor(ids_named(schema.names, _FEATURES), dtype=torch.uint8)


def _to_theta(matrix: np.ndarray, side: int) -> Tensor:
    """Turns a pixel transform from output to input into `affine_grid`'s normalized one."""
    to_pixels = np.array([[side / 2, 0, side / 2 - 0.5], [0, side / 2, side / 2 - 0.5], [0, 0, 1]])
    square = np.vstack([matrix, [0, 0, 1]])
    return torch.from_numpy((np.linalg.inv(to_pixels) @ square @ to_pixels)[:2]).float()


def part_region(mask: np.ndarray, part: int) -> np.ndarray:
    """Returns bool (H, W): the part and small areas that it encloses, such as eyes behind glasses.

    If it encloses a large area, as a hood encloses the face, only the part itself.
    """
    own = mask == part
    filled: np.ndarray = ndimage.binary_fill_holes(own)
    return filled if filled.sum() <= _LARGEST_FILLING * own.sum() else own


def _relit(donor: Tensor, target: Tensor, donor_skin: Tensor, target_skin: Tensor) -> Tensor:
    """Scales the donor's colors by the ratio of the mean skin colors, within limits."""
    if int(donor_skin.sum()) < LOWEST_PIXELS or int(target_skin.sum()) < LOWEST_PIXELS:
        return donor
    ratio = target[:, target_skin].mean(1) / donor[:, donor_skin].mean(1).clamp(min=0.02)
    brightness = ratio.mean().clamp(0.4, 2.0)
    tint = (ratio / ratio.mean().clamp(min=1e-3)).clamp(0.85, 1.15)
    return (donor * (brightness * tint)[:, None, None]).clamp(0, 1)


def paste_part(
    image: Tensor, mask: Tensor, *, bank: PartBank, target: int, donor: int, part: int
) -> tuple[Tensor, Tensor]:
    """Pastes a donor's part on a target: aligned by eyes, nose and mouth, relit and feathered.

    Args:
        image: float (3, S, S) in 0 to 1, the target.
        mask: uint8 (S, S) of the target.
        bank: Contains the donor and the anchors of both photos.
        target: The target's position in the bank.
        donor: The donor's position in the bank.
        part: Class id to copy.

    Returns:
        New image and mask; the same ones if the faces can't be aligned.
    """
    ours, theirs = bank.anchors[target], bank.anchors[donor]
    if ours is None or theirs is None or misfit(theirs, ours) > _LARGEST_MISFIT:
        return image, mask
    side, schema = image.shape[-1], bank.photos.schema
    theta = _to_theta(similarity(ours, theirs), side)[None]
    grid = F.affine_grid(theta, [1, 3, side, side], align_corners=False)
    ids = bank.photos.masks[donor]
    layers = torch.stack([ids.float(), torch.from_numpy(part_region(ids.numpy(), part)).float()])
    moved = F.grid_sample(layers[None], grid, mode="nearest", align_corners=False)[0]
    picture = F.grid_sample(
        bank.photos.images[donor][None].float() / 255,
        grid,
        padding_mode="border",
        align_corners=False,
    )[0]
    region, labels = moved[1] > 0.5, moved[0].round().to(torch.uint8)
    if common_name(schema.names[part]) in _BESIDE_FEATURES:
        region = region & ~torch.isin(mask, _feature_ids(schema))
    skin = torch.tensor(ids_named(schema.names, ("skin",)) or (0,), dtype=torch.uint8)
    picture = _relit(picture, image, torch.isin(labels, skin), torch.isin(mask, skin))
    soft = F.avg_pool2d(region[None, None].float(), _FEATHER, 1, _FEATHER // 2)[0]
    return image + (picture - image) * soft, torch.where(region, labels, mask)


def paste_parts(
    images: Tensor,
    masks: Tensor,
    positions: Tensor,
    *,
    bank: PartBank,
    chances: dict[int, float],
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Pastes rare parts on photos of a batch that lack them.

    Args:
        images: float (B, 3, S, S) in 0 to 1.
        masks: uint8 (B, S, S).
        positions: int64 (B,), the photos' positions in the bank.
        bank: Donors of each part.
        chances: Class id -> probability by photo.
        generator: Source of all randomness.

    Returns:
        New images and masks.
    """
    pictures, labels = list(images), list(masks)
    for row, position in enumerate(positions.tolist()):
        for part, chance in chances.items():
            draw = torch.rand(2, generator=generator).tolist()
            donors = bank.donors[part]
            if draw[0] >= chance or not donors or bool((labels[row] == part).any()):
                continue
            pictures[row], labels[row] = paste_part(
                pictures[row],
                labels[row],
                bank=bank,
                target=position,
                donor=donors[int(draw[1] * len(donors))],
                part=part,
            )
    return torch.stack(pictures), torch.stack(labels)
