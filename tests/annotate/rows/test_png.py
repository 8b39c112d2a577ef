"""An image of a row is pixels and nothing else; whatever else a PNG can hold is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from annotate.errors import RecordError
from annotate.rows import png as png_file

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
MASK = PHOTO[..., 0] % 19


def chunk(name, content):
    crc = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


def header(width, height, *, color=2, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, interlace))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def lines(array):
    return b"".join(b"\0" + line.tobytes() for line in array)


def saved(array, **options):
    sink = io.BytesIO()
    Image.fromarray(array).save(sink, "PNG", **options)
    return sink.getvalue()


@pytest.mark.parametrize(("array", "mode"), [(PHOTO, "RGB"), (MASK, "L"), (PHOTO[:1, :1], "RGB")])
def test_a_written_png_is_read_back(array, mode):
    assert np.array_equal(png_file.decode(png_file.encode(array), mode=mode), array)


def test_a_photo_of_many_parts_is_read_back():
    large = RNG.integers(0, 256, (700, 900, 3), dtype=np.uint8)
    data = png_file.encode(large)
    assert data.count(b"IDAT") > 1
    assert np.array_equal(png_file.decode(data, mode="RGB"), large)


@pytest.mark.parametrize("size", [(1024, 1023), (2048, 1023), (1500, 3000)])
def test_a_uniform_mask_that_compresses_well_is_read_back(size):
    mask = np.full(size, 3, np.uint8)
    assert np.array_equal(png_file.decode(png_file.encode(mask), mode="L"), mask)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SpyCam"
    return saved(PHOTO, exif=exif)


def named():
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Jane Doe")
    return saved(PHOTO, pnginfo=info)


@pytest.mark.parametrize(
    ("data", "beside"),
    [
        (turned(), "eXIf"),
        (named(), "tEXt"),
        (saved(PHOTO, dpi=(72, 72)), "pHYs"),
        (
            png(header(32, 24), header(9000, 9000), chunk(b"IDAT", zlib.compress(lines(PHOTO)))),
            "IHDR",
        ),
    ],
)
def test_a_png_with_anything_beside_its_pixels_is_refused(data, beside):
    with pytest.raises(RecordError, match=f"holds more than its pixels: {beside}"):
        png_file.decode(data, mode="RGB")


def test_bytes_after_the_end_are_refused():
    with pytest.raises(RecordError, match="does not end where a PNG file ends"):
        png_file.decode(png_file.encode(PHOTO) + b"SECRET", mode="RGB")


@pytest.mark.parametrize(
    "packed",
    [
        [zlib.compress(lines(PHOTO) + b"SECRET")],
        [zlib.compress(lines(PHOTO)) + b"SECRET"],
        [zlib.compress(lines(PHOTO)), b"SECRET"],
        [zlib.compress(lines(PHOTO))[:-30]],
        [zlib.compress(bytes(10**8))],
        [],
    ],
    ids=["longer", "after", "another part", "cut", "bomb", "none"],
)
def test_pixel_data_of_the_wrong_length_is_refused(packed):
    data = png(header(32, 24), *[chunk(b"IDAT", part) for part in packed])
    with pytest.raises(RecordError, match="packs other bytes than its pixels"):
        png_file.decode(data, mode="RGB")


def test_an_interlaced_png_is_refused():
    with pytest.raises(RecordError, match="not interlaced"):
        png_file.decode(png(header(32, 24, interlace=1)), mode="RGB")


def test_a_palette_mask_is_refused_because_its_values_are_not_ids():
    sink = io.BytesIO()
    Image.fromarray(MASK).convert("P").save(sink, "PNG")
    with pytest.raises(RecordError, match="must be an 8-bit L PNG"):
        png_file.decode(sink.getvalue(), mode="L")


def test_a_png_bomb_is_refused_by_its_header():
    with pytest.raises(RecordError, match="is 40000 x 40000"):
        png_file.decode(png(header(40_000, 40_000)), mode="RGB")


@pytest.mark.parametrize("cut", [40, 500, -40, -1])
def test_a_truncated_png_is_refused(cut):
    with pytest.raises(RecordError, match="RGB image is damaged"):
        png_file.decode(png_file.encode(PHOTO)[:cut], mode="RGB")


def test_a_changed_byte_is_noticed():
    data = bytearray(png_file.encode(PHOTO))
    data[len(data) // 2] ^= 1
    with pytest.raises(RecordError, match="RGB image is damaged"):
        png_file.decode(bytes(data), mode="RGB")


def test_a_photo_that_compresses_a_thousandfold_is_not_decoded():
    photo = np.zeros((3000, 3000, 3), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(photo).save(sink, "PNG", compress_level=9)
    with pytest.raises(RecordError, match="would unpack to 27000000, more than 100 times"):
        png_file.size_of(sink.getvalue(), mode="RGB")
    with pytest.raises(RecordError, match="more than 100 times"):
        png_file.decode(sink.getvalue(), mode="RGB")
    with pytest.raises(RecordError, match="more than 100 times"):
        png_file.encode(photo)
    assert png_file.decode(png_file.encode(photo[..., 0]), mode="L").sum() == 0
