"""`python -m annotate import`: exports become rows, and every photo that is left out is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import ExifTags, Image

from annotate.cli.program import main
from annotate.dataset.folder import FolderStore
from annotate.exchange.rle import pack_brush


@pytest.fixture
def bring(tmp_path, capsys):
    """Imports `tmp_path/src` into `tmp_path/set`; returns exit code, output and error output."""

    def run(form, *words):
        folders = [str(tmp_path / "src"), "--folder", str(tmp_path / "set")]
        named = ("--source", "test:{name}")
        code = main(["import", *folders, "--format", form, *named, *map(str, words)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def rows(tmp_path):
    """Returns what was imported, by the name of its photo."""

    def read():
        store = FolderStore(tmp_path / "set")
        found = [store.load(i) for i in store.ids()]
        return {correction.source.rsplit(":", 1)[1]: correction for correction in found}

    return read


def photo(path, *, number=0, size=(32, 24), **saving):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, **saving)
    return noise


def mask(path, *, size=(32, 24)):
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.zeros((size[1], size[0]), np.uint8)
    ids[:4, :8] = 2
    Image.fromarray(ids).save(path)
    return ids


def cvat(tmp_path, *images):
    """Writes an export of CVAT: `(attributes of the image, its shapes)` each, of 32 x 24 pixels."""
    body = "".join(f'<image width="32" height="24" {a}>{shapes}</image>' for a, shapes in images)
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src/annotations.xml").write_text(f"<annotations>{body}</annotations>")


def labelstudio(tmp_path, *tasks):
    """Writes an export of Label Studio: `(address of the photo, annotations)` each."""
    listed = [{"data": {"image": name}, "annotations": found} for name, found in tasks]
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src/tasks.json").write_text(json.dumps(listed))


def region(kind, value, *, label="skin", **fields):
    size = {"original_width": 32, "original_height": 24, "image_rotation": 0}
    return {"type": kind, **size, "value": {**value, kind: [label]}, **fields}


SKIN = '<mask label="skin" rle="0, 4" left="0" top="0" width="2" height="2"/>'
BRUSH = region("brushlabels", {"format": "rle", "rle": pack_brush(np.ones((24, 32), bool))})


def test_a_mask_of_a_folder_keeps_the_pixels_on_which_it_was_drawn(bring, rows, tmp_path):
    """A phone stored the photo on its side; the mask is of the stored size, as for the trainer."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = photo(tmp_path / "src/images/a.png", exif=exif)
    ids = mask(tmp_path / "src/masks/a.png")
    assert bring("folder")[0] == 0
    assert np.array_equal(rows()["a"].image, pixels)
    assert np.array_equal(rows()["a"].mask, ids)


def test_photos_without_annotations_are_left_out_and_counted(bring, rows, tmp_path):
    for name in "abcd":
        photo(tmp_path / f"src/images/{name}.png", number=ord(name))
    cvat(
        tmp_path, ('name="a.png"', ""), ('name="b.png"', SKIN), ('name="c.png"', '<tag label="x"/>')
    )
    summary = f"1 mask read, 1 of them new in {tmp_path / 'set'}; "
    assert bring("cvat") == (
        0,
        summary + "2 photos without annotations left out, 0 refused\n",
        "",
    )
    assert list(rows()) == ["b"]
    brushed, cancelled = {"result": [BRUSH]}, {"result": [BRUSH], "was_cancelled": True}
    labelstudio(
        tmp_path,
        ("a.png", []),
        ("b.png", [cancelled]),
        ("c.png", [{"result": []}]),
        ("d.png", [cancelled, {"result": []}, brushed]),
    )
    assert bring("labelstudio") == (
        0,
        summary + "3 photos without annotations left out, 0 refused\n",
        "",
    )
    assert sorted(rows()) == ["b", "d"]


def test_an_export_without_annotations_is_an_error(bring, tmp_path):
    photo(tmp_path / "src/images/a.png")
    cvat(tmp_path, ('name="a.png"', ""))
    code, _, err = bring("cvat")
    assert code == 2
    assert "none of the 1 photo of" in err
    assert err.endswith("draw the parts in the other tool, and export again\n")


