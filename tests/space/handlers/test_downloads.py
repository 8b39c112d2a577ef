import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from annotate.exchange.rle import region_of
from space.errors import VisitError
from space.handlers.downloads import KINDS, make_download
from space.handlers.parse import Request, parse_photo
from tests.space.conftest import noise


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


def test_the_coloured_download_has_the_colours_of_the_schema(photo):
    pixels = np.asarray(picture(make_download("coloured", photo)[1]))
    for index in np.unique(photo.parse.mask):
        here = pixels[photo.parse.mask == index]
        assert (here == photo.parse.schema.colors[index]).all()


def test_a_cut_out_shows_its_class_and_is_transparent_elsewhere(photo):
    with zipfile.ZipFile(io.BytesIO(make_download("cutouts", photo)[1])) as archive:
        assert set(archive.namelist()) == {f"{name}.png" for name in photo.parse.present()}
        cut = np.asarray(picture(archive.read("hair.png")))
    inside = photo.parse.mask == photo.parse.schema.id_of("hair")
    assert (cut[inside, 3] == 255).all()
    assert not cut[~inside].any()
    assert np.array_equal(cut[inside, :3], np.asarray(photo.image)[inside])


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
    assert len(KINDS) == 5
