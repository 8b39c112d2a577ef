"""Images and masks of more photos than memory holds: read like tensors, decoded when they are used.

Masks are kept compressed, at a few kilobytes each. Photos stay in their files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segface_hf.data.folder import Pair, read_photo
from segface_hf.errors import DataError, ImageError
from segface_hf.images import load_image
from segface_hf.pipeline.frames import Frame

_LEVEL = 1
_THREADS = 4
# Items that are decoded ahead while a stack is iterated over.
_AHEAD = 16


@dataclass(frozen=True)
class PackedMasks:
    """Masks in memory, compressed.

    Indexing with a number gives uint8 (S, S), with several int64 positions uint8 (B, S, S).

    Attributes:
        packed: The masks, compressed.
        side: S in pixels.
    """

    packed: tuple[bytes, ...]
    side: int

    @classmethod
    def of(cls, masks: Iterable[Tensor], *, side: int) -> PackedMasks:
        """Compresses masks: uint8 (S, S) each."""
        return cls(tuple(pack(mask.numpy()) for mask in masks), side)

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[Tensor]:
        return (self._unpacked(index) for index in range(len(self)))

    def __getitem__(self, index: int | Tensor) -> Tensor:
        if isinstance(index, Tensor):
            return torch.stack([self._unpacked(i) for i in index.tolist()])
        return self._unpacked(index)

    def _unpacked(self, index: int) -> Tensor:
        pixels = bytearray(zlib.decompress(self.packed[index]))
        return torch.frombuffer(pixels, dtype=torch.uint8).view(self.side, self.side)


def pack(mask: np.ndarray) -> bytes:
    """Compresses a mask: uint8 (S, S)."""
    return zlib.compress(mask.tobytes(), _LEVEL)


@dataclass(frozen=True)
class StackSource:
    """Where the image of one sample comes from.

    Attributes:
        photo: The photo file.
        mask: Its mask file; None for a photo without a mask.
        size: Width and height of the mask.
        frame: The face's frame in the photo; None takes the whole photo.
    """

    photo: Path
    mask: Path | None = None
    size: tuple[int, int] = (0, 0)
    frame: Frame | None = None

    def read(self, side: int) -> Tensor:
        """Decodes the image: uint8 (3, side, side).

        Raises:
            DataError: The file can't be read, or no longer has the size of its mask.
        """
        if self.mask is None:
            photo = read_upright(self.photo)
        else:
            photo = read_photo(Pair(self.photo.stem, self.photo, self.mask), self.size)
        whole = (side, side)
        pixels = (
            np.array(photo.resize(whole, Image.Resampling.BICUBIC))
            if self.frame is None
            else np.array(self.frame.crop(photo, side))
        )
        return torch.from_numpy(pixels).permute(2, 0, 1)


def read_upright(path: Path) -> Image.Image:
    """Reads a photo without a mask, turned by its EXIF orientation.

    Raises:
        DataError: The file can't be read.
    """
    try:
        return load_image(path)
    except ImageError as error:
        raise DataError(f"{path} can't be read as a photo: {error}") from error


@dataclass(frozen=True)
class LazyImages:
    """Images that are decoded from their files in threads, each time they are used.

    Indexing with a number gives uint8 (3, S, S), with several int64 positions uint8 (B, 3, S, S).

    Attributes:
        sources: Where each image comes from.
        side: S in pixels.
    """

    sources: tuple[StackSource, ...]
    side: int

    def __len__(self) -> int:
        return len(self.sources)

    def __iter__(self) -> Iterator[Tensor]:
        for start in range(0, len(self), _AHEAD):
            yield from self._read(range(start, min(start + _AHEAD, len(self))))

    def __getitem__(self, index: int | Tensor) -> Tensor:
        if isinstance(index, Tensor):
            return torch.stack(self._read(index.tolist()))
        return self.sources[index].read(self.side)

    def _read(self, positions: Sequence[int]) -> list[Tensor]:
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(lambda index: self.sources[index].read(self.side), positions))


Images = Tensor | LazyImages
Masks = Tensor | PackedMasks


def selected(stack: Any, keep: Sequence[int]) -> Any:
    """Returns the items of a stack at these positions, as a stack of the same kind."""
    if isinstance(stack, LazyImages):
        return LazyImages(tuple(stack.sources[i] for i in keep), stack.side)
    if isinstance(stack, PackedMasks):
        return PackedMasks(tuple(stack.packed[i] for i in keep), stack.side)
    return stack[torch.tensor(list(keep), dtype=torch.long)]


def concatenated(stacks: Sequence[Any]) -> Any:
    """Returns several stacks of one kind as one."""
    first = stacks[0]
    if isinstance(first, LazyImages):
        return LazyImages(tuple(chain.from_iterable(s.sources for s in stacks)), first.side)
    if isinstance(first, PackedMasks):
        return PackedMasks(tuple(chain.from_iterable(s.packed for s in stacks)), first.side)
    return torch.cat(list(stacks))


def with_changes(masks: Masks, changes: Mapping[int, Tensor]) -> Masks:
    """Returns the masks with other ones at some positions."""
    if isinstance(masks, PackedMasks):
        packed = list(masks.packed)
        for index, mask in changes.items():
            packed[index] = pack(mask.numpy())
        return PackedMasks(tuple(packed), masks.side)
    masks = masks.clone()
    for index, mask in changes.items():
        masks[index] = mask
    return masks
