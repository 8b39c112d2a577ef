"""Exports arrive as folders, archives or single files, and damaged ones are refused."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from annotate.errors import ExchangeError
from annotate.exchange import EXPORTS, READERS, read_export
from segface_hf.labels import CELEBAMASK_HQ


def read(path, form):
    return list(read_export(path, CELEBAMASK_HQ, format=form))


def pack(folder, archive, *, below=""):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, below + path.relative_to(folder).as_posix())
    return archive


@pytest.mark.parametrize("below", ["", "export/"])
@pytest.mark.parametrize("form", sorted(READERS))
def test_an_archive_is_read_like_its_folder(drawn, tmp_path, form, below):
    EXPORTS[form]([drawn(1), drawn(2)], tmp_path / "out")
    archive = pack(tmp_path / "out", tmp_path / "their export.zip", below=below)
    masks = {photo.name.split(".")[0]: photo.labeled.mask for photo in read(archive, form)}
    assert {drawn(n).content_id for n in (1, 2)} == {name.split("/")[-1] for name in masks}
    assert all(np.array_equal(mask, drawn(1).mask) for mask in masks.values())


@pytest.mark.parametrize(
    ("form", "file"),
    [("coco", "annotations.json"), ("cvat", "annotations.xml"), ("labelstudio", "tasks.json")],
)
def test_a_single_file_finds_the_photos_beside_it(drawn, tmp_path, form, file):
    EXPORTS[form]([drawn(1)], tmp_path / "out")
    (tmp_path / "out/other.json").write_text("{}")
    (photo,) = read(tmp_path / "out" / file, form)
    assert np.array_equal(photo.labeled.mask, drawn(1).mask)


def test_an_archive_without_photos_says_how_to_add_them(drawn, tmp_path):
    EXPORTS["cvat"]([drawn(1)], tmp_path / "out")
    (tmp_path / f"out/images/{drawn(1).content_id}.png").unlink()
    (photo,) = read(pack(tmp_path / "out", tmp_path / "a.zip"), "cvat")
    assert f"{tmp_path / 'a.zip'} lacks the photo" in str(photo.error)
    assert "export with the photos, or unpack it and put it into the folder images" in str(
        photo.error
    )


def test_an_archive_unpacks_no_links_and_nothing_outside_its_folder(drawn, tmp_path):
    Image.new("RGB", (32, 24)).save(tmp_path / "secret.png")
    xml = '<image name="link.png" width="32" height="24"><mask label="skin" rle="0, 1" left="0" '
    xml += 'top="0" width="1" height="1"/></image>'
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("annotations.xml", f"<annotations>{xml}</annotations>")
        packed.writestr("../escaped.txt", "x")
        link = zipfile.ZipInfo("images/link.png")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, str(tmp_path / "secret.png"))
    (photo,) = read(tmp_path / "a.zip", "cvat")
    assert photo.labeled is None
    assert "is not a picture" in str(photo.error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "secret.png"]


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("tasks.json", b" " * 120_000_000)
    with pytest.raises(ExchangeError, match="unpacks to 120,000,000 bytes, expected at most 100,"):
        read(tmp_path / "a.zip", "labelstudio")


def test_a_damaged_archive_is_refused(drawn, tmp_path):
    EXPORTS["cvat"]([drawn(1)], tmp_path / "out")
    archive = pack(tmp_path / "out", tmp_path / "a.zip")
    data = bytearray(archive.read_bytes())
    data[60:90] = bytes(30)
    archive.write_bytes(data)
    with pytest.raises(ExchangeError, match=r"can't be unpacked .*: unpack it yourself"):
        read(archive, "cvat")


@pytest.mark.parametrize("form", sorted(set(READERS) - {"folder"}))
def test_files_found_instead_of_annotations_are_named(tmp_path, form):
    with pytest.raises(ExchangeError, match=r"doesn't exist: expected a folder, a \.zip or"):
        read(tmp_path / "none", form)
    with pytest.raises(ExchangeError, match=r"holds no .*, found nothing: check --format"):
        read(tmp_path, form)
    (tmp_path / "export.tar").write_bytes(b"x")
    with pytest.raises(ExchangeError, match=r"found export\.tar: check --format"):
        read(tmp_path, form)
    with pytest.raises(ExchangeError, match=r"expected a folder, a \.zip or a .*, got .*\.tar"):
        read(tmp_path / "export.tar", form)


def test_one_of_several_annotation_files_must_be_named(tmp_path):
    for name in ("train", "val"):
        (tmp_path / f"instances_{name}.json").write_text("{}")
    with pytest.raises(
        ExchangeError, match=r"holds 2 \.json files, instances_train.json, .*: name"
    ):
        read(tmp_path, "coco")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "isn't JSON"),
        ("[" * 90_000, "is nested too deeply"),
        ('{"a":' * 90_000, "is nested too deeply"),
        ("[" + "9" * 5000 + "]", "isn't JSON"),
        ('"\udcff"', "isn't JSON"),
        ("{}", "expected a list, found dict|expected the fields images"),
        ("[]", "found an empty list|found list"),
        ("[1]", "no tasks with 'data'|found list"),
    ],
)
@pytest.mark.parametrize("form", ["coco", "labelstudio"])
def test_json_that_is_damaged_or_of_another_shape_is_refused(tmp_path, form, text, sentence):
    (tmp_path / "tasks.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ExchangeError, match=sentence):
        read(tmp_path, form)


def test_json_min_and_coco_are_recognized_in_place_of_tasks(tmp_path):
    minimal = [{"image": "a.png", "id": 1, "part": []}]
    (tmp_path / "tasks.json").write_text(json.dumps(minimal))
    with pytest.raises(ExchangeError, match=r"found \['id', 'image', 'part'\], .*JSON-MIN.*'JSON'"):
        read(tmp_path, "labelstudio")
    (tmp_path / "tasks.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(ExchangeError, match="is a COCO file: import it with --format coco"):
        read(tmp_path, "labelstudio")


def test_invalid_file_names_are_refused(tmp_path):
    images = [
        {"id": i, "file_name": n} for i, n in enumerate(["\ud800.png", "\0.png", "a" * 5000, 5])
    ]
    part = {"category_id": 1, "segmentation": [[0, 0, 9, 0, 9, 9]]}
    document = {
        "images": images,
        "categories": [{"id": 1, "name": "skin"}],
        "annotations": [{"id": i, "image_id": i, **part} for i in range(4)],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    photos = read(tmp_path, "coco")
    assert ["lacks the photo" in str(photo.error) for photo in photos] == [True] * 4