def test_an_export_of_a_video_is_an_error(bring, tmp_path):
    (tmp_path / "src").mkdir()
    track = '<track id="0" label="skin"><box frame="0" xtl="0" ytl="0" xbr="9" ybr="9"/></track>'
    (tmp_path / "src/annotations.xml").write_text(f"<annotations>{track}</annotations>")
    code, out, err = bring("cvat")
    assert (code, out) == (2, "")
    assert "holds no images, found 1 track of a video: export as 'CVAT for images 1.1'" in err


def test_photos_that_cannot_be_imported_are_named_and_the_others_imported(bring, rows, tmp_path):
    """One photo was taken down, one mask has another size, one photo is damaged."""
    for name in "abcde":
        photo(tmp_path / f"src/images/{name}.png", number=ord(name))
        mask(tmp_path / f"src/masks/{name}.png", size=(32, 25) if name == "c" else (32, 24))
    (tmp_path / "src/images/d.png").write_bytes(b"no picture")
    bring("folder")
    main(["takedown", "--folder", str(tmp_path / "set"), rows()["a"].content_id])
    code, out, err = bring("folder")
    assert code == 1
    assert out.endswith(
        f"2 masks read, 0 of them new in {tmp_path / 'set'}; "
        "0 photos without annotations left out, 3 refused\n"
    )
    assert [line.split("  ")[0] for line in err.splitlines()] == ["a", "c", "d"]
    assert "was taken down from" in err
    assert "c.png has size 32 x 25 but its photo has 32 x 24" in err
    assert sorted(rows()) == ["b", "e"]


def test_a_mask_with_unlabeled_pixels_is_refused(bring, rows, tmp_path):
    for name in "ab":
        photo(tmp_path / f"src/images/{name}.png", number=ord(name))
        mask(tmp_path / f"src/masks/{name}.png", size=(32, 24))
    ids = np.array(Image.open(tmp_path / "src/masks/b.png"))
    ids[:4] = 255
    Image.fromarray(ids).save(tmp_path / "src/masks/b.png")
    code, _, err = bring("folder")
    assert code == 1
    assert "b.png: id 255 is not a class" in err
    assert "marks a pixel as not labeled: give each a class" in err
    assert sorted(rows()) == ["a"]


def test_a_malformed_task_does_not_stop_the_others(bring, rows, tmp_path):
    photo(tmp_path / "src/images/a.png")
    labelstudio(tmp_path, ("a.png", [{"result": [BRUSH]}]), ("b.png", None), (None, [{}]))
    code, out, err = bring("labelstudio")
    assert (code, list(rows())) == (1, ["a"])
    assert out.endswith("2 refused\n")
    assert [line.split("  ")[0] for line in err.splitlines()] == ["b.png", "task 3"]


def test_an_incomplete_file_is_refused_before_anything_is_saved(bring, tmp_path):
    photo(tmp_path / "src/images/a.png")
    cvat(tmp_path, ('name="a.png"', SKIN))
    path = tmp_path / "src/annotations.xml"
    path.write_text(path.read_text().replace("</annotations>", "<image"))
    code, out, err = bring("cvat")
    assert (code, out) == (2, "")
    assert "isn't complete XML" in err
    assert not (tmp_path / "set").exists()


def test_polygons_are_imported_and_points_are_refused(bring, rows, tmp_path):
    for name in "ab":
        photo(tmp_path / f"src/images/{name}.png", number=ord(name))
    hair = region("polygonlabels", {"points": [[0, 0], [50, 0], [50, 50], [0, 50]]}, label="hair")
    key = region("keypointlabels", {"x": 10, "y": 10, "width": 1})
    labelstudio(tmp_path, ("a.png", [{"result": [hair]}]), ("b.png", [{"result": [hair, key]}]))
    code, _, err = bring("labelstudio")
    assert code == 1
    assert err.startswith(
        "b.png  a region of type 'keypointlabels' covers no area that can be imported"
    )
    assert (rows()["a"].mask[:12, :16] == 14).all()
    assert np.count_nonzero(rows()["a"].mask) == 12 * 16


