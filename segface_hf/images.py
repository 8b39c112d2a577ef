"""Reading pictures of any kind as upright 8-bit sRGB images without metadata."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageOps, features

from segface_hf.errors import ImageError, ImageTooLargeError

_LOG = logging.getLogger(__name__)

ImageSource = str | os.PathLike[str] | bytes | bytearray | IO[bytes] | np.ndarray | Image.Image

MAX_PIXELS = 64_000_000
# An allow-list: Pillow's other readers run external programs or are rarely audited.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# Names of photo files in folders, for the parser, the trainer and imports alike.
SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff",
        ".ppm", ".pgm", ".pnm", ".avif", ".heic", ".heif",
    }
)  # fmt: skip
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
_ADDRESS = re.compile(r"(?:https?|ftp|s3|gs|hf)://|data:image/", re.IGNORECASE)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_JPEG_FORMATS = ("JPEG", "MPO")
_JPEG_END = b"\xff\xd9"
# Bytes that begin with different bits, and restart markers with data.
_TAILS = (
    bytes(range(1, 255)) * 2,
    bytes(range(254, 0, -1)) * 2,
    b"\x55\xaa" * 256,
    b"".join(b"\xff" + bytes([0xD0 + n]) + b"\xa5\x3c\x78\x1b" * 16 for n in range(8)) * 2,
)
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SRGB_TOLERANCE = 2
# 16 x 16 x 16 colors, by which a profile that is sRGB in effect is recognized.
_PROBE = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3), -1).reshape(64, 64, 3)


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
    """Reads any picture as an upright RGB image in sRGB that carries no metadata.

    An embedded color profile is converted to sRGB and EXIF orientation is applied. Transparent
    pixels become white, an animation gives its first frame, 16-bit and float grays are scaled to
    8 bits. The input is never changed.

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
    with open_image(source, max_pixels=max_pixels) as image:
        return opaque(upright(image))


@contextmanager
def open_image(
    source: str | os.PathLike[str] | bytes | bytearray | IO[bytes],
    *,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Image.Image]:
    """Opens an encoded picture and decodes it as it is stored, for `upright` and `opaque`.

    Raises:
        ImageTooLargeError: More than `max_pixels`.
        ImageError: As `load_image`.
    """
    name = f"'{source}'" if isinstance(source, str | os.PathLike) else "the upload"
    data = _encoded(source)
    if not data:
        raise ImageError(f"{name} is empty: expected a picture ({_readable()})")
    with _open(data, name, max_pixels) as image:
        _check_size(image, name, max_pixels)
        yield _decoded(image, data, name)


def plain_image(source: ImageSource) -> Image.Image:
    """Returns an upright RGB image without metadata unchanged; reads anything else as `load_image`.

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


def is_address(source: str | os.PathLike[str]) -> bool:
    """Whether a name is an address, such as `https://...`, and not a path."""
    return _ADDRESS.match(str(source)) is not None


def _encoded(source: str | os.PathLike[str] | bytes | bytearray | IO[bytes]) -> bytes:
    if isinstance(source, str | os.PathLike):
        if is_address(source):
            raise ImageError(
                f"'{str(source)[:80]}' is an address, and addresses are not fetched: download the "
                "picture and pass its path or its bytes"
            )
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
    """Returns a list of pictures unchanged; refuses a single picture.

    Raises:
        ImageError: A single path, picture, encoded file or (H, W, 3) array.
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


@lru_cache(maxsize=1)
def formats() -> tuple[str, ...]:
    """Returns Pillow's names of the formats that this installation reads."""
    found = list(_FORMATS)
    if features.check("avif"):
        found.append("AVIF")
    if find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
        found.append("HEIF")
    return tuple(found)


def _readable() -> str:
    return ", ".join(formats())


def _open(data: bytes, name: str, max_pixels: int) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=formats())
    except BOMBS as error:
        raise ImageTooLargeError(
            f"{name} is too large: expected at most {_mega(max_pixels)}, got far more; "
            "scale it down first"
        ) from error
    except DAMAGED as error:
        missing = _missing_reader(data)
        raise ImageError(
            f"{name} is {missing}"
            if missing
            else f"{name} is not a picture that can be read: expected {_readable()}"
        ) from error


def _missing_reader(data: bytes) -> str | None:
    """What to install for a file of the MPEG-4 family that this installation can't read."""
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in _HEIC_BRANDS and "HEIF" not in formats():
        return "HEIC: install `pip install 'segface-hf[heic]'` to read it, or save it as JPEG"
    if brand in _AVIF_BRANDS and "AVIF" not in formats():
        return "AVIF, which this Pillow can't read: install Pillow 11.3 or newer"
    return None


def _finish(image: Image.Image, name: str, max_pixels: int) -> Image.Image:
    """Checks and decodes an image that the caller opened."""
    _check_size(image, name, max_pixels)
    return opaque(upright(_decoded(image, b"", name)))


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{name} is too large: expected at most {_mega(max_pixels)}, "
            f"got {_mega(width * height)} ({width} x {height}); scale it down first"
        )
    if width * height == 0:
        raise ImageError(f"{name} has no pixels: got {width} x {height}")


