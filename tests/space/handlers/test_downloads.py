import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from annotate.exchange.rle import region_of
from segface_hf.faces import FaceParse
from segface_hf.labels import CELEBAMASK_HQ
from space.errors import VisitError
from space.handlers.cutouts import soft_alpha
from space.handlers.downloads import KINDS, make_download, with_mask
from space.handlers.parse import Request, parse_photo
from tests.space.conftest import noise

SKIN, HAT = CELEBAMASK_HQ.id_of("skin"), CELEBAMASK_HQ.id_of("hat")


@pytest.fixture
def photo(services, photo_file):
    return parse_photo(services, photo_file(noise()), request=Request("v", "embedded")).photo


def picture(data):
    return Image.open(io.BytesIO(data))


def test_the_mask_download_holds_the_exact_class_ids(photo):
    name, data = make_download("mask", photo)
    assert name == "mask.png"
    assert picture(data).mode == "L"
    assert np.array_equal(np.asarray(picture(data)), photo.parse.mask)


def test_the_colored_download_has_the_colors_of_the_schema(photo):
    pixels = np.asarray(picture(make_download("coloured", photo)[1]))
    for index in np.unique(photo.parse.mask):
        here = pixels[photo.parse.mask == index]
        assert (here == photo.parse.schema.colors[index]).all()


def test_a_cut_out_shows_its_class_and_is_transparent_elsewhere(photo):
    with zipfile.ZipFile(io.BytesIO(make_download("cutouts", photo)[1])) as archive:
        assert set(archive.namelist()) == {f"{name}.png" for name in photo.parse.present()}
        cut = np.asarray(picture(archive.read("hair.png")))
    hair = photo.parse.mask == photo.parse.schema.id_of("hair")
    inside, outside = away_from_edges(hair), away_from_edges(~hair)
    assert (cut[inside, 3] == 255).all()
    assert not cut[outside].any()
    assert np.array_equal(cut[inside, :3], np.asarray(photo.image)[inside])


def away_from_edges(mask):
    """Returns where a mask holds in all pixels within 2."""
    padded = np.pad(mask, 2, mode="edge")
    height, width = mask.shape
    shifted = (padded[y : y + height, x : x + width] for y in range(5) for x in range(5))
    return np.logical_and.reduce(list(shifted))


def edge_parse(*, confidence):
    """Two classes side by side, skin on the left, with a confidence for each column."""
    mask = np.zeros((4, 12), np.uint8)
    mask[:, :6] = SKIN
    known = None if confidence is None else np.tile(np.uint8(confidence), (4, 1))
    second = None if confidence is None else np.where(mask == SKIN, 0, SKIN).astype(np.uint8)
    return FaceParse(mask, CELEBAMASK_HQ, confidence=known, runner_up=second)


def test_a_cut_out_has_an_edge_as_soft_as_the_model_is_unsure():
    sure = soft_alpha(edge_parse(confidence=[255] * 12), (SKIN,))
    assert sure[0].tolist() == [255] * 6 + [0] * 6
    columns = [255] * 5 + [153, 153] + [255] * 5
    unsure = soft_alpha(edge_parse(confidence=columns), (SKIN,))[0]
    assert (unsure[:5] == 255).all()
    assert (unsure[7:] == 0).all()
    assert 255 > unsure[5] > unsure[6] > 0
    assert abs(int(unsure[5]) + int(unsure[6]) - 255) <= 1


def test_where_no_probability_is_known_the_edge_is_a_smooth_step():
    alpha = soft_alpha(edge_parse(confidence=None), (SKIN,))[0]
    assert (np.diff(alpha.astype(int)) <= 0).all()
    assert (alpha[0], alpha[-1]) == (255, 0)
    assert 0 < alpha[6] < alpha[5] < 255


def test_one_press_removes_the_background(photo):
    name, data = make_download("no_background", photo, name="Our holiday")
    assert name == "Our_holiday_no_background.png"
    assert picture(data).mode == "RGBA"
    alpha, face = np.asarray(picture(data))[..., 3], photo.parse.mask > 0
    assert (alpha[away_from_edges(face)] == 255).all()
    assert (alpha[away_from_edges(~face)] == 0).all()


def test_every_download_holds_the_corrected_mask(photo):
    mask = photo.parse.mask.copy()
    mask[:8, :8] = HAT
    corrected = with_mask(photo, mask)
    assert np.array_equal(np.asarray(picture(make_download("mask", corrected)[1])), mask)
    with zipfile.ZipFile(io.BytesIO(make_download("everything", corrected)[1])) as archive:
        assert np.array_equal(np.asarray(picture(archive.read("mask.png"))), mask)
        assert "cutouts/hat.png" in archive.namelist()
        assert json.loads(archive.read("schema.json"))["areas"]["hat"] == 64
        segments = json.loads(archive.read("coco.json"))["annotations"]
    assert HAT in {segment["category_id"] for segment in segments}
    assert not (photo.parse.mask == HAT).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("IMG 12", "IMG_12_mask.png"), ("", "mask.png"), ("../..", "mask.png"), ("né", "né_mask.png")],
)
def test_a_download_is_named_after_the_photo(photo, name, expected):
    assert make_download("mask", photo, name=name)[0] == expected


def test_coco_segments_decode_to_the_mask(photo):
    document = json.loads(make_download("coco", photo)[1])
    again = np.zeros_like(photo.parse.mask)
    for segment in document["annotations"]:
        region = region_of(segment["segmentation"]["counts"], shape=again.shape)
        assert segment["area"] == region.sum()
        again[region] = segment["category_id"]
    assert np.array_equal(again, photo.parse.mask)
    assert document["images"][0]["width"] == 96
    assert len(document["faces"]) == 1


def test_the_zip_holds_everything_and_explains_itself(photo):
    with zipfile.ZipFile(io.BytesIO(make_download("everything", photo)[1])) as archive:
        names = set(archive.namelist())
        schema = json.loads(archive.read("schema.json"))
        explained = archive.read("README.txt").decode()
        assert np.array_equal(np.asarray(picture(archive.read("photo.png"))), photo.image)
    assert {"photo.png", "mask.png", "coloured.png", "coco.json", "cutouts/hair.png"} <= names
    assert schema["classes"][17]["name"] == "earring"
    assert schema["areas"]["earring"] == (photo.parse.mask == 17).sum()
    assert "embedded" in explained
    assert all(name.split("/")[0] in explained for name in names - {"README.txt"})


def test_an_unknown_download_is_refused(photo):
    with pytest.raises(VisitError, match="everything"):
        make_download("../etc", photo)
    assert len(KINDS) == 6


def test_a_photo_that_is_kept_smaller_is_corrected_in_its_own_pixels_too(with_settings, photo_file):
    services = with_settings(max_side=64)
    request = Request("v", "embedded")
    photo = parse_photo(services, photo_file(noise(128, 96)), request=request).photo
    mask = photo.parse.mask.copy()
    assert mask.shape == (48, 64)
    mask[:8, :8] = HAT
    full = np.asarray(picture(make_download("mask", with_mask(photo, mask))[1]))
    assert full.shape == (96, 128)
    assert (full[:16, :16] == HAT).all()
    before = np.asarray(picture(make_download("mask", photo)[1]))
    assert np.array_equal(full[16:], before[16:])
