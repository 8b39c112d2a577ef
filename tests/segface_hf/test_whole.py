"""A file that is written whole is either the old one or the new one, whatever happens."""

from __future__ import annotations

import pytest

from segface_hf.whole import write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_and_its_folder_appear_with_all_that_was_saved(tmp_path, durable):
    target = tmp_path / "new" / "file.bin"
    write_whole(target, lambda path: path.write_bytes(b"all of it"), durable=durable)
    assert target.read_bytes() == b"all of it"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_save_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path, durable):
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")

    def break_off(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(target, break_off, durable=durable)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    target = tmp_path / ("x" * 255)
    write_whole(target, lambda path: path.write_bytes(b"new"), durable=True)
    assert target.read_bytes() == b"new"
