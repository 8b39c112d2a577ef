"""Files that killed writes left are removed, and impossible paths are typed errors."""

from __future__ import annotations

import os
import time

import pytest

from annotate._files import write_durably
from annotate.cli.program import main
from annotate.dataset.folder import FolderStore
from annotate.errors import StoreError


def unfinished(folder, *, age):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{age}.part"
    path.write_bytes(b"half a row")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_a_write_removes_what_killed_writes_left_but_not_what_another_is_writing(tmp_path):
    old, now = unfinished(tmp_path, age=7200), unfinished(tmp_path, age=5)
    write_durably(tmp_path / "row", b"whole")
    assert (old.exists(), now.exists()) == (False, True)


def test_changing_a_folder_removes_leftovers_in_all_its_subfolders(drawn, tmp_path):
    store = FolderStore(tmp_path)
    store.save(drawn(1))
    old = unfinished(tmp_path / "data" / "train" / "3f", age=7200)
    store.commit({"growth.svg": b"<svg/>"}, title="count", parent=store.head())
    assert not old.exists()


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"], ids=["long", "NUL"])
def test_a_path_that_cannot_exist_is_a_typed_error(name, drawn, capsys):
    with pytest.raises(StoreError):
        FolderStore(name).save(drawn(1))
    with pytest.raises(SystemExit):
        main(["stats", "--folder", name])
    assert "found none at" in capsys.readouterr().err
