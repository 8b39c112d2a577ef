"""`segface render` refuses what can't work in one sentence; where Blender is, it renders a face."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.data.folder import find_pairs, read_mask
from segface_hf.labels import CELEBAMASK_HQ

EXR = b"\x76\x2f\x31\x01 and more"


@pytest.fixture
def lights(tmp_path):
    folder = tmp_path / "lights"
    folder.mkdir()
    (folder / "studio.exr").write_bytes(EXR)
    return folder


def refused(capsys, *arguments):
    assert main(["render", *map(str, arguments)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    return said


def test_a_missing_folder_of_lights_is_refused(tmp_path, capsys):
    said = refused(capsys, "--out", tmp_path / "out", "--lights", tmp_path / "none")
    assert "none' is not a folder of light environments" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_without_lights_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    said = refused(capsys, "--out", tmp_path / "out", "--lights", tmp_path / "empty")
    assert "holds no light environments" in said


def test_an_output_that_cannot_be_written_is_refused(tmp_path, lights, capsys):
    (tmp_path / "out").write_text("a file")
    assert "can't write to" in refused(capsys, "--out", tmp_path / "out", "--lights", lights)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--side", "8", "side is 8: choose a value from 32 to 1024"),
        ("--yaw", "120", "yaw is 120.0: choose a value from 0 to 90"),
        ("--count", "0", "count is 0"),
    ],
)
def test_a_value_out_of_range_is_refused(tmp_path, lights, capsys, option, value, expected):
    said = refused(capsys, "--out", tmp_path / "out", "--lights", lights, option, value)
    assert expected in said


def test_a_probability_out_of_range_is_refused(tmp_path, lights, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["render", "--out", str(tmp_path), "--lights", str(lights), "--hat", "2"])
    assert stop.value.code == 2
    assert "expected a number from 0 to 1, got 2" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("anny") is not None, reason="anny is installed here")
def test_a_missing_head_package_is_refused_with_the_install_command(tmp_path, lights, capsys):
    said = refused(capsys, "--out", tmp_path / "out", "--lights", lights)
    assert "package anny" in said
    assert 'pip install "segface-hf[render]"' in said
    assert "bpy" not in sys.modules


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_rendered_face_has_its_parts_where_they_belong(tmp_path):
    for package in ("anny", "bpy"):
        if find_spec(package) is None:
            pytest.skip(
                f"{package} isn't installed: pip install 'segface-hf[render]' renders faces"
            )
    lights = sky(tmp_path)
    masks = []
    for name in ("first", "second"):
        arguments = [
            "--out",
            tmp_path / name,
            "--lights",
            lights,
            "--count",
            1,
            "--side",
            64,
            "--samples",
            1,
            "--yaw",
            0,
            "--hat",
            0,
            "--eyeglasses",
            0,
            "--beard",
            0,
            "--threads",
            1,
        ]
        assert main(["render", *map(str, arguments)]) == 0
        (pair,) = find_pairs(tmp_path / name)
        masks.append(read_mask(pair.mask, CELEBAMASK_HQ))
        with Image.open(pair.image) as photo:
            assert photo.size == (64, 64)
            assert np.asarray(photo, float).std() > 5
    assert np.array_equal(*masks)
    check_places(masks[0])


def sky(folder):
    """A folder with one environment of our own: brighter above than below."""
    import bpy

    lights = folder / "sky"
    lights.mkdir()
    image = bpy.data.images.new("sky", 16, 8, float_buffer=True)
    rows = np.linspace(0.2, 1.5, 8)[:, None, None]
    image.pixels.foreach_set(np.broadcast_to(rows, (8, 16, 4)).astype(np.float32).ravel())
    image.file_format = "OPEN_EXR"
    image.filepath_raw = str(lights / "sky.exr")
    image.save()
    return lights


def check_places(mask):
    """Eyes above the nose above the lips, the subject's left on the right, hair at the top."""
    y, x = {}, {}
    for name in ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "u_lip", "l_lip", "hair"):
        rows, columns = np.nonzero(mask == CELEBAMASK_HQ.id_of(name))
        assert len(rows) > 3, name
        y[name], x[name] = rows.mean(), columns.mean()
    assert max(y["l_brow"], y["r_brow"]) < min(y["l_eye"], y["r_eye"])
    assert max(y["l_eye"], y["r_eye"]) < y["nose"] < y["u_lip"] < y["l_lip"]
    assert x["r_eye"] < x["nose"] < x["l_eye"]
    assert x["r_brow"] < x["l_brow"]
    assert y["hair"] < y["nose"]
    assert (mask == CELEBAMASK_HQ.id_of("skin")).mean() > 0.1
