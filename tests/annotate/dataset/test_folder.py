"""The folder: one row a file, whole or absent, loaded back with `load_dataset`."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from datasets import load_dataset

from annotate import _files
from annotate.correction import Consent
from annotate.dataset.compact import compact
from annotate.dataset.folder import FolderStore
from annotate.dataset.layout import row_path
from annotate.errors import RecordError, StoreError
from annotate.rows.photo_hash import photo_hash
from segface_hf.labels import LAPA


def test_load_dataset_gives_photos_and_masks_with_ids_intact(tmp_path, drawn):
    store = FolderStore(tmp_path / "set")
    corrections = [drawn(n) for n in range(3)]
    for correction in corrections:
        store.save(correction)
    rows = load_dataset(str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / "cache"))
    by_id = {row["content_id"]: row for row in rows}
    assert len(rows) == 3
    for correction in corrections:
        row = by_id[correction.content_id]
        assert (row["image"].mode, row["mask"].mode, row["prediction"].mode) == ("RGB", "L", "L")
        assert np.array_equal(np.asarray(row["image"]), correction.image)
        assert np.array_equal(np.asarray(row["mask"]), correction.mask)
        assert np.array_equal(np.asarray(row["prediction"]), correction.prediction)
        assert row["created_at"] == correction.created_at


def test_load_dataset_sees_every_row_although_it_caches(tmp_path, drawn):
    """Its cache goes by the folder's last name and card, so it would show old or foreign rows."""
    one, other = FolderStore(tmp_path / "a" / "set"), FolderStore(tmp_path / "b" / "set")
    for store, numbers in ((one, (1,)), (other, (2,)), (one, (1, 3))):
        for number in numbers:
            store.save(drawn(number))
        rows = load_dataset(str(store.root), split="train", cache_dir=str(tmp_path / "cache"))
        assert set(rows["content_id"]) == {drawn(number).content_id for number in numbers}


def test_saving_twice_gives_one_row(tmp_path, correction):
    store = FolderStore(tmp_path)
    first, second = store.save(correction), store.save(correction)
    assert (first.created, second.created) == (True, False)
    assert first.path == second.path == tmp_path / row_path(correction.content_id)
    assert store.ids() == (correction.content_id,)


def test_a_saved_correction_is_loaded_by_its_id(tmp_path, drawn):
    store = FolderStore(tmp_path)
    for number in range(3):
        store.save(drawn(number))
    assert np.array_equal(store.load(drawn(2).content_id).mask, drawn(2).mask)
    with pytest.raises(StoreError, match="holds no contribution abc"):
        store.load("abc")


@pytest.mark.parametrize("compacted", [False, True], ids=["single", "merged"])
def test_consent_given_later_is_kept_and_never_taken_back(tmp_path, drawn, compacted):
    store, key = FolderStore(tmp_path / "set"), drawn(1).content_id
    store.save(drawn(1, consent=None, contributor=""))
    store.save(drawn(2, consent=None))
    if compacted:
        compact(store, at_least=2)
    late = store.save(drawn(1))
    assert (late.created, late.agreed) == (False, True)
    assert (store.load(key).consent, store.load(key).contributor) == (drawn(1).consent, "guest")
    again = store.save(drawn(1, consent=None))
    assert (again.created, again.agreed) == (False, False)
    assert store.load(drawn(2).content_id).consent is None
    rows = load_dataset(str(store.root), split="train", cache_dir=str(tmp_path / "cache"))
    agreed = dict(zip(rows["content_id"], rows["consent_right"], strict=True))
    assert agreed == {key: "own", drawn(2).content_id: ""}


def test_a_row_that_was_compacted_is_not_saved_a_second_time(tmp_path, drawn):
    store = FolderStore(tmp_path)
    for number in range(3):
        store.save(drawn(number))
    compact(store, at_least=2)
    assert not store.save(drawn(1)).created
    assert (len(store.files()), len(store.ids())) == (1, 3)


