"""Run-length codes of the annotation tools: COCO's, CVAT's and Label Studio's."""

from __future__ import annotations

import numpy as np

from annotate.errors import ExchangeError

_BLOCKS = (3, 4, 8, 16)
_WORD = 8


def rle_counts(region: np.ndarray, *, order: str = "F") -> list[int]:
    """Returns the run lengths of a region, zeros first.

    Args:
        region: bool (H, W).
        order: "F" column by column, as COCO does; "C" row by row, as CVAT does.

    Example:
        >>> rle_counts(np.array([[False, True], [True, True]]))
        [1, 3]
    """
    flat = np.concatenate(([False], region.ravel(order="F" if order == "F" else "C")))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(n) for n in np.diff(np.concatenate(([0], edges, [region.size])))]


def region_of(counts: list[int], *, shape: tuple[int, int], order: str = "F") -> np.ndarray:
    """Returns the bool (H, W) region of run lengths that start with zeros.

    Raises:
        ExchangeError: They don't add up to the shape.
    """
    if min(counts, default=0) < 0 or sum(counts) != shape[0] * shape[1]:
        raise ExchangeError(f"run lengths add up to {sum(counts)}, expected {shape[0] * shape[1]}")
    values = np.arange(len(counts)) % 2 == 1
    flat = np.repeat(values, counts)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def pack_brush(region: np.ndarray) -> list[int]:
    """Returns a region as Label Studio stores a brush: its RGBA bytes, run-length packed.

    Source:
        The `rle-pack` format of @thi.ng/umbrella, which Label Studio's brush uses.
    """
    values = region.ravel()
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    lengths = np.diff(np.concatenate((starts, [values.size]))) * 4
    bits = [f"{values.size * 4:032b}{_WORD - 1:05b}"]
    bits += [f"{size - 1:04b}" for size in _BLOCKS]
    for start, length in zip(starts, lengths, strict=True):
        bits += _runs(int(length), 255 if values[start] else 0)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def _runs(length: int, value: int) -> list[str]:
    runs = []
    while length:
        block = next((i for i, size in enumerate(_BLOCKS) if length <= 2**size), len(_BLOCKS) - 1)
        size = _BLOCKS[block]
        part = min(length, 2**size)
        runs.append(f"1{block:02b}{part - 1:0{size}b}{value:08b}")
        length -= part
    return runs


def unpack_brush(packed: list[int], *, shape: tuple[int, int]) -> np.ndarray:
    """Returns the bool (H, W) region of a Label Studio brush.

    Raises:
        ExchangeError: It is truncated, or of another size.
    """
    try:
        text = "".join(f"{value:08b}" for value in bytes(packed))
        total, word = int(text[:32], 2), int(text[32:37], 2) + 1
        sizes = [int(text[37 + 4 * i : 41 + 4 * i], 2) + 1 for i in range(4)]
    except (ValueError, TypeError) as error:
        raise ExchangeError(f"a brush can't be decoded ({error})") from error
    if total != shape[0] * shape[1] * 4:
        raise ExchangeError(f"a brush holds {total} bytes, expected {shape[0] * shape[1] * 4}")
    flat = np.zeros(total, np.uint8)
    done, at = 0, 53
    try:
        while done < total:
            repeats, size = text[at] == "1", sizes[int(text[at + 1 : at + 3], 2)]
            length = int(text[at + 3 : at + 3 + size], 2) + 1
            at += 3 + size
            count = 1 if repeats else length
            words = [int(text[at + word * i : at + word * (i + 1)], 2) for i in range(count)]
            flat[done : done + length] = words[0] if repeats else words[: total - done]
            done, at = done + length, at + word * count
    except (ValueError, IndexError) as error:
        raise ExchangeError("a brush ends too early: export it again") from error
    return flat.reshape(*shape, 4)[:, :, 3] > 127
