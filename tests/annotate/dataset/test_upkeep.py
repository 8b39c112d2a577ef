"""Compaction, take-down, statistics and the card, on the Hub and in a folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from datasets import load_dataset

from annotate.dataset import layout
from annotate.dataset.base import retry
from annotate.dataset.compact import compact
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.refresh import count_rows, mirror, refresh_card
from annotate.dataset.stats import growth_svg
from annotate.dataset.takedown import still_needed, take_down
from annotate.errors import (
    RecordError,
    RemoteBusyError,
    RemoteRefusedError,
    ReviewError,
    StoreError,
)
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


def put(store, *corrections):
    store.commit([ConsentedRow(to_parquet(correction)) for correction in corrections])


def ids_of(store, folder):
    return sorted(mirror(store.repo, folder).ids())


def test_compaction_keeps_every_row_and_leaves_one_file(owner, hub, drawn, tmp_path):
    corrections = [drawn(n) for n in range(6)]
    put(owner, *corrections)
    done = compact(owner.repo, at_least=2)
    assert done.files == 6
    parquet = [path for path in hub.files("dataset", REPO) if path.endswith(".parquet")]
    assert parquet == [done.path]
    rows = load_dataset(REPO, split="train", cache_dir=str(tmp_path))
    assert sorted(rows["content_id"]) == sorted(c.content_id for c in corrections)


def test_compaction_keeps_a_row_that_arrives_meanwhile(owner, hub, dataset, drawn, tmp_path):
    put(owner, *[drawn(n) for n in range(4)])
    late = drawn(9)
    arrived = []

    def arrive(method, path):
        if "/preupload/" in path and not arrived:
            arrived.append(path)
            put(owner, late)

    hub.chaos = arrive
    done = compact(owner.repo, at_least=2)
    hub.chaos = None
    assert len(hub.requests("/commit/main")) == 4  # four rows, the refused one, the late, the last
    assert done.files == 5
    assert late.content_id in ids_of(owner, tmp_path)
    assert len(ids_of(owner, tmp_path)) == 5


def test_a_compaction_whose_answer_was_lost_is_not_done_twice(owner, hub, drawn, tmp_path):
    put(owner, *[drawn(n) for n in range(4)])
    hub.fail("/commit/", 500, after=True, headers={"Retry-After": "0"})
    assert compact(owner.repo, at_least=2).files == 0
    assert len(ids_of(owner, tmp_path)) == 4


def test_few_files_are_not_compacted(owner, hub, drawn):
    put(owner, drawn(1))
    before = hub.files("dataset", REPO)
    assert compact(owner.repo).files == 0
    assert hub.files("dataset", REPO) == before


def test_a_retry_after_compaction_finds_its_row(owner, guest, dataset, drawn):
    put(owner, drawn(1), drawn(2))
    compact(owner.repo, at_least=2)
    commits = len(dataset.commits)
    assert guest.propose(ConsentedRow(to_parquet(drawn(1)))).merged
    put(owner, drawn(2))
    assert len(dataset.commits) == commits


def test_a_file_named_after_another_row_stops_compaction(owner, drawn):
    put(owner, drawn(1))
    wrong = layout.row_path(drawn(2).content_id)
    owner.repo.commit({wrong: to_parquet(drawn(3))}, title="x")
    with pytest.raises(RecordError, match="does not hold the one row that its name says"):
        compact(owner.repo, at_least=1)


@pytest.mark.parametrize("compacted", [False, True], ids=["single", "merged"])
def test_a_contribution_is_taken_down_and_cannot_come_back(
    owner, guest, hub, drawn, tmp_path, compacted
):
    put(owner, drawn(1), drawn(2))
    if compacted:
        compact(owner.repo, at_least=2)
    gone, stays = drawn(1).content_id, drawn(2).content_id
    done = take_down(owner.repo, [gone], reason="asked for by its contributor")
    assert (done.removed, done.marked) == ((gone,), (gone,))
    assert ids_of(owner, tmp_path) == [stays]
    note = json.loads(hub.files("dataset", REPO)[layout.tombstone_path(gone)])
    assert (note["content_id"], note["reason"]) == (gone, "asked for by its contributor")
    with pytest.raises(RemoteRefusedError, match="was taken down"):
        guest.propose(ConsentedRow(to_parquet(drawn(1))))


def test_taking_down_the_last_row_of_a_merged_file_removes_the_file(owner, hub, drawn):
    put(owner, drawn(1))
    compact(owner.repo, at_least=1)
    take_down(owner.repo, [drawn(1).content_id])
    assert not [path for path in hub.files("dataset", REPO) if path.endswith(".parquet")]


def test_a_takedown_is_reported_although_the_answer_was_lost(owner, hub, drawn):
    put(owner, drawn(1))
    hub.fail("/commit/", 500, after=True, headers={"Retry-After": "0"})
    assert take_down(owner.repo, [drawn(1).content_id]).removed == (drawn(1).content_id,)


def test_only_content_ids_are_taken_down(owner):
    with pytest.raises(ReviewError, match=r"'\.\./x' is not a content id"):
        take_down(owner.repo, ["../x"])
    with pytest.raises(ReviewError, match="name at least one"):
        take_down(owner.repo, [])


def test_takedown_prints_how_to_rewrite_the_history():
    text = still_needed("owner/faces", [3, 7])
    assert 'super_squash_history("owner/faces", repo_type="dataset")' in text
    assert "refs/pr/3, refs/pr/7" in text


def test_compaction_and_takedown_work_on_a_folder(tmp_path, drawn):
    store = FolderStore(tmp_path)
    for number in range(4):
        store.save(drawn(number))
    assert compact(store, at_least=2).files == 4
    assert len(store.files()) == 1
    take_down(store, [drawn(1).content_id])
    assert store.ids() == tuple(sorted(drawn(n).content_id for n in (0, 2, 3)))
    with pytest.raises(StoreError, match="was taken down"):
        store.save(drawn(1))


def test_retries_end_after_six_attempts():
    waits = []

    def work():
        raise RemoteBusyError("another change came first")

    with pytest.raises(RemoteBusyError):
        retry(work, sleep=waits.append)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_statistics_count_images_pixels_weeks_and_people(tmp_path, drawn):
    store = FolderStore(tmp_path)
    first, third = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 18, tzinfo=UTC)
    store.save(drawn(1, created_at=first))
    store.save(drawn(2, created_at=third, contributor="other"))
    store.save(drawn(2, created_at=third, mask=drawn(2).prediction))
    stats = count_rows(store)
    assert (stats.rows, stats.photos) == (3, 2)
    assert stats.contributors == {"guest": 2, "other": 1}
    assert [str(monday) for monday, _ in stats.weeks] == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert [total for _, total in stats.weeks] == [1, 1, 3]
    named = stats.to_dict()
    assert named["images_by_class"]["hat"] == 2
    assert named["pixels_by_class"]["hat"] == 2 * 6 * 16
    assert sum(named["label_versions"].values()) == 3
    with pytest.raises(RecordError, match="holds no contributions"):
        count_rows(FolderStore(tmp_path / "empty"))


def test_the_card_counts_and_still_loads_as_the_set_grows(owner, hub, drawn, tmp_path):
    put(owner, drawn(1))
    refresh_card(owner.repo, lambda head: mirror(owner.repo, tmp_path / "mirror", head=head))
    put(owner, drawn(2, contributor="other"))
    commits = len(hub.requests("/commit/"))
    for _ in range(2):
        refresh_card(owner.repo, lambda head: mirror(owner.repo, tmp_path / "mirror", head=head))
    assert len(hub.requests("/commit/")) == commits + 1
    card = hub.files("dataset", REPO)["README.md"].decode()
    assert "2 contributions by 2 contributors." in card
    assert "| 16 | hat | `#5a5aaa` | 2 | 192 |" in card
    assert "## Contribute" in card
    assert "cc-by-4.0" in card
    assert "num_examples" not in card
    assert b"<svg" in hub.files("dataset", REPO)["growth.svg"]
    assert len(load_dataset(REPO, split="train", cache_dir=str(tmp_path / "cache"))) == 2


def test_the_growth_plot_is_drawn_to_scale():
    days = [(datetime(2026, 3, day, tzinfo=UTC).date(), total) for day, total in ((2, 1), (9, 4))]
    drawn = ElementTree.fromstring(growth_svg(days))
    path = drawn.findall("{http://www.w3.org/2000/svg}path")[-1].attrib["d"]
    assert path == "M56 204L56.0 157.0L380.0 157.0L380.0 16.0L704.0 16.0L704 204Z"
