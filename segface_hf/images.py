"""Pictures in: any file, bytes or PIL image becomes an upright RGB picture without metadata."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps

from segface_hf.errors import ImageError, ImageTooLargeError

ImageSource = str | os.PathLike[str] | bytes | bytearray | IO[bytes] | np.ndarray | Image.Image

MAX_PIXELS = 64_000_000
# An allow-list: Pillow's other readers run external programs or are rarely audited.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"}
)
# What Pillow's readers raise on damaged files, besides UnidentifiedImageError (an OSError).
DAMAGED = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
# Values of EXIF orientation that turn or mirror a picture.
_TURNED = range(2, 9)
_TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


# What pictures of `segface parse` say that they were made by.
MADE_BY = "segface parse"


def is_own_picture(path: Path) -> bool:
    """Whether `segface parse` wrote a mask or an overlay."""
    try:
        with Image.open(path) as picture:
            said = picture.info.get("Software", picture.info.get("comment", b""))
    except (OSError, ValueError, Image.DecompressionBombError):
        return False
    return said in (MADE_BY, MADE_BY.encode())


def load_image(source: ImageSource, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Reads any picture as an upright RGB image that carries no metadata.

    Transparency is laid over white, an animation gives its first frame, EXIF orientation is
    applied, 16-bit and float greys are scaled to 8 bits. The input is never changed.

    Args:
        source: A path, an encoded file's bytes, a file that is open for reading bytes, a PIL
            image, or a uint8 array of shape (H, W) or (H, W, 3).
        max_pixels: Largest width times height, checked before decoding.

    Returns:
        An RGB image with an empty `info`.

    Raises:
        ImageTooLargeError: More than `max_pixels`.
        ImageError: No such file, not a picture, or a damaged one.

    Example:
        >>> load_image("photo.jpg").mode
        'RGB'
    """
    if isinstance(source, Image.Image):
        return _finish(source, "the image", max_pixels)
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    name = f"'{source}'" if isinstance(source, str | os.PathLike) else "the upload"
    data = _encoded(source)
    if not data:
        raise ImageError(f"{name} is empty: expected a picture ({_readable()})")
    with _open(data, name, max_pixels) as image:
        return _finish(image, name, max_pixels)


def plain_image(source: ImageSource) -> Image.Image:
    """Returns an image that is plain already as it is, without the copy that `load_image` makes.

    For callers that only read it.

    Raises:
        ImageTooLargeError: More than `MAX_PIXELS`.
        ImageError: As `load_image`.
    """
    if (
        type(source) is Image.Image
        and source.mode == "RGB"
        and not source.info
        and 0 < source.width * source.height <= MAX_PIXELS
        and not source.getexif()
    ):
        return source
    return load_image(source)


def _encoded(source: str | os.PathLike[str] | bytes | bytearray | IO[bytes]) -> bytes:
    if isinstance(source, str | os.PathLike):
        return _read(Path(source))
    data: object = source
    try:
        if not isinstance(source, bytes | bytearray):
            data = source.read()
    except (AttributeError, OSError, ValueError) as error:
        raise ImageError(f"can't read a picture from {type(source).__name__}: {error}") from error
    if not isinstance(data, bytes | bytearray):
        raise ImageError(f"expected a picture's bytes, got {type(data).__name__}: open it as 'rb'")
    return bytes(data)


def require_sequence(images: Iterable[ImageSource]) -> Iterable[ImageSource]:
    """Returns a list of pictures as it is, and refuses one picture in its place.

    Raises:
        ImageError: One path, picture, encoded file or (H, W, 3) array, which has rows or letters.
    """
    shape = images.shape if isinstance(images, np.ndarray) else ()
    one = isinstance(images, str | os.PathLike | bytes | bytearray | Image.Image)
    if one or len(shape) in (2, 3):
        kind = f"array of shape {shape}" if shape else type(images).__name__
        raise ImageError(f"expected a list of pictures, got one {kind}: put it in a list")
    return images


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"no such file '{path}': check the path") from error
    except IsADirectoryError as error:
        raise ImageError(f"'{path}' is a folder: expected a picture ({_readable()})") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"can't read '{path}': {error}") from error


def _readable() -> str:
    return ", ".join(FORMATS)


def _open(data: bytes, name: str, max_pixels: int) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except BOMBS as error:
        raise ImageTooLargeError(
            f"{name} is too large: expected at most {_mega(max_pixels)}, got far more; "
            "scale it down first"
        ) from error
    except DAMAGED as error:
        raise ImageError(
            f"{name} is not a picture that can be read: expected {_readable()}"
        ) from error


def _finish(image: Image.Image, name: str, max_pixels: int) -> Image.Image:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{name} is too large: expected at most {_mega(max_pixels)}, "
            f"got {_mega(width * height)} ({width} x {height}); scale it down first"
        )
    if width * height == 0:
        raise ImageError(f"{name} has no pixels: got {width} x {height}")
    try:
        image.load()
        return opaque(upright(image))
    except DAMAGED as error:
        raise ImageError(
            f"{name} is damaged: expected a complete {image.format or 'picture'}, but decoding "
            f"stopped ({_one_line(error)}); save or download it again"
        ) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.3g} million pixels"


def upright(image: Image.Image) -> Image.Image:
    """Applies EXIF orientation; without one that can be read it is the very image."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
        return ImageOps.exif_transpose(image) if turned else image
    except DAMAGED:
        return image


def opaque(image: Image.Image) -> Image.Image:
    """Returns a new RGB image, turned as it is stored: of 8 bits, transparency laid over white.

    A fresh one carries no EXIF, ICC, XMP or text.
    """
    if image.mode in _DEEP_MODES:
        image = _eight_bits(image)
    opaque = Image.new("RGB", image.size, "white")
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        opaque.paste(layer, mask=layer.getchannel("A"))
    else:
        opaque.paste(image if image.mode == "RGB" else image.convert("RGB"))
    return opaque


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    return Image.fromarray(
        (values * (255.0 / _white(image.mode, values))).clip(0, 255).round().astype(np.uint8)
    )


def _white(mode: str, values: np.ndarray) -> float:
    """The value of white: fixed for 16-bit modes, read off the values for 32-bit ones."""
    peak = float(values.max())
    if mode.startswith("I;16"):
        return 65535.0
    if mode == "F" and peak <= 1.0:
        return 1.0
    return 255.0 if peak <= 255.0 else max(65535.0, peak)


def _from_array(values: np.ndarray, max_pixels: int) -> Image.Image:
    is_grey = values.ndim == 2
    is_rgb = values.ndim == 3 and values.shape[2] == 3
    if values.dtype != np.uint8 or not (is_grey or is_rgb) or values.size == 0:
        raise ImageError(
            "expected a uint8 array of shape (height, width, 3) or (height, width), "
            f"got {values.dtype} of shape {values.shape}"
        )
    return _finish(Image.fromarray(values), "the array", max_pixels)


def normalize(crops: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Turns uint8 crops (B, H, W, 3) into normalised float32 pixels (B, 3, H, W)."""
    scale = (1.0 / (255.0 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)
    pixels = np.empty((len(crops), 3, *crops.shape[1:3]), np.float32)
    for channel in range(3):
        np.multiply(crops[..., channel], scale[channel], out=pixels[:, channel])
        pixels[:, channel] += shift[channel]
    return pixels
