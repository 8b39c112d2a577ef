"""PNG files that hold pixels only: written, and read as untrusted input."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from annotate.errors import RecordError
from annotate.label_maps import MAX_SIDE
from segface_hf.images import MAX_PIXELS

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_COLOR_TYPES = {"L": 0, "RGB": 2}
_AT_ONCE = 2**20
# A photo packs by less than 10. One of a single color packs by 1,000, so that few bytes would
# take seconds and gigabytes to review. Masks may pack that much; they have the photo's size.
MOST_TIMES, SPARED = 100, 16 * 2**20


def encode(array: np.ndarray) -> bytes:
    """Returns the PNG file of uint8 (H, W) or (H, W, 3), without metadata."""
    sink = io.BytesIO()
    # Level 6 takes seven times as long as 1 for a photo and saves a few per cent; masks are quick.
    Image.fromarray(array).save(sink, "PNG", compress_level=1 if array.ndim == 3 else 9)
    if array.ndim == 3:
        _check_ratio(sink.tell(), array.size)
    return sink.getvalue()


def size_of(data: bytes, *, mode: str) -> tuple[int, int]:
    """Returns width and height from the header of a PNG file, reading nothing else.

    Raises:
        RecordError: Another kind of file, or one that would unpack into too much.
    """
    width, height = _size(data, mode=mode)
    if mode == "RGB":
        _check_ratio(len(data), width * height * len(mode))
    return width, height


def _check_ratio(packed: int, unpacked: int) -> None:
    if unpacked > max(SPARED, MOST_TIMES * packed):
        raise RecordError(
            f"a photo of {packed} bytes would unpack to {unpacked}, more than {MOST_TIMES} times: "
            "it is not read. Nearly all of it has one color; make the photo smaller"
        )


def decode(data: bytes, *, mode: str) -> np.ndarray:
    """Returns the pixels of a PNG file that holds pixels alone.

    Size and mode are read from the header, and the rest is measured, before anything is unpacked.

    Args:
        data: The file.
        mode: "RGB" or "L".

    Returns:
        uint8 (H, W, 3) or (H, W).

    Raises:
        RecordError: Another kind of file, too many pixels, a damaged file, or one that holds
            metadata or anything else besides its pixels.
    """
    size = size_of(data, mode=mode)
    try:
        _check_holds_pixels_alone(data, size=size, mode=mode)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return np.asarray(image.convert(mode))
    except (OSError, SyntaxError, struct.error, zlib.error, Image.DecompressionBombError) as error:
        raise RecordError(f"a row's {mode} image is damaged ({error})") from error


def _size(data: bytes, *, mode: str) -> tuple[int, int]:
    if not isinstance(data, bytes) or data[:8] != _SIGNATURE or len(data) < 33:
        raise RecordError(f"a row's {mode} image is not a PNG file")
    width, height, depth, color, *ways = struct.unpack(">IIBBBBB", data[16:29])
    if (depth, color) != (8, _COLOR_TYPES[mode]):
        raise RecordError(
            f"a row's image must be an 8-bit {mode} PNG, got depth {depth}, type {color}"
        )
    if ways != [0, 0, 0]:
        raise RecordError(f"a row's {mode} image must be a PNG that is not interlaced")
    if not 0 < width * height <= MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise RecordError(
            f"a row's image is {width} x {height}: at most {MAX_PIXELS} pixels, and {MAX_SIDE} a "
            "side, are read"
        )
    return width, height


def _check_holds_pixels_alone(data: bytes, *, size: tuple[int, int], mode: str) -> None:
    """Checks that a file is header, pixels and end, and that its pixels are all it packs."""
    names, packed = [], []
    for name, content in _chunks(data):
        names.append(name)
        packed.append(content)
    beside = {name.decode("ascii", "replace") for name in names[1:] if name != b"IDAT"}
    if names[:1] != [b"IHDR"] or beside:
        what = ", ".join(sorted(beside)) or "no header"
        raise RecordError(f"a row's {mode} image holds more than its pixels: {what}")
    width, height = size
    expected = (width * len(mode) + 1) * height  # each line begins with the number of its filter
    if _unpacked_bytes(packed[1:], most=expected) != expected:
        raise RecordError(f"a row's {mode} image is damaged: it packs other bytes than its pixels")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yields name and content of all chunks but the last, which must be the end of the file."""
    at, last = len(_SIGNATURE), len(data) - len(_END)
    while at < last:
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], memoryview(data)[at + 8 : at + 8 + length]
        at += length + 12
    if at != last or data[last:] != _END:
        raise OSError("it does not end where a PNG file ends")


def _unpacked_bytes(parts: list[memoryview], *, most: int) -> int:
    """Returns how many bytes come out, keeping none; more than `most` where something is left."""
    unpacker, count = zlib.decompressobj(), 0
    for part in parts:
        rest: bytes | memoryview = part
        while rest and count <= most and not unpacker.eof:
            count += len(unpacker.decompress(rest, _AT_ONCE))
            rest = unpacker.unconsumed_tail
        if rest:
            return most + 1
    count += len(unpacker.flush())  # a few bytes at most: all that was packed is read
    return count if unpacker.eof and not unpacker.unused_data else most + 1
