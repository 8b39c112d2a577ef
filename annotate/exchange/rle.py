"""Run-length codes of the annotation tools: COCO's, CVAT's and Label Studio's."""

from __future__ import annotations

import numpy as np

from annotate.errors import ExchangeError
from annotate.exchange.shapes import Region

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
    _check_sum(counts, shape)
    values = np.arange(len(counts)) % 2 == 1
    flat = np.repeat(values, counts)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def coco_region(counts: list[int], *, shape: tuple[int, int]) -> Region:
    """Returns the region of COCO's run lengths, cropped to the columns that it covers.

    Raises:
        ExchangeError: They don't add up to the shape.
    """
    _check_sum(counts, shape)
    height = shape[0]
    ends = np.cumsum(counts)
    starts, stops = ends[:-1][::2], ends[1::2]
    filled = stops > starts
    if not filled.any():
        return Region(0, 0, np.zeros((0, 0), bool))
    left, right = starts[filled][0] // height, -(-stops[filled][-1] // height)
    kept = np.diff(ends.clip(left * height, right * height), prepend=left * height)
    flat = np.repeat(np.arange(len(kept)) % 2 == 1, kept)
    return Region(0, int(left), flat.reshape(-1, height).T)


def _check_sum(counts: list[int], shape: tuple[int, int]) -> None:
    if not all(type(count) is int for count in counts):
        raise ExchangeError("run lengths hold something other than whole numbers")
    if min(counts, default=0) < 0 or sum(counts) != shape[0] * shape[1]:
        raise ExchangeError(
            f"run lengths add up to {str(sum(counts))[:20]}, expected {shape[0] * shape[1]} "
            "without negative ones"
        )


def unpack_counts(text: str) -> list[int]:
    """Returns the run lengths of COCO's compressed string.

    Each character carries five bits, lowest first, and whether another one follows; from the third
    run on, the difference from the run before the last is stored.

    Source:
        `rleFrString` of pycocotools.

    Raises:
        ExchangeError: It holds other characters, or breaks off.
    """
    counts: list[int] = []
    value = shift = 0
    for code in text.encode("ascii", "replace"):
        bits = code - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ExchangeError("a compressed run length holds characters that COCO doesn't use")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise ExchangeError("a compressed run length breaks off")
    return counts


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
        ExchangeError: It is cut off, or of another size.
    """
    try:
        text = "".join(f"{value:08b}" for value in bytes(list(packed)))
        total, word = int(text[:32], 2), int(text[32:37], 2) + 1
        sizes = [int(text[37 + 4 * i : 41 + 4 * i], 2) + 1 for i in range(4)]
    except (ValueError, TypeError) as error:
        raise ExchangeError(
            f"a brush can't be decoded ({error}): expected a list of bytes with a header of 53 bits"
        ) from error
    if total != shape[0] * shape[1] * 4:
        raise ExchangeError(
            f"a brush holds {total} bytes, expected {shape[0] * shape[1] * 4} for its photo of "
            f"{shape[1]} x {shape[0]} pixels"
        )
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
    except (ValueError, IndexError, OverflowError) as error:
        raise ExchangeError(
            f"a brush ends after {done} of {total} bytes: the file was cut off or changed"
        ) from error
    return flat.reshape(*shape, 4)[:, :, 3] > 127
