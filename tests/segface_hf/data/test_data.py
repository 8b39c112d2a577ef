"""Data folders are read exactly, and what can't be used is named."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from segface_hf.data.folder import Pair, find_pairs, read_mask, read_pair, read_photo
from segface_hf.data.photo_set import load_photos
from segface_hf.errors import DataError
from segface_hf.faces import FaceParse
from segface_hf.images import load_image
from segface_hf.jobs.files import Results, write_results
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from tests.segface_hf.training.drawn import draw_face, write_pair


def test_pairs_are_found_by_equal_stems_in_order(folder):
    assert [pair.stem for pair in find_pairs(folder)] == [f"face{i}" for i in range(6)]


def test_a_photo_without_a_mask_is_named(folder):
    (folder / "masks" / "face3.png").unlink()
    with pytest.raises(DataError, match=r"face3\.png has no mask named 'face3'"):
        find_pairs(folder)


def test_a_mask_without_a_photo_is_named(folder):
    (folder / "images" / "face4.png").unlink()
    with pytest.raises(DataError, match=r"face4\.png has no image"):
        find_pairs(folder)


def test_a_folder_without_images_says_what_a_data_folder_holds(tmp_path):
    with pytest.raises(DataError, match="holds images/ and masks/"):
        find_pairs(tmp_path)


def test_two_photos_with_one_stem_are_refused(folder):
    (folder / "images" / "face1.jpg").write_bytes((folder / "images" / "face1.png").read_bytes())
    with pytest.raises(DataError, match="same stem"):
        find_pairs(folder)


def test_a_mask_with_an_unknown_id_is_refused_by_name(folder):
    path = folder / "masks" / "face2.png"
    Image.fromarray(np.full((64, 64), 19, np.uint8)).save(path)
    with pytest.raises(DataError, match=r"face2\.png: id 19 is not a class"):
        load_photos(find_pairs(folder), CELEBAMASK_HQ, side=32)


def test_unlabeled_pixels_are_excluded_from_training(folder):
    path = folder / "masks" / "face2.png"
    ids = np.array(Image.open(path))
    ids[:20] = IGNORED
    Image.fromarray(ids).save(path)
    photos = load_photos(find_pairs(folder), CELEBAMASK_HQ, side=64)
    np.testing.assert_array_equal(photos.masks[2], ids)
    assert photos.presence().shape == (6, CELEBAMASK_HQ.num_classes)
    with pytest.raises(DataError, match=r"face2\.png: id 255 is not a class"):
        read_mask(path, CELEBAMASK_HQ)


@pytest.mark.parametrize("gaps", [True, False])
def test_a_black_and_white_picture_is_refused_as_a_mask_with_gaps(tmp_path, gaps):
    path = tmp_path / "skin.png"
    Image.fromarray(np.diag([255, 0, 255]).astype(np.uint8)).save(path)
    with pytest.raises(DataError, match="black-and-white" if gaps else "id 255 is not a class"):
        read_mask(path, CELEBAMASK_HQ, gaps=gaps)


def test_a_color_picture_is_refused_as_a_mask(tmp_path):
    path = tmp_path / "mask.png"
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(DataError, match="one 8-bit channel"):
        read_mask(path, CELEBAMASK_HQ)


def test_a_truncated_mask_is_refused_by_name(folder):
    path = folder / "masks" / "face0.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"face0\.png can't be read as a mask"):
        read_mask(path, CELEBAMASK_HQ)


def test_sizes_of_photo_and_mask_must_agree(folder):
    Image.fromarray(np.zeros((10, 12), np.uint8)).save(folder / "masks" / "face0.png")
    with pytest.raises(DataError, match="12 x 10 but its photo has 64 x 64"):
        read_pair(find_pairs(folder)[0], CELEBAMASK_HQ)


def test_a_16_bit_and_a_transparent_photo_are_read_as_they_are_shown(tmp_path):
    gray = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert np.abs(np.asarray(photo_at(tmp_path / "deep.png"))[..., 1] - gray.astype(int)).max() <= 1
    Image.new("RGBA", (64, 48), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert np.asarray(photo_at(tmp_path / "clear.png")).min() == 255


def turned_pair(folder, orientation, *, size=(40, 30), mask=None):
    """A photo as a phone stores it, one corner red when looked at, and a mask."""
    looked_at = Image.new("RGB", size)
    looked_at.paste("red", (0, 0, 5, 5))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}[orientation]
    looked_at.transpose(back).save(folder / "phone.png", exif=exif)
    Image.new("L", mask or size).save(folder / "mask.png")
    return Pair("phone", folder / "phone.png", folder / "mask.png")


def is_red_above_on_the_left(image):
    return image.getpixel((2, 2)) == (255, 0, 0)


def test_a_turned_photo_is_read_as_its_mask_was_drawn(tmp_path):
    upright, _ = read_pair(turned_pair(tmp_path, 6), CELEBAMASK_HQ)
    assert upright.size == (40, 30)
    assert is_red_above_on_the_left(upright)
    stored, _ = read_pair(turned_pair(tmp_path, 6, mask=(30, 40)), CELEBAMASK_HQ)
    assert stored.size == (30, 40)
    assert not is_red_above_on_the_left(stored)


@pytest.mark.parametrize("shape", [{"orientation": 3}, {"orientation": 6, "size": (40, 40)}])
def test_a_turned_photo_whose_mask_fits_both_ways_is_refused_unless_parse_made_the_mask(
    tmp_path, shape
):
    pair = turned_pair(tmp_path, **shape)
    with pytest.raises(DataError, match=r"phone\.png is stored turned"):
        read_pair(pair, CELEBAMASK_HQ)
    mask = read_mask(pair.mask, CELEBAMASK_HQ)
    results = Results(pair.mask, tmp_path / "overlay.jpg", tmp_path / "report.json")
    write_results(results, load_image(pair.image), FaceParse(mask, CELEBAMASK_HQ), {})
    image, _ = read_pair(pair, CELEBAMASK_HQ)
    assert is_red_above_on_the_left(image)


def photo_at(path):
    return read_photo(Pair("a", path, path), (64, 48))


@pytest.mark.parametrize("read", [photo_at, lambda path: read_mask(path, CELEBAMASK_HQ)])
def test_a_broken_chunk_which_pillow_calls_a_syntax_error_is_refused_by_name(tmp_path, read):
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 19, (400, 400), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    path.write_bytes(data[:second] + b"\xff\xff\xff\xff" + data[second + 4 :])
    with pytest.raises(DataError, match=r"a\.png can't be read"):
        read(path)


def test_loaded_masks_keep_their_ids_exactly(folder):
    photos = load_photos(find_pairs(folder), CELEBAMASK_HQ, side=64)
    _, mask = draw_face(0, glasses=True)
    assert np.array_equal(photos.masks[0].numpy(), mask)
    assert photos.images.shape == (6, 3, 64, 64)


def test_a_palette_mask_gives_its_indices(tmp_path):
    ids = np.array([[0, 1], [17, 18]], np.uint8)
    picture = Image.fromarray(ids).convert("P")
    picture.putdata(ids.ravel().tolist())
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png", CELEBAMASK_HQ), ids)


def test_presence_and_share_count_classes(tmp_path):
    mask = np.zeros((4, 4), np.uint8)
    mask[0] = 2
    write_pair(tmp_path, "a", np.zeros((4, 4, 3), np.uint8), mask)
    photos = load_photos(find_pairs(tmp_path), CELEBAMASK_HQ, side=4)
    assert photos.presence()[0].nonzero().flatten().tolist() == [0, 2]
    assert photos.pixel_share()[[0, 2]].tolist() == [0.75, 0.25]