def test_cvat_photos_are_found_in_their_folders_and_subsets(bring, rows, tmp_path):
    named = ("a", "b", "sub/a", "default/c")
    shown = {n: photo(tmp_path / f"src/images/{n}.png", number=i) for i, n in enumerate(named)}
    cvat(
        tmp_path,
        ('name="sub/a.png"', SKIN),
        ('name="a.png"', SKIN),
        ('name="x/y/b.png"', SKIN),
        ('name="c.png" subset="default"', SKIN),
    )
    assert bring("cvat")[::2] == (0, "")
    store = FolderStore(tmp_path / "set")
    kept = {store.load(i).image.tobytes() for i in store.ids()}
    assert kept == {pixels.tobytes() for pixels in shown.values()}


def test_label_studio_photos_are_found_in_their_folders(bring, rows, tmp_path):
    pixels = photo(tmp_path / "src/images/sub/a.png", number=1)
    photo(tmp_path / "src/images/a.png", number=2)
    address = "/data/local-files/?d=faces%2Fsub%2Fa.png"
    labelstudio(tmp_path, (address, [{"result": [BRUSH]}]))
    assert bring("labelstudio")[0] == 0
    assert np.array_equal(rows()["a"].image, pixels)


def test_one_photo_is_not_used_for_two_names(bring, tmp_path):
    photo(tmp_path / "src/images/a.png")
    cvat(tmp_path, ('name="x/a.png"', SKIN), ('name="y/a.png"', SKIN))
    code, out, err = bring("cvat")
    assert (code, out.split(";")[0][:12]) == (1, "0 masks read")
    assert "x/a.png  images/a.png also fits the name 'y/a.png': keep the" in err
    assert "y/a.png  " in err


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "..\\secret.png", "sub/../../secret.png", "link.png", "{root}", "a" * 5000],
)
def test_a_name_does_not_lead_out_of_the_export(bring, tmp_path, name):
    photo(tmp_path / "secret.png")
    photo(tmp_path / "src/images/a.png")
    (tmp_path / "src/images/link.png").symlink_to(tmp_path / "secret.png")
    cvat(tmp_path, (f'name="{name.replace("{root}", str(tmp_path / "secret.png"))}"', SKIN))
    code, _, err = bring("cvat")
    assert code == 1
    assert "lacks the photo" in err


def test_links_out_of_the_export_are_not_followed(bring, tmp_path):
    photo(tmp_path / "elsewhere/a.png")
    mask(tmp_path / "masks_elsewhere/a.png")
    cvat(tmp_path, ('name="images/a.png"', SKIN))
    (tmp_path / "src/images").symlink_to(tmp_path / "elsewhere")
    code, out, err = bring("cvat")
    assert (code, "0 masks read" in out) == (1, True)
    assert "lacks the photo 'images/a.png'" in err
    assert "links out of the export are not followed" in err
    (tmp_path / "src/masks").symlink_to(tmp_path / "masks_elsewhere")
    for linked in ("images", "masks"):
        code, out, err = bring("folder")
        assert (code, "0 masks read" in out) == (1, True)
        assert f"src/{linked}/a.png is a link that leads out of" in err
        (tmp_path / f"src/{linked}").unlink()
        photo(tmp_path / "src/images/a.png")
    mask(tmp_path / "src/masks/a.png")
    assert bring("folder")[0] == 0


def test_a_photo_of_another_size_than_was_annotated_is_refused(bring, tmp_path):
    photo(tmp_path / "src/images/a.png", size=(16, 12))
    cvat(tmp_path, ('name="a.png"', SKIN))
    code, _, err = bring("cvat")
    assert code == 1
    assert err == (
        "a.png  it was annotated at 32 x 24 pixels, but the photo here has 16 x 12: "
        "replace it with the photo that was annotated\n"
    )
