"""Operations on label maps, and their format between browser and server.

A label map is a uint8 (H, W) array of class ids. No function changes its input.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from annotate.errors import WireError

MAX_SIDE = 16_384


def pack_label_map(mask: np.ndarray) -> dict[str, Any]:
    """Returns a label map as the browser sends and reads it.

    Returns:
        `w` and `h` in pixels, `z` the base64 of the zlib of the raw row-major ids, and `crc`,
        the CRC-32 of the raw ids.
    """
    raw = np.ascontiguousarray(mask, dtype=np.uint8).tobytes()
    return {
        "w": int(mask.shape[1]),
        "h": int(mask.shape[0]),
        "z": base64.b64encode(zlib.compress(raw, 6)).decode("ascii"),
        "crc": zlib.crc32(raw),
    }


def unpack_label_map(
    payload: Mapping[str, Any], *, expected_size: tuple[int, int], num_classes: int
) -> np.ndarray:
    """Reads a label map from a browser as untrusted input.

    Args:
        payload: What `pack_label_map` or the editor made; further keys are ignored.
        expected_size: Width and height of the photo that is being corrected.
        num_classes: Ids must be below this.

    Returns:
        uint8 (H, W).

    Raises:
        WireError: A missing or malformed field, another size, damaged or oversized data, a wrong
            checksum, or an unknown id.
    """
    size = (_whole(payload, "w"), _whole(payload, "h"))
    if size != tuple(expected_size) or max(size) > MAX_SIDE:
        raise WireError(
            f"the label map is {size[0]} x {size[1]} pixels, the photo is "
            f"{expected_size[0]} x {expected_size[1]}: open the photo again"
        )
    raw = _inflate(payload.get("z"), size[0] * size[1])
    if zlib.crc32(raw) != _whole(payload, "crc"):
        raise WireError("the label map was damaged on its way (checksum): press Save again")
    mask = np.frombuffer(raw, np.uint8).reshape(size[1], size[0]).copy()
    if (largest := int(mask.max())) >= num_classes:
        raise WireError(f"the label map holds id {largest}, classes go from 0 to {num_classes - 1}")
    return mask


def _whole(payload: Mapping[str, Any], key: str) -> int:
    value = payload.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise WireError(f"the label map's '{key}' must be a whole number, got {value!r:.40}")
    return value


def _inflate(encoded: object, count: int) -> bytes:
    """Decodes and decompresses exactly `count` bytes, never more."""
    if not isinstance(encoded, str):
        raise WireError(f"the label map's 'z' must be text, got {type(encoded).__name__}")
    # zlib adds at most a few bytes in 16 kB, so a longer text is not a map.
    if len(encoded) > 2 * count + 4096:
        raise WireError(f"the label map is {len(encoded)} characters for {count} pixels: too many")
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(base64.b64decode(encoded, validate=True), count + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise WireError(f"the label map can't be decoded ({error}): press Save again") from error
    if len(raw) != count or not stream.eof or stream.unused_data:
        held = f"more than {count}" if len(raw) > count else str(len(raw))
        raise WireError(f"the label map holds {held} ids, expected {count}: press Save again")
    return raw


def areas(mask: np.ndarray, num_classes: int) -> tuple[int, ...]:
    """Returns the number of pixels of each class, by id."""
    counts = np.bincount(mask.ravel(), minlength=num_classes)
    return tuple(int(count) for count in counts[:num_classes])


def changed(mask: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Returns bool (H, W): where two label maps of one size differ."""
    return np.asarray(mask != prediction)


def swapped(mask: np.ndarray, mirror_ids: tuple[int, ...]) -> np.ndarray:
    """Returns the label map with left and right classes exchanged; no pixel moves."""
    return np.asarray(mirror_ids, np.uint8)[mask]


def islands(mask: np.ndarray, *, smaller_than: int) -> dict[int, int]:
    """Counts each class's 4-connected parts of fewer than `smaller_than` pixels.

    Returns:
        Number of such parts by class id; classes without any are left out.
    """
    found = {}
    for class_id in np.unique(mask):
        parts, _ = ndimage.label(mask == class_id)
        sizes = np.bincount(parts.ravel())[1:]
        if tiny := int((sizes < smaller_than).sum()):
            found[int(class_id)] = tiny
    return found


def without_islands(mask: np.ndarray, *, smaller_than: int) -> np.ndarray:
    """Returns the label map with tiny parts given the class of the nearest pixel that stays."""
    tiny = np.zeros(mask.shape, bool)
    for class_id in np.unique(mask):
        parts, _ = ndimage.label(mask == class_id)
        small = np.bincount(parts.ravel()) < smaller_than
        small[0] = False
        tiny |= small[parts]
    if not tiny.any() or tiny.all():
        return mask.copy()
    _, nearest = ndimage.distance_transform_edt(tiny, return_indices=True)
    return mask[tuple(nearest)]