def test_look_alike_photos_are_found(tmp_path, drawn):
    store = FolderStore(tmp_path)
    store.save(drawn(1))
    brighter = np.clip(drawn(1).image.astype(int) + 2, 0, 255).astype(np.uint8)
    assert store.near_duplicates(photo_hash(brighter)) == (drawn(1).content_id,)
    assert store.near_duplicates(photo_hash(drawn(2).image)) == ()


def test_rows_of_other_labels_or_another_version_are_refused(tmp_path, drawn):
    store = FolderStore(tmp_path)
    store.save(drawn(1))
    empty = np.zeros((24, 32), np.uint8)
    with pytest.raises(RecordError, match="it belongs in another dataset"):
        store.save(drawn(2, schema=LAPA, mask=empty, prediction=empty))
    card = tmp_path / "README.md"
    card.write_text(card.read_text().replace("record_version: 1", "record_version: 2"))
    with pytest.raises(RecordError, match="holds rows of version 2, this app writes 1"):
        store.save(drawn(2))
    assert len(store.files()) == 1


@pytest.mark.parametrize("begun", [True, False])
def test_a_row_under_another_license_than_the_card_promises_is_refused(tmp_path, drawn, begun):
    store = FolderStore(tmp_path / "set")
    free = Consent(right="own", people="agreed", license="cc0-1.0")
    if begun:
        store.save(drawn(1))
    with pytest.raises(RecordError, match=r"its license is 'cc0-1\.0', but the card"):
        store.save(drawn(2, consent=free))
    assert len(store.files()) == begun
    other = FolderStore(tmp_path / "free", license="cc0-1.0")
    assert other.save(drawn(2, consent=free)).created
    assert FolderStore(tmp_path / "free").save(drawn(3, consent=free)).created


def test_a_folder_of_something_else_is_left_alone(tmp_path, correction):
    (tmp_path / "README.md").write_text("# My novel\n")
    with pytest.raises(
        StoreError, match="is not the card of a dataset of corrections: choose an empty"
    ):
        FolderStore(tmp_path).save(correction)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path, correction):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="can't be written"):
        FolderStore(tmp_path).save(correction)
    assert (tmp_path / "data").read_text() == "a file where the folder should be"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "disk of .* is full: free some space"),
        (errno.EACCES, "can't be written: allow it or choose another"),
        (errno.EROFS, "can't be written: allow it or choose another"),
        (errno.EIO, "can't be written"),
    ],
)
def test_each_disk_error_has_its_own_message(tmp_path, code, sentence):
    assert isinstance(_files.store_error(tmp_path, OSError(code, "x")), StoreError)
    with pytest.raises(StoreError, match=sentence):
        raise _files.store_error(tmp_path, OSError(code, "x"))


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """A process that may not write more than 8 kB a file stands for one whose disk is full."""
    script = """
        import resource, signal, sys
        from annotate.errors import StoreError
        from annotate.dataset.folder import FolderStore
        from tests.annotate.conftest import draw
        correction = draw(1)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        try:
            FolderStore(sys.argv[1]).save(correction)
        except StoreError as error:
            print(error)
    """
    run = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "is full: free some space and save again" in done.stdout
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["README.md"]


def test_a_kill_while_saving_leaves_only_complete_rows(tmp_path):
    script = """
        import sys
        from annotate.dataset.folder import FolderStore
        from tests.annotate.conftest import draw
        store = FolderStore(sys.argv[1])
        print("ready", flush=True)
        for number in range(10_000):
            store.save(draw(number))
    """
    run = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        while len(list(tmp_path.rglob("*.parquet"))) < 20:
            assert writer.poll() is None
        os.kill(writer.pid, signal.SIGKILL)
    assert len(FolderStore(tmp_path).ids()) >= 20
    assert len(list(FolderStore(tmp_path).rows())) == len(FolderStore(tmp_path).ids())


def test_a_damaged_file_is_named(tmp_path, correction):
    saved = FolderStore(tmp_path).save(correction)
    saved.path.write_bytes(saved.path.read_bytes()[:100])
    with pytest.raises(RecordError, match=saved.path.name):
        FolderStore(tmp_path).ids()
