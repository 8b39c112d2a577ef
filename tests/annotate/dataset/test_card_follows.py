"""The card follows every command that changes a dataset, and never makes one fail."""

from __future__ import annotations

import re

from annotate.dataset.card_updater import CardPace, CardUpdater
from annotate.dataset.folder import FolderStore
from annotate.dataset.index import MOST_AT_ONCE, RowIndex
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.refresh import refresh_card
from annotate.dataset.takedown import take_down
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO

RUN = f"run `python -m annotate card --repo {REPO}`"


def sent(guest, *corrections):
    return [guest.propose(ConsentedRow(to_parquet(c))).number for c in corrections]


def put(store, *corrections):
    store.commit([ConsentedRow(to_parquet(correction)) for correction in corrections])


def done(said):
    """Tells whether a command ended well and left nothing to run."""
    code, _, err = said
    return code == 0 and "card" not in err


def counted(hub):
    card = hub.files("dataset", REPO)["README.md"].decode()
    return re.split(r" contributions? by", card.split("## Size\n\n")[1])[0]


def test_accept_fix_settle_and_takedown_update_the_card(say, guest, hub, drawn):
    other = drawn(3).mask.copy()
    other[20:, 10:20] = 3
    sent(guest, drawn(1), drawn(2), drawn(3), drawn(3, mask=other))
    assert done(say("accept", "--repo", REPO, 1))
    assert counted(hub) == "1"
    assert done(say("fix", "--repo", REPO, 2, "--islands", 3))
    assert counted(hub) == "2"
    assert done(say("compare", "--repo", REPO, 3, 4))
    assert counted(hub) == "2"
    assert done(say("compare", "--repo", REPO, 3, 4, "--take-second", 1))
    assert counted(hub) == "3"
    assert done(say("takedown", "--repo", REPO, drawn(1).content_id))
    assert counted(hub) == "2"


def test_after_the_last_row_is_taken_down_neither_card_nor_plot_counts_it(
    say, owner, hub, drawn, tmp_path
):
    put(owner, drawn(1))
    say("card", "--repo", REPO)
    assert "growth.svg" in hub.files("dataset", REPO)
    say("takedown", "--repo", REPO, "--mirror", tmp_path / "mirror", drawn(1).content_id)
    assert counted(hub).startswith("No contribution has been counted yet.")
    assert "growth.svg" not in hub.files("dataset", REPO)
    assert FolderStore(tmp_path / "mirror").files() == ()


def test_direct_commits_update_the_card(say, hub, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    for number in range(3):
        store.save(drawn(number))
    words = ["send", "--repo", REPO, "--folder", store.root, "--direct"]
    assert done(say(*words))
    assert counted(hub) == "3"


def test_a_takedown_in_a_folder_updates_its_card(say, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    for number in range(2):
        store.save(drawn(number))
    say("card", "--folder", store.root)
    say("takedown", "--folder", store.root, drawn(1).content_id)
    assert b"\n1 contribution" in store.read("README.md")


def test_without_rights_to_write_the_card_the_merge_stays_and_the_command_is_named(
    say, guest, hub, drawn
):
    sent(guest, drawn(1))
    hub.fail("/commit/main", 403)
    code, out, err = say("accept", "--repo", REPO, 1)
    assert (code, out) == (0, "#1 is merged\n")
    assert err.startswith("the change is made, but the card is not updated (this account may not")
    assert err.endswith(f"{RUN}\n")
    assert len(err.splitlines()) == 1


def test_a_command_does_not_wait_an_hour_for_the_card(say, guest, hub, drawn):
    sent(guest, drawn(1))
    hub.fail("/commit/main", 429, headers={"Retry-After": "3600"})
    code, _, err = say("accept", "--repo", REPO, 1)
    assert (code, "the Hub asks to slow down" in err, RUN in err) == (0, True, True)


def test_what_was_merged_before_the_hub_failed_is_counted(say, guest, hub, drawn):
    sent(guest, drawn(1), drawn(2))
    hub.fail("/discussions/2/merge", 403)
    assert say("accept", "--repo", REPO, 1, 2)[0] == 2
    assert counted(hub) == "1"


def test_a_settled_contribution_is_counted_where_the_second_was_not_closed(say, guest, hub, drawn):
    other = drawn(1).mask.copy()
    other[20:, 10:20] = 3
    sent(guest, drawn(1), drawn(1, mask=other))
    hub.fail("/discussions/2/status", 403)
    assert say("compare", "--repo", REPO, 1, 2, "--take-second", 1)[0] == 2
    assert counted(hub) == "1"


def test_a_large_dataset_that_was_never_counted_is_left_to_the_card_command(
    say, guest, owner, hub, drawn
):
    put(owner, *[drawn(n) for n in range(MOST_AT_ONCE + 1)])
    sent(guest, drawn(100), drawn(101))
    code, _, err = say("accept", "--repo", REPO, 1)
    assert (code, "2 of its files are still to be read" in err, RUN in err) == (0, True, True)
    hub.log.clear()
    assert done(say("accept", "--repo", REPO, 2))
    assert counted(hub) == str(MOST_AT_ONCE + 3)
    assert len(hub.requests("/resolve/.*parquet", method="GET")) <= 3 + 3  # new ones, the review's


def test_the_card_command_recounts_everything(say, owner, hub, drawn):
    put(owner, drawn(1), drawn(2))
    say("card", "--repo", REPO)
    hub.log.clear()
    say("card", "--repo", REPO)
    assert len(hub.requests("/resolve/.*parquet")) == 2


def test_what_is_taken_down_while_the_card_is_written_is_not_counted(owner, hub, drawn):
    put(owner, drawn(1), drawn(2))
    row_index, taken = RowIndex(), []

    def meanwhile(method, path):
        if "/preupload/" in path and not taken:
            taken.append(path)
            take_down(owner.repo, [drawn(1).content_id])

    hub.chaos = meanwhile
    refresh_card(owner.repo, lambda head: row_index.at(owner.repo, head))
    hub.chaos = None
    assert (len(taken), counted(hub)) == (1, "1")


def test_a_folder_is_counted_in_parts_and_no_file_is_read_twice(drawn, tmp_path):
    store, card_updater = (
        FolderStore(tmp_path),
        CardUpdater(RowIndex(), pace=CardPace(soon=0.0, files=2)),
    )
    for number in range(3):
        store.save(drawn(number))
    assert card_updater.row_index.update(store, most=2) == 1
    assert card_updater.row_index.update(store, most=2) == 0
    assert card_updater.row_index.update(store) == 0
    store.save(drawn(9))
    card_updater.merged(store)
    assert card_updater.settled(timeout=20)
    assert b"\n4 contributions" in store.read("README.md")
    assert b"<svg" in store.read("growth.svg")
