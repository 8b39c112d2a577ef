"""A second implementation of the editor's reshape tool, which `reshape.mjs` is compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def reshaped(mask: np.ndarray, points: Sequence[tuple[int, int]], *, reach: int = 6) -> np.ndarray:
    """Returns the label map with its borders moved to a line; as `reshape.mjs` does it.

    Of each part that the line divides the largest piece stays; the others become the class that
    they touch most on their far side.

    Args:
        points: (x, y) in pixels, in the order drawn; a line that ends at its start is closed.
        reach: How far, in pixels, an end may be from the nearest border to be extended to it.
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
    """The nearest pixel of another class than the point's, unless it touches the point."""
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
