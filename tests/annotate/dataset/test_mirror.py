"""A mirror deletes nothing but what it has copied before."""

from __future__ import annotations

import pytest

from annotate.dataset.folder import FolderStore
from annotate.dataset.layout import COPY_OF
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.refresh import mirror
from annotate.dataset.takedown import take_down
from annotate.errors import StoreError
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


@pytest.fixture
def filled(owner, drawn):
    owner.commit([ConsentedRow(to_parquet(drawn(number))) for number in (1, 2)])
    return owner


def test_a_dataset_that_was_never_sent_is_refused_and_stays(say, guest, drawn, tmp_path):
    store = FolderStore(tmp_path / "contributions")
    mine = store.save(drawn(3)).id
    card = store.read("README.md")
    number = guest.propose(ConsentedRow(to_parquet(drawn(9)))).number
    for words in (
        ("mirror", "--repo", REPO, "--out", store.root),
        ("accept", "--repo", REPO, number, "--mirror", store.root),
    ):
        code, _, complaint = say(*words)
        assert (code, f"is not a copy of {REPO} and holds README.md" in complaint) == (2, True)
    assert (store.ids(), store.read("README.md")) == ((mine,), card)


def test_a_copy_is_updated_from_its_own_dataset_only(filled, hub, drawn, tmp_path):
    copy = mirror(filled.repo, tmp_path / "copy")
    take_down(filled.repo, [drawn(1).content_id])
    assert mirror(filled.repo, copy.root).ids() == (drawn(2).content_id,)
    hub.create("dataset", "owner/other")
    filled.repo.id = "owner/other"
    with pytest.raises(StoreError, match="is a copy of owner/faces, not of owner/other: name"):
        mirror(filled.repo, copy.root)
    assert copy.ids() == (drawn(2).content_id,)


def test_saving_into_a_copy_is_refused_because_the_next_copy_would_delete_it(
    filled, drawn, tmp_path
):
    copy = mirror(filled.repo, tmp_path / "copy")
    with pytest.raises(StoreError, match="is a copy of owner/faces, and its next update would"):
        copy.save(drawn(3))
    assert not copy.save(drawn(2)).created


def test_a_copy_by_an_earlier_version_is_accepted_if_it_holds_nothing_else(filled, drawn, tmp_path):
    copy = mirror(filled.repo, tmp_path / "copy")
    (copy.root / COPY_OF).unlink()
    assert len(mirror(filled.repo, copy.root).ids()) == 2
    (copy.root / COPY_OF).unlink()
    mine = copy.save(drawn(3)).id
    with pytest.raises(StoreError, match=f"is not a copy of owner/faces and holds .*{mine}"):
        mirror(filled.repo, copy.root)
    assert mine in copy.ids()
