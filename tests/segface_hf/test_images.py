"""Whatever arrives as a picture becomes upright RGB without metadata, or one clear sentence."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from segface_hf.errors import ImageError, ImageTooLargeError
from segface_hf.images import SUFFIXES, formats, load_image, normalize, plain_image
from tests.segface_hf.icc import SRGB, cmyk_profile, gray_profile, rgb_profile


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([columns * 6, rows * 8, columns + rows], -1).astype(np.uint8))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows)


def one_sentence(error: pytest.ExceptionInfo[ImageError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 240
    return message


def test_a_png_gives_its_exact_pixels() -> None:
    image = gradient()
    assert np.array_equal(load_image(encoded(image, "PNG")), image)


def test_an_open_file_gives_the_picture_in_it(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    gradient().save(path)
    with path.open("rb") as file:
        assert np.array_equal(load_image(file), gradient())
    assert np.array_equal(load_image(io.BytesIO(path.read_bytes())), gradient())
    with pytest.raises(ImageError, match="closed file"):
        load_image(file)
    with pytest.raises(ImageError, match="got str: open it as 'rb'"):
        load_image(io.StringIO("text"))
    with pytest.raises(ImageError, match="a picture from int"):
        load_image(7)


def test_a_path_a_string_and_an_array_give_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    gradient().save(path)
    expected = np.asarray(gradient())
    for source in (path, str(path), expected, gradient()):
        assert np.array_equal(load_image(source), expected)


def test_text_is_refused_with_one_sentence() -> None:
    with pytest.raises(ImageError) as error:
        load_image(b"hello, I am no picture")
    assert "not a picture" in one_sentence(error)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ImageError) as error:
        load_image(b"")
    assert "empty" in one_sentence(error)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)


def test_a_path_with_a_null_byte_is_refused() -> None:
    with pytest.raises(ImageError, match="can't read"):
        load_image("photo\0.jpg")


def test_a_postscript_file_is_refused_although_pillow_could_run_ghostscript() -> None:
    with pytest.raises(ImageError, match="not a picture"):
        load_image(encoded(gradient(), "EPS"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_truncated_picture_is_refused_with_one_sentence(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(ImageError) as error:
        load_image(data[: len(data) // 2])
    one_sentence(error)


def test_a_truncated_jpeg_says_what_to_do() -> None:
    data = encoded(gradient(300, 300), "JPEG")
    with pytest.raises(ImageError) as error:
        load_image(data[:-400])
    assert "damaged" in one_sentence(error)
    assert "again" in str(error.value)


@pytest.mark.parametrize("side", [9_000, 11_000, 40_000])
def test_a_png_bomb_is_refused_before_decoding(side: int) -> None:
    with pytest.raises(ImageTooLargeError) as error:
        load_image(png_header(side, side))
    assert "at most 64 million pixels" in one_sentence(error)


def test_the_pixel_limit_can_be_lowered() -> None:
    with pytest.raises(ImageTooLargeError, match="40 x 30"):
        load_image(gradient(), max_pixels=1_000)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_bytes_never_raise_anything_but_an_image_error() -> None:
    random = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        data = np.frombuffer(encoded(gradient(), kind), np.uint8)
        for _ in range(60):
            bad = data.copy()
            bad[random.integers(0, len(bad), 4)] = random.integers(0, 256, 4)
            with contextlib.suppress(ImageError):
                assert load_image(bad.tobytes(), max_pixels=10**6).mode == "RGB"


def test_one_pixel_is_a_picture() -> None:
    image = load_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert image.size == (1, 1)
    assert image.getpixel((0, 0)) == (1, 2, 3)


def test_gray_becomes_rgb_with_equal_channels() -> None:
    image = load_image(encoded(Image.new("L", (2, 2), 77), "PNG"))
    assert image.getpixel((0, 0)) == (77, 77, 77)


def test_a_palette_gives_its_colors() -> None:
    image = Image.new("RGB", (4, 4), (200, 10, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert load_image(encoded(image, "PNG")).getpixel((0, 0)) == (200, 10, 30)


def test_cmyk_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    assert load_image(data).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_scale_to_eight(kind: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    data = encoded(Image.fromarray(values), kind)
    assert np.asarray(load_image(data))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_dark_sixteen_bit_picture_stays_dark() -> None:
    data = encoded(Image.fromarray(np.full((2, 2), 200, np.uint16)), "PNG")
    assert load_image(data).getpixel((0, 0)) == (1, 1, 1)


def test_float_grays_between_zero_and_one_scale_to_eight_bits() -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert np.asarray(load_image(Image.fromarray(values)))[0, :, 1].tolist() == [0, 128, 255]


def test_transparency_is_blended_over_white() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    loaded = load_image(encoded(image, "PNG"))
    assert loaded.getpixel((0, 0)) == (255, 0, 0)
    assert loaded.getpixel((1, 0)) == (255, 255, 255)


def test_a_transparent_palette_color_is_blended_over_white() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    loaded = load_image(encoded(image, "PNG", transparency=0))
    assert loaded.getpixel((0, 0)) == (255, 255, 255)
    assert loaded.getpixel((1, 0)) == (200, 100, 50)


def test_exif_orientation_is_applied() -> None:
    image = gradient(40, 30)
    exif = Image.Exif()
    exif[0x0112] = 6
    loaded = load_image(encoded(image, "PNG", exif=exif))
    assert np.array_equal(loaded, image.transpose(Image.Transpose.ROTATE_270))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_unreadable_exif_is_ignored() -> None:
    data = encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff\0\1")
    assert load_image(data).size == (40, 30)


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (3, 3), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load_image(data).getpixel((1, 1)) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_embedded_profile_is_converted_to_srgb(kind: str) -> None:
    stored = Image.new("RGB", (16, 16), (139, 104, 83))
    options = {"lossless": True} if kind == "WEBP" else {}
    loaded = load_image(encoded(stored, kind, icc_profile=rgb_profile(), **options))
    assert np.allclose(loaded.getpixel((8, 8)), (152, 104, 81), atol=2)
    assert loaded.info == {}


def test_a_profile_is_converted_beneath_transparency_and_in_palettes() -> None:
    stored = Image.new("RGBA", (2, 1), (139, 104, 83, 255))
    stored.putpixel((1, 0), (139, 104, 83, 0))
    loaded = load_image(encoded(stored, "PNG", icc_profile=rgb_profile()))
    assert np.allclose(loaded.getpixel((0, 0)), (152, 104, 81), atol=2)
    assert loaded.getpixel((1, 0)) == (255, 255, 255)
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([139, 104, 83])
    loaded = load_image(encoded(palette, "PNG", icc_profile=rgb_profile()))
    assert np.allclose(loaded.getpixel((0, 0)), (152, 104, 81), atol=2)


def test_a_cmyk_profile_is_converted_to_srgb() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert load_image(encoded(cyan, "JPEG")).getpixel((8, 8)) == (0, 255, 255)
    data = encoded(cyan, "JPEG", icc_profile=cmyk_profile())
    assert np.allclose(load_image(data).getpixel((8, 8)), (185, 185, 185), atol=2)


def test_a_gray_profile_sets_the_brightness() -> None:
    gray = Image.new("L", (4, 4), 100)
    loaded = load_image(encoded(gray, "PNG", icc_profile=gray_profile(gamma=1.0)))
    assert np.allclose(loaded.getpixel((1, 1)), (167, 167, 167), atol=2)


def test_pixels_that_are_srgb_already_stay_exact() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(load_image(encoded(gradient(), "PNG", icc_profile=profile)), gradient())


@pytest.mark.parametrize(
    "profile", [b"no profile", gray_profile(gamma=1.0), rgb_profile(SRGB)[:200], rgb_profile()[:90]]
)
def test_a_profile_that_is_damaged_or_of_another_mode_is_ignored(profile: bytes) -> None:
    data = encoded(gradient(), "PNG", icc_profile=profile)
    assert np.array_equal(load_image(data), gradient())


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_its_end_marker_is_read(options: dict, lost: int) -> None:
    data = encoded(gradient(90, 70), "JPEG", **options)
    assert np.array_equal(load_image(data[:-lost]), load_image(data))


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"optimize": True}])
@pytest.mark.parametrize("lost", [8, 30, 100, 400])
def test_a_jpeg_that_lacks_pixels_is_refused(options: dict, lost: int) -> None:
    noise = np.random.default_rng(lost).normal(0, 4, (80, 90, 3)).cumsum(1) + 128
    data = encoded(Image.fromarray(noise.clip(0, 255).astype(np.uint8)), "JPEG", **options)
    with pytest.raises(ImageError, match="damaged"):
        load_image(data[:-lost])


def sixteen_bit_png(values: list, transparent: tuple[int, ...]) -> bytes:
    pixels = np.asarray(values, ">u2")
    color = 0 if pixels.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", *pixels.shape[1::-1], 16, color, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    key = struct.pack(f">{len(transparent)}H", *transparent)
    parts = ((b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def test_a_transparent_color_of_sixteen_bits_becomes_white() -> None:
    gray = load_image(sixteen_bit_png([[0, 0x1234, 0x1235]], (0x1234,)))
    assert np.asarray(gray)[0, :, 0].tolist() == [0, 255, 18]
    values = [[[0, 0, 0], [0x1234, 0x5678, 0x9ABC], [65535, 0, 0]]]
    colors = load_image(sixteen_bit_png(values, (0x1234, 0x5678, 0x9ABC)))
    assert np.asarray(colors)[0].tolist() == [[0, 0, 0], [255, 255, 255], [255, 0, 0]]


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_avif_and_heic_are_read(kind: str) -> None:
    if kind not in formats():
        pytest.skip(f"this installation does not read {kind}")
    loaded = load_image(encoded(gradient(64, 48), kind, quality=95))
    assert loaded.size == (64, 48)
    assert np.abs(np.asarray(loaded, float) - np.asarray(gradient(64, 48))).mean() < 4


def test_heic_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segface_hf.images.formats", lambda: ("JPEG", "PNG"))
    with pytest.raises(ImageError, match=r"segface-hf\[heic\]"):
        load_image(b"\0\0\0\x18ftypheic" + b"\0" * 40)


def test_addresses_are_not_fetched() -> None:
    for address in ("https://example.org/photo.jpg", "hf://datasets/org/name/photo.jpg"):
        with pytest.raises(ImageError, match="addresses are not fetched"):
            load_image(address)


def test_every_format_has_a_file_name_that_folders_are_searched_for() -> None:
    known = Image.registered_extensions()
    listed = {known[suffix] for suffix in SUFFIXES if suffix in known}
    assert listed == set(formats())


def test_no_metadata_survives() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a name that must not travel"
    image = gradient()
    data = encoded(image, "JPEG", exif=exif, comment=b"secret", icc_profile=b"profile")
    loaded = load_image(data)
    assert loaded.info == {}
    assert len(loaded.getexif()) == 0
    assert b"secret" not in encoded(loaded, "JPEG")


def test_the_callers_image_is_not_changed() -> None:
    image = Image.new("RGBA", (2, 2), (1, 2, 3, 0))
    image.info["comment"] = "kept"
    load_image(image).putpixel((0, 0), (9, 9, 9))
    assert image.getpixel((0, 0)) == (1, 2, 3, 0)
    assert image.info == {"comment": "kept"}


def test_a_float_array_is_refused_with_its_shape() -> None:
    with pytest.raises(ImageError, match=r"float64 of shape \(2, 2, 3\)"):
        load_image(np.zeros((2, 2, 3)))


def test_normalized_pixels_are_channels_first() -> None:
    crops = np.zeros((1, 2, 2, 3), np.uint8)
    crops[0, 0, 1] = (255, 0, 51)
    pixels = normalize(crops, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))
    assert pixels.shape == (1, 3, 2, 2)
    assert pixels.dtype == np.float32
    assert np.allclose(pixels[0, :, 0, 1], [1.0, -2.0, -0.6], atol=1e-6)


def test_a_plain_image_is_not_copied_and_any_other_is() -> None:
    plain, noted = gradient(), gradient()
    noted.info["comment"] = "private"
    assert plain_image(plain) is plain
    assert plain_image(noted) is not noted
    assert plain_image(noted).info == {}
    assert plain_image(encoded(plain, "PNG")).size == plain.size
