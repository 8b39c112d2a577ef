"""Light environments are found, unpacked, and refused before Blender would light with pink."""

import base64

import pytest

from segface_hf.errors import DataError
from segface_hf.rendering.blender.lights import find_lights, unpacked

EXR = b"\x76\x2f\x31\x01 and more"


def module(data):
    return f"export default 'data:application/exr;base64,{base64.b64encode(data).decode()}'\n"


def test_environments_are_listed_by_name_and_nothing_else_is(tmp_path):
    for name in ("b.exr", "a.HDR", "c.exr.js", "c.exr.d.ts", "notes.txt", ".hidden.exr"):
        (tmp_path / name).write_bytes(EXR)
    assert [path.name for path in find_lights(tmp_path)] == ["a.HDR", "b.exr", "c.exr.js"]


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_lights_is_refused_with_where_to_get_some(tmp_path, made):
    folder = tmp_path / "lights"
    if made:
        folder.mkdir()
    with pytest.raises(DataError, match=r"npm pack @pmndrs/assets@1\.7\.0"):
        find_lights(folder)


def test_a_module_is_unpacked_to_the_picture_that_it_holds(tmp_path):
    path = tmp_path / "studio.exr.js"
    path.write_text(module(EXR))
    place = tmp_path / "unpacked"
    place.mkdir()
    assert unpacked(path, place) == place / "studio.exr"
    assert (place / "studio.exr").read_bytes() == EXR


def test_a_plain_picture_stays_where_it_is(tmp_path):
    path = tmp_path / "sky.exr"
    path.write_bytes(EXR)
    assert unpacked(path, tmp_path) == path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sky.exr", b"no picture"),
        ("sky.hdr", EXR),
        ("sky.exr.js", b"export default 3"),
        ("sky.exr.js", module(b"no picture").encode()),
        ("sky.exr.js", b"\xff\xfe\xff"),
    ],
)
def test_a_file_that_is_not_an_environment_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    place = tmp_path / "unpacked"
    place.mkdir()
    with pytest.raises(DataError, match=name):
        unpacked(tmp_path / name, place)
