"""An audit treats a whole dataset as untrusted input, and names every kind of damage."""

from __future__ import annotations

import json

import numpy as np
import pytest

from annotate.correction import Consent
from annotate.dataset.audit import audit
from annotate.dataset.compact import compact
from annotate.dataset.folder import FolderStore
from annotate.dataset.layout import index_path, row_path, tombstone_path
from annotate.rows.record import rows_to_parquet, to_parquet, to_row
from segface_hf.labels import LAPA
from tests.annotate.conftest import REPO


@pytest.fixture
def store(tmp_path, drawn):
    """A folder of three rows, in which nothing is wrong."""
    store = FolderStore(tmp_path / "rows")
    for number in range(3):
        store.save(drawn(number, size=(64, 80)))
    return store


def wrong(store):
    return [(found.path, found.content_id, found.sentence) for found in audit(store).wrong]


def put(store, path, data):
    (store.root / path).parent.mkdir(parents=True, exist_ok=True)
    (store.root / path).write_bytes(data)


def test_audit_finds_nothing_in_a_dataset_that_only_this_product_wrote(store):
    before = {path: (store.root / path).read_bytes() for path in store.paths()}
    found = audit(store)
    assert (found.files, found.rows, found.wrong, found.odd) == (3, 3, (), ())
    assert before == {path: (store.root / path).read_bytes() for path in store.paths()}
    assert compact(store, at_least=2).files == 3
    found = audit(store)
    assert (found.files, found.rows, found.wrong) == (1, 3, ())


def test_altered_rows_and_other_files_are_named_and_the_rest_is_read(store, drawn):
    row = to_row(drawn(7, size=(64, 80)))
    row["changed_pixels"] += 1
    put(store, row_path(row["content_id"]), rows_to_parquet([row]))
    put(store, "data/train/ab/broken.parquet", b"PAR1 and no more")
    (broken, _, why), (path, content_id, sentence) = sorted(wrong(store), key=lambda one: one[1])
    assert broken == "data/train/ab/broken.parquet"
    assert "not a whole parquet file" in why
    assert (path, content_id) == (row_path(row["content_id"]), row["content_id"])
    assert "has a wrong value in changed_pixels" in sentence
    assert audit(store).rows == 4


def test_a_row_of_other_labels_or_another_license_than_the_card_says_is_wrong(store, drawn):
    free = Consent(right="own", people="agreed", license="cc0-1.0")
    given = drawn(5, size=(64, 80), consent=free)
    other = drawn(6, size=(64, 80), schema=LAPA, mask=np.full((64, 80), 1, np.uint8))
    for correction in (given, other):
        put(store, row_path(correction.content_id), to_parquet(correction))
    shown = {content_id: sentence for _, content_id, sentence in wrong(store)}
    assert "its license is 'cc0-1.0', but the card promises cc-by-4.0" in shown[given.content_id]
    assert "'celebamask_hq' labels" in shown[other.content_id]


def test_a_removed_duplicated_or_misnamed_row_is_reported(store, drawn):
    first, second, third = store.ids()
    put(store, tombstone_path(first), b"{}")
    copy = (store.root / row_path(second)).read_bytes()
    put(store, "data/train/merged/copy.parquet", copy)
    put(store, index_path(second), f"{second}\n".encode())
    stray = f"data/train/{third[:2]}/stray.parquet"
    (store.root / row_path(third)).rename(store.root / stray)
    shown = {content_id: sentence for _, content_id, sentence in wrong(store)}
    assert set(shown) == {first, second, third}
    assert "taken down but is still in the dataset" in shown[first]
    assert "counts twice" in shown[second]
    assert "its file is not named by its id" in shown[third]


def test_a_merged_row_missing_from_the_index_is_reported(store):
    compact(store, at_least=2)
    (gone, *_) = store.ids()
    (store.root / index_path(gone)).write_text("")
    assert gone in {content_id for _, content_id, _ in wrong(store)}
    assert all("doesn't list it" in sentence for _, _, sentence in wrong(store))


def test_a_shared_dataset_needs_consent_and_a_private_folder_does_not(store, drawn):
    private = drawn(9, size=(64, 80), consent=None)
    store.save(private)
    assert audit(store, shared=False).wrong == ()
    ((_, content_id, sentence),) = wrong(store)
    assert content_id == private.content_id
    assert "no consent" in sentence


def test_audit_prints_warnings_and_exits_with_1_on_errors(say, store, drawn, tmp_path):
    unchanged = drawn(5, size=(64, 80), mask=drawn(5, size=(64, 80)).prediction)
    store.save(unchanged)
    code, out, _ = say("audit", "--folder", store.root)
    assert code == 0
    assert out.splitlines()[0] == "4 rows of 4 files read, 0 wrong, 1 unusual"
    assert f"nothing changed: 1, such as {unchanged.content_id}" in out
    put(store, tombstone_path(unchanged.content_id), b"{}")
    code, out, _ = say("audit", "--folder", store.root, "--json", tmp_path / "all.json")
    assert code == 1
    assert f"{unchanged.content_id}: it was taken down" in out
    whole = json.loads((tmp_path / "all.json").read_text())
    assert (whole["rows"], len(whole["wrong"]), len(whole["odd"])) == (4, 1, 1)


def test_a_dataset_on_the_hub_is_read_too(say, owner, drawn, tmp_path):
    good, bad = drawn(1, size=(64, 80)), drawn(2, size=(64, 80), consent=None)
    files = {row_path(c.content_id): to_parquet(c) for c in (good, bad)}
    owner.repo.commit(files, title="written past the review", revision="main")
    code, out, _ = say("audit", "--repo", REPO, "--mirror", tmp_path / "copy")
    assert code == 1
    assert f"{bad.content_id}: it has no consent" in out
    assert good.content_id not in out
    assert np.array_equal(FolderStore(tmp_path / "copy").load(good.content_id).mask, good.mask)
