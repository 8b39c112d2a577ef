"""Pure operations on label maps, and the format in which one travels from the browser.

A label map is a uint8 (H, W) array of class ids. Nothing here changes its input.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping, Sequence
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
    """Reads a label map from a browser, believing nothing that it claims.

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
    """Decodes and decompresses exactly `count` bytes, never more, whatever the data says."""
    if not isinstance(encoded, str):
        raise WireError(f"the label map's 'z' must be text, got {type(encoded).__name__}")
    # zlib never grows data by more than a few bytes in 16 kB, so more text than this is no map.
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
    """Returns the label map with left and right classes exchanged, the picture staying put."""
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


def reshaped(mask: np.ndarray, points: Sequence[tuple[int, int]], *, reach: int = 6) -> np.ndarray:
    """Returns the label map with its borders moved to a line; the twin of the editor's reshape.mjs.

    Of each part that the line divides the largest piece stays; the others become the class that
    they touch most on their far side.

    Args:
        points: (x, y) in pixels, in the order drawn; a line that ends at its start is closed.
        reach: How far, in pixels, an end may lie from the nearest border and is still led to it.
    """
    line = _line(mask, [*_led(mask, points[0], reach), *points, *_led(mask, points[-1], reach)])
    if not line:
        return mask.copy()
    cut = _Cut(mask, line)
    out = mask.copy()
    areas = np.bincount(mask.ravel(), minlength=256)
    for piece in cut.loose():
        from_id = int(mask[cut.pieces == piece][0])
        to = cut.behind(piece, from_id)
        if to is None:
            continue
        own = cut.pieces == piece
        if areas[to] < areas[from_id]:
            own |= _beside(own, corners=True) & cut.on_line & (mask == from_id)
        out[own] = to
    return out


def _line(mask: np.ndarray, points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pixels (y, x) of a line in order, without gaps, inside the map."""
    found = []
    for k, (x1, y1) in enumerate(points):
        x0, y0 = points[max(0, k - 1)]
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for s in range(1 if k else steps, steps + 1):
            x = math.floor(x0 + ((x1 - x0) * s) / steps + 0.5)
            y = math.floor(y0 + ((y1 - y0) * s) / steps + 0.5)
            if 0 <= x < mask.shape[1] and 0 <= y < mask.shape[0]:
                found.append((y, x))
    return found


def _led(mask: np.ndarray, point: tuple[int, int], reach: int) -> list[tuple[int, int]]:
    """The nearest pixel of another class than the point's, unless it lies beside the point."""
    x, y = point
    if not (0 <= x < mask.shape[1] and 0 <= y < mask.shape[0]):
        return []
    top, left = max(0, y - reach), max(0, x - reach)
    ys, xs = np.nonzero(mask[top : y + reach + 1, left : x + reach + 1] != mask[y, x])
    far = (ys + top - y) ** 2 + (xs + left - x) ** 2
    if not far.size or far.min() > reach * reach or far.min() <= 1:
        return []
    nearest = int(far.argmin())
    return [(int(xs[nearest]) + left, int(ys[nearest]) + top)]


def _beside(marked: np.ndarray, *, corners: bool = False) -> np.ndarray:
    """Pixels left, right, above or below of marked ones, and across their corners if asked."""
    near = ndimage.generate_binary_structure(2, 2 if corners else 1)
    return np.asarray(ndimage.binary_dilation(marked, near) & ~marked)


class _Cut:
    """The pieces beside a line: numbered in `pieces`, 0 elsewhere."""

    def __init__(self, mask: np.ndarray, line: list[tuple[int, int]]) -> None:
        self.mask = mask
        self.line = line
        self.on_line = np.zeros(mask.shape, bool)
        self.on_line[tuple(np.transpose(line))] = True
        self.window = self._window()
        self.limit = len(line) ** 2 + 400
        self.pieces = np.zeros(mask.shape, np.int32)
        self.open: set[int] = set()
        self.group = [0]
        for y, x in line:
            for at in self._around(y, x):
                self._visit(at)
        self._join()

    def _window(self) -> np.ndarray:
        """bool (H, W): as far around the line as pieces are looked for."""
        (top, left), (bottom, right) = np.min(self.line, axis=0), np.max(self.line, axis=0) + 1
        room = 16 + max(bottom - top, right - left)
        inside = np.zeros(self.mask.shape, bool)
        inside[max(0, top - room) : bottom + room, max(0, left - room) : right + room] = True
        return inside

    def _around(self, y: int, x: int) -> list[tuple[int, int]]:
        height, width = self.mask.shape
        near = [(y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x)]
        return [(v, u) for v, u in near if 0 <= v < height and 0 <= u < width]

    def _visit(self, at: tuple[int, int]) -> None:
        if self.pieces[at] or self.on_line[at]:
            return
        alike = (self.mask == self.mask[at]) & ~self.on_line
        labels, _ = ndimage.label(alike & self.window)
        piece = labels == labels[at]
        number = len(self.group)
        self.pieces[piece] = number
        self.group.append(number)
        if piece.sum() > self.limit or (_beside(piece) & ~self.window).any():
            self.open.add(number)

    def _root(self, number: int) -> int:
        while self.group[number] != number:
            number = self.group[number]
        return number

    def _join(self) -> None:
        run, before = 0, None
        for y, x in self.line:
            if self.mask[y, x] != before:
                run, before = 0, self.mask[y, x]
            for at in self._around(y, x):
                number = int(self.pieces[at])
                if number and self.mask[at] == before:
                    if run:
                        self.group[self._root(number)] = self._root(run)
                    run = number

    def loose(self) -> list[int]:
        """All but the largest of the pieces that were one."""
        sizes = np.bincount(self.pieces.ravel(), minlength=len(self.group)).astype(float)
        sizes[list(self.open)] = np.inf
        largest: dict[int, int] = {}
        for number in range(1, len(self.group)):
            root = self._root(number)
            if root not in largest or sizes[number] > sizes[largest[root]]:
                largest[root] = number
        kept = set(largest.values()) | self.open
        return [number for number in range(1, len(self.group)) if number not in kept]

    def behind(self, piece: int, own: int) -> int | None:
        """The class a piece touches most, besides its own and the line; the smallest wins a tie."""
        counts = np.zeros(256, int)
        for y, x in np.argwhere(self.pieces == piece):
            for at in self._around(y, x):
                if self.mask[at] != own and not self.on_line[at] and self.window[at]:
                    counts[self.mask[at]] += 1
        return int(counts.argmax()) if counts.any() else None
