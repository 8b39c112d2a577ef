"""A file that is written whole is either the old one or the new one, whatever happens."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from segface_hf._utils import atomic_write


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_and_its_folder_appear_with_all_that_was_saved(tmp_path, durable):
    target = tmp_path / "new" / "file.bin"
    atomic_write(target, lambda path: path.write_bytes(b"all of it"), durable=durable)
    assert target.read_bytes() == b"all of it"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("durable", [False, True])
def test_an_interrupted_save_keeps_the_old_file_and_no_other(tmp_path, durable):
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")

    def break_off(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(target, break_off, durable=durable)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_durable_file_is_synced_before_its_rename_and_its_folder_after(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def noted(handle):
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), (tmp_path / "file").exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    atomic_write(tmp_path / "file", lambda path: path.write_bytes(b"new"))
    assert synced == []
    (tmp_path / "file").unlink()
    atomic_write(tmp_path / "file", lambda path: path.write_bytes(b"new"), durable=True)
    assert synced == [(False, False), (True, True)]


def test_a_system_that_cannot_sync_folders_still_writes_the_file(tmp_path, monkeypatch):
    real = os.fsync

    def picky(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not for folders")
        real(handle)

    monkeypatch.setattr(os, "fsync", picky)
    atomic_write(tmp_path / "file", lambda path: path.write_bytes(b"new"), durable=True)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    target = tmp_path / ("x" * 255)
    atomic_write(target, lambda path: path.write_bytes(b"new"), durable=True)
    assert target.read_bytes() == b"new"