def _decoded(image: Image.Image, data: bytes, name: str) -> Image.Image:
    """Decodes an opened picture; a JPEG may lack its end marker, but no pixels."""
    try:
        image.load()
    except DAMAGED as error:
        complete = _without_end_marker(data) if image.format in _JPEG_FORMATS else None
        if complete is None:
            raise ImageError(
                f"{name} is damaged: expected a complete {image.format or 'picture'}, but "
                f"decoding stopped ({_one_line(error)}); save or download it again"
            ) from error
        return complete
    return image


def _without_end_marker(data: bytes) -> Image.Image | None:
    """Decodes a JPEG without its end marker, None where it also lacks pixels.

    If pixels are missing, libjpeg reads them from whatever bytes follow the data. So the data is
    decoded with different bytes after it: the pixels are complete if all results are equal.
    """
    body = data.rstrip(b"\xff")
    first: Image.Image | None = None
    with suppress(*DAMAGED):
        for tail in (b"", *_TAILS):
            image = Image.open(io.BytesIO(body + tail + _JPEG_END), formats=("JPEG",))
            image.load()
            if first is None:
                first = image
            elif ImageChops.difference(first, image).getbbox() is not None:
                return None
        return first
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.3g} million pixels"


def upright(image: Image.Image) -> Image.Image:
    """Applies EXIF orientation; returns the same image where there is none that can be read."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
        return ImageOps.exif_transpose(image) if turned else image
    except DAMAGED:
        return image


def opaque(image: Image.Image) -> Image.Image:
    """Returns a new 8-bit RGB image in sRGB, with white where the image is transparent.

    It is turned as it is stored and carries no EXIF, ICC, XMP or text.

    Raises:
        ImageError: Its colors can't be converted.
    """
    try:
        return _opaque(image)
    except DAMAGED as error:
        raise ImageError(
            f"a picture of mode {image.mode} can't be converted to RGB ({_one_line(error)}): "
            "save it as PNG or JPEG"
        ) from error


def _opaque(image: Image.Image) -> Image.Image:
    profile, alpha = image.info.get("icc_profile"), None
    if image.mode in _DEEP_MODES:
        alpha = _deep_alpha(image)
        image = _eight_bits(image)
    elif image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        layer = _eight_bit_key(image).convert("RGBA")
        image, alpha = layer.convert("RGB"), layer.getchannel("A")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(_in_srgb(image, profile), mask=alpha)
    return opaque


def _deep_alpha(image: Image.Image) -> Image.Image | None:
    """The alpha channel of a deep gray picture in which one value is transparent."""
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    return Image.fromarray(np.where(np.asarray(image) == key, np.uint8(0), np.uint8(255)))


def _eight_bit_key(image: Image.Image) -> Image.Image:
    """Scales the transparent color of a 16-bit PNG, whose pixels Pillow has read as 8 bits."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Converts an image to RGB in sRGB; a damaged profile or one of another mode is ignored."""
    if isinstance(profile, bytes):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = _PROFILE_MODES.get(source.profile.xcolor_space.strip(), "")
            if mode == _color_mode(image):
                return _converted(image.convert(mode), source)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            _LOG.info("an embedded color profile is ignored: %s", _one_line(error)[:200])
    return image if image.mode == "RGB" else image.convert("RGB")


def _color_mode(image: Image.Image) -> str:
    if image.mode in ("1", "L", "CMYK"):
        return image.mode.replace("1", "L")
    return "RGB"


def _converted(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """Converts to sRGB; an image whose profile is sRGB itself keeps its exact values."""
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, image.mode, "RGB")
    if image.mode == "RGB":
        moved = np.asarray(transform.apply(Image.fromarray(_PROBE))).astype(np.int16)
        if np.abs(moved - _PROBE).max() <= _SRGB_TOLERANCE:
            return image
    return transform.apply(image)


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
    is_gray = values.ndim == 2
    is_rgb = values.ndim == 3 and values.shape[2] == 3
    if values.dtype != np.uint8 or not (is_gray or is_rgb) or values.size == 0:
        raise ImageError(
            "expected a uint8 array of shape (height, width, 3) or (height, width), "
            f"got {values.dtype} of shape {values.shape}"
        )
    return _finish(Image.fromarray(values), "the array", max_pixels)


def normalize(crops: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Turns uint8 crops (B, H, W, 3) into normalized float32 pixels (B, 3, H, W)."""
    scale = (1.0 / (255.0 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)
    pixels = np.empty((len(crops), 3, *crops.shape[1:3]), np.float32)
    for channel in range(3):
        np.multiply(crops[..., channel], scale[channel], out=pixels[:, channel])
        pixels[:, channel] += shift[channel]
    return pixels
