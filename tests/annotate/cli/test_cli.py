"""`python -m annotate`, command by command, against the Hub double."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from annotate.cli.arguments import whole_id
from annotate.cli.program import ANNOTATE, main
from annotate.dataset.folder import FolderStore
from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import ReviewError
from annotate.outbox.queue import Outbox
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


def sent(guest, *corrections):
    return [guest.propose(ConsentedRow(to_parquet(c))).number for c in corrections]


def test_every_command_has_help():
    ANNOTATE.parser()
    for name in ANNOTATE.commands:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0


def modules_after(*words):
    """Returns the exit code of a command in a fresh process, and the modules that it loaded."""
    script = (
        "import sys; from annotate.cli.program import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as ended: code = ended.code\n"
        "print(); print(code, *sys.modules)"
    )
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *loaded = done.stdout.splitlines()[-1].split()
    return int(code), {name.split(".")[0] for name in loaded} | set(loaded)


def test_help_imports_no_command():
    code, loaded = modules_after("--help")
    assert code == 0
    assert not {"annotate.dataset", "numpy", "pyarrow", "huggingface_hub", "torch"} & loaded


def test_init_sets_a_dataset_up(say, hub):
    code, out, _ = say("init", "--repo", "owner/new", "--schema", "lapa")
    assert code == 0
    assert out == "owner/new takes contributions of 'lapa' masks under cc-by-4.0, and is public.\n"
    assert b"schema: lapa" in hub.files("dataset", "owner/new")["README.md"]


def test_list_and_show_print_open_contributions(say, guest, drawn, tmp_path):
    sent(guest, drawn(1))
    code, out, _ = say("list", "--repo", REPO, "--check")
    assert code == 0
    assert out.splitlines()[0].startswith(f"#1  {drawn(1).content_id}  guest  http://")
    assert "- size: the photo is only 32 x 24 pixels" in out
    assert out.endswith("1 open contribution\n")
    code, out, _ = say("show", "--repo", REPO, 1, "--out", tmp_path / "strip.png")
    assert code == 0
    assert "hat                  0 ->        96  IoU 0.000" in out
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (4 * 32, 24)


def test_accept_merges_and_counts_the_card(say, guest, hub, drawn, tmp_path):
    sent(guest, drawn(1), drawn(2))
    code, out, _ = say("accept", "--repo", REPO, 1, 2, "--mirror", tmp_path / "mirror")
    assert (code, out) == (0, "#1 is merged\n#2 is merged\n")
    assert b"2 contributions by 1 contributor" in hub.files("dataset", REPO)["README.md"]
    code, _, err = say("accept", "--repo", REPO, 1)
    assert (code, err) == (1, "#1 is merged already\n")


def test_ask_and_reject_reach_the_contributor(say, guest, dataset, drawn):
    sent(guest, drawn(1))
    assert say("ask", "--repo", REPO, 1, "The ear?")[:2] == (0, "the contributor of #1 is asked\n")
    assert say("reject", "--repo", REPO, 1, "No face.")[:2] == (0, "#1 is closed\n")
    assert dataset.discussions[1].status == "closed"


def test_fix_swaps_sides_absorbs_islands_or_takes_a_mask(say, guest, hub, drawn, tmp_path):
    mask = drawn(1).mask.copy()
    mask[12, 10:14], mask[22, 1] = 8, 5
    sent(guest, *[drawn(n, mask=mask) for n in (1, 2, 3)])
    Image.fromarray(drawn(3).mask).save(tmp_path / "right.png")
    for number, how in enumerate(
        (["--swap-sides"], ["--islands", "9"], ["--mask", str(tmp_path / "right.png")]), start=1
    ):
        code, out, _ = say("fix", "--repo", REPO, number, *how)
        assert code == 0
        assert out.startswith(f"#{number} is merged as ")
    store = FolderStore(tmp_path / "mirror")
    assert say("mirror", "--repo", REPO, "--out", store.root)[0] == 0
    masks = {store.load(i).photo_id: store.load(i).mask for i in store.ids()}
    assert masks[drawn(1).photo_id][12, 10] == 9
    assert masks[drawn(2).photo_id].tolist() == drawn(2).mask.tolist()
    assert masks[drawn(3).photo_id].tolist() == drawn(3).mask.tolist()


def test_compare_settles_two_annotators(say, guest, dataset, drawn, tmp_path):
    other = drawn(1).mask.copy()
    other[20:, 10:20] = 3
    sent(guest, drawn(1), drawn(1, mask=other))
    code, out, _ = say("compare", "--repo", REPO, 1, 2, "--map", tmp_path / "map.png")
    assert code == 0
    assert "dispute 1: skin or cloth, 40 pixels in (10, 20, 20, 24)" in out
    with Image.open(tmp_path / "map.png") as differs:
        assert np.asarray(differs).sum() == 40 * 255
    code, out, _ = say("compare", "--repo", REPO, 1, 2, "--take-second", 1)
    assert code == 0
    assert out.endswith("#1 is merged, #2 is closed\n")
    assert row_path(drawn(1, mask=other).content_id) in dataset.tree()


def test_pictures_of_different_photos_are_not_compared(say, guest, drawn):
    sent(guest, drawn(1), drawn(2))
    code, _, err = say("compare", "--repo", REPO, 1, 2)
    assert (code, err) == (2, "annotate compare: #1 and #2 are of different photos\n")


def test_stats_card_compact_and_takedown_keep_a_folder_in_order(say, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    for number in range(3):
        store.save(drawn(number))
    code, out, _ = say("stats", "--folder", store.root, "--json", tmp_path / "stats.json")
    assert code == 0
    assert out.startswith("3 contributions of 3 photos")
    assert json.loads((tmp_path / "stats.json").read_text())["images_by_class"]["hat"] == 3
    assert say("compact", "--folder", store.root, "--at-least", 2)[1].endswith(
        "3 files compacted\n"
    )
    gone = drawn(1).content_id
    code, out, _ = say("takedown", "--folder", store.root, gone, "--dry-run")
    assert (code, out) == (0, f"{gone} would go\nnothing has changed\n")
    assert len(store.ids()) == 3
    assert say("takedown", "--folder", store.root, gone)[1] == "1 row removed, 1 tombstone left\n"
    assert say("card", "--folder", store.root)[1] == (
        "the card counts 2 contributions by 1 contributor\n"
    )


def test_takedown_lists_rows_of_the_same_photo_and_removes_them_on_request(say, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    first, second = drawn(1), drawn(1, mask=np.roll(drawn(1).mask, 1, axis=0))
    for correction in (first, second, drawn(2)):
        store.save(correction)
    gone, kept = first.content_id, second.content_id
    _, out, _ = say("takedown", "--folder", store.root, gone, "--dry-run")
    assert f"{kept} would stay and holds the same photo" in out
    _, out, _ = say("takedown", "--folder", store.root, gone, "--dry-run", "--same-photo")
    assert out.count("would go") == 2
    say("takedown", "--folder", store.root, gone, "--same-photo")
    assert store.ids() == (drawn(2).content_id,)


def test_counting_a_hub_dataset_downloads_no_pictures(say, guest, owner, hub, drawn):
    owner.commit([ConsentedRow(to_parquet(drawn(n, size=(256, 256)))) for n in range(3)])
    hub.log.clear()
    assert say("card", "--repo", REPO)[1] == "the card counts 3 contributions by 1 contributor\n"
    assert say("stats", "--repo", REPO)[1].startswith("3 contributions of 3 photos")
    read = sum(request.get("received", 0) for request in hub.requests("/resolve/.*parquet"))
    assert (
        0
        < read
        <= 2 * 3 * 64 * 1024
        < sum(len(data) for path, data in hub.files("dataset", REPO).items() if "parquet" in path)
    )


def test_takedown_by_contributor_removes_rows_and_closes_pull_requests(
    say, guest, owner, hub, drawn
):
    sent(guest, drawn(1), drawn(2))
    owner.repo.merge(1)
    code, out, _ = say("takedown", "--repo", REPO, "--contributor", "guest", "--dry-run")
    assert code == 0
    assert f"{drawn(1).content_id} would go\n" in out
    assert f"{drawn(2).content_id} is not a row: it would get a tombstone\n" in out
    assert "#2 would be closed\n" in out
    assert owner.repo.pull_request(2).status == "open"
    code, out, _ = say("takedown", "--repo", REPO, "--contributor", "guest", "--reason", "asked")
    assert code == 0
    assert "1 row removed, 2 tombstones left\n#2 is closed\n" in out
    assert "refs/pr/1, refs/pr/2" in out
    assert not [path for path in hub.files("dataset", REPO) if path.endswith(".parquet")]
    assert say("takedown", "--repo", REPO, "--contributor", "nobody")[0] == 2


def test_masks_are_exported_imported_and_sent(say, hub, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    code, out, _ = say(
        "export", "--folder", store.root, "--format", "cvat", "--out", tmp_path / "c"
    )
    assert code == 0
    assert out.startswith(f"1 contribution written to {tmp_path / 'c'}\nNext: create a task of")
    words = ["import", tmp_path / "c", "--format", "cvat", "--folder", tmp_path / "new"]
    assert say(*words)[1].startswith(f"1 mask read, 1 of them new in {tmp_path / 'new'};")
    out = say("send", "--repo", REPO, "--folder", tmp_path / "new")[1]
    assert out == "0 sent, 1 without consent stay here, 0 refused\n"
    out = say("send", "--repo", REPO, "--folder", store.root)[1]
    assert out.endswith("1 sent, 0 without consent stay here, 0 refused\n")
    assert hub.repos["dataset", REPO].discussions[1].author == "owner"
    store.save(drawn(2))
    assert "2 sent" in say("send", "--repo", REPO, "--folder", store.root, "--direct")[1]
    assert row_path(drawn(2).content_id) in hub.files("dataset", REPO)


def test_a_row_saved_again_with_consent_is_sent(say, dataset, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1, consent=None))
    words = ["send", "--repo", REPO, "--folder", store.root]
    assert say(*words)[1] == "0 sent, 1 without consent stay here, 0 refused\n"
    store.save(drawn(1))
    assert "1 sent, 0 without consent" in say(*words)[1]
    assert row_path(drawn(1).content_id) in dataset.tree("refs/pr/1")


def test_a_killed_send_that_is_run_again_opens_no_second_pull_request(
    say, dataset, hub, drawn, tmp_path
):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    hub.listing_lag = 3600.0
    hub.fail("/commit/", after=True, cut=True)
    words = ["send", "--repo", REPO, "--folder", str(store.root)]
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_owner"}
    with subprocess.Popen([sys.executable, "-m", "annotate", *words], env=environment) as command:
        while not dataset.discussions:
            assert command.poll() is None
            time.sleep(0.05)
        command.kill()
    code, out, _ = say(*words)
    assert (code, out.split()[0]) == (0, drawn(1).content_id)
    assert len(dataset.discussions) == 1
    assert say(*words)[1] == out  # also without a note, since the number is asked for
    assert len(dataset.discussions) == 1


def test_an_outbox_folder_is_not_read_as_an_empty_dataset(say, dataset, drawn, tmp_path):
    words = ["send", "--repo", REPO, "--folder", tmp_path / "box"]
    Outbox(tmp_path / "box").queue("secret").put(drawn(1))
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert (
        f"{tmp_path / 'box'} is the outbox of an app, which has yet to send 1 contribution" in err
    )
    assert f"start the app with SEGFACE_DATASET={REPO}" in err
    FolderStore(tmp_path / "box").save(drawn(2))
    code, out, err = say(*words)
    assert (code, "1 sent" in out, "is the outbox of an app" in err) == (0, True, True)


def test_an_import_with_consent_writes_it_into_the_rows(say, drawn, tmp_path):
    source = FolderStore(tmp_path / "set")
    source.save(drawn(1))
    say("export", "--folder", source.root, "--format", "folder", "--out", tmp_path / "out")
    words = ["import", tmp_path / "out", "--format", "folder", "--folder", tmp_path / "new"]
    assert say(*words, "--right", "own")[0] == 2
    assert say(*words, "--right", "own", "--people", "agreed", "--contributor", "me")[0] == 0
    store = FolderStore(tmp_path / "new")
    row = store.load(store.ids()[0])
    assert (row.consent.right, row.contributor, row.model.id) == ("own", "me", "none")
    assert np.array_equal(row.mask, drawn(1).mask)


def test_an_error_is_one_sentence_and_exit_code_2(say):
    code, out, err = say("list", "--repo", "owner/none")
    assert (code, out) == (2, "")
    sentence = "the dataset owner/none does not exist or is hidden from this account"
    assert err == f"annotate list: {sentence}\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("stats --folder nowhere", "expected the folder of a dataset, found none at nowhere"),
        ("send --repo owner/x --folder nowhere", "expected the folder of a dataset, found none"),
        (
            "import . --format cvat --folder new --contributor <me>",
            "name of an account, got '<me>'",
        ),
        ("send --repo owner/x --folder .", ". holds no contributions: nothing to send"),
        ("list --repo nothing", "--repo: expected OWNER/NAME, got nothing"),
        ("compact --folder . --at-most -3", "expected a whole number from 2 on, got -3"),
        ("fix --repo owner/x 1 --islands 0", "expected a whole number from 1 on, got 0"),
        ("fix --repo owner/x 1 --mask no.png", "no such file 'no.png': expected a mask of ids"),
        ("takedown --folder .", "name content ids, or an account by --contributor"),
        ("export --folder . --format coco --out new", ". holds no contributions: nothing to expo"),
        ("stats --folder .", "the dataset holds no contributions"),
        ("stats --folder . --json no/a.json", "can't write 'no/a.json'"),
    ],
)
def test_impossible_options_are_refused_before_any_work(line, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(line.split())
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert text in capsys.readouterr().err


def test_the_eight_digits_that_the_app_shows_name_a_contribution(say, guest, dataset, drawn):
    sent(guest, drawn(1), drawn(2), drawn(3))
    first, second, third = (drawn(n).content_id[:8] for n in (1, 2, 3))
    assert say("show", "--repo", REPO, first)[1].startswith(f"#1 by guest: {first}")
    assert say("ask", "--repo", REPO, second, "The ear?")[1].endswith("of #2 is asked\n")
    assert say("reject", "--repo", REPO, third, "No face.")[1] == "#3 is closed\n"
    assert say("accept", "--repo", REPO, first, second)[1] == "#1 is merged\n#2 is merged\n"
    code, _, err = say("show", "--repo", REPO, third)
    assert (code, f"none of the open contributions starts with {third}" in err) == (2, True)
    code, out, _ = say("takedown", "--repo", REPO, first, "--dry-run")
    assert (code, f"{drawn(1).content_id} would go" in out) == (0, True)


def test_digits_that_match_several_contributions_are_refused():
    ids = ["0123456789" + "a" * 22, "0123456789" + "b" * 22]
    with pytest.raises(ReviewError, match="2 of the rows start with 01234567: give more digits"):
        whole_id("01234567", ids, among="rows")
    assert whole_id("0123456789b", ids, among="rows") == ids[1]
    assert whole_id("f" * 32, ids, among="rows") == "f" * 32


def test_a_folder_is_reviewed_without_a_hub(say, hub, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    empty = drawn(3, mask=np.zeros((24, 32), np.uint8), consent=None)
    for correction in (drawn(1), drawn(2, consent=None), empty):
        store.save(correction)
    hub.log.clear()
    words, first = ["--folder", store.root], drawn(1).content_id[:8]
    code, out, _ = say("list", *words, "--check")
    assert (code, out.splitlines()[-1]) == (0, "3 rows to review")
    assert "! empty: everything is background" in out
    code, out, _ = say("show", *words, first, "--out", tmp_path / "row.png")
    assert (code, out.splitlines()[0]) == (0, drawn(1).content_id)
    assert (tmp_path / "row.png").is_file()
    code, out, err = say("accept", *words, first, empty.content_id[:8])
    assert (code, out) == (1, f"{drawn(1).content_id} is accepted\n")
    assert "can't be accepted: everything is background" in err
    assert say("reject", *words, empty.content_id[:8], "No face.")[0] == 0
    code, out, _ = say("list", *words)
    assert (code, out.split()[0], out.splitlines()[-1]) == (
        0,
        drawn(2).content_id,
        "1 row to review",
    )
    assert sorted(store.ids()) == sorted(drawn(n).content_id for n in (1, 2))
    assert say("takedown", *words, first)[0] == 0
    assert not list(store.root.glob("accepted/*/*"))
    assert hub.requests() == []
    assert say("show", *words, 1)[0] == 2


@pytest.mark.parametrize("command", ["stats", "list", "show", "accept", "import"])
def test_commands_on_a_folder_load_no_torch(command, say, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    words = {
        "stats": ["--folder", store.root],
        "list": ["--folder", store.root, "--check"],
        "show": ["--folder", store.root, drawn(1).content_id],
        "accept": ["--folder", store.root, drawn(1).content_id],
        "import": [tmp_path / "out", "--format", "folder", "--folder", tmp_path / "new"],
    }
    if command == "import":
        say("export", "--folder", store.root, "--format", "folder", "--out", tmp_path / "out")
    code, loaded = modules_after(command, *words[command])
    assert code == 0
    assert not {"torch", "torchvision", "timm", "gradio", "onnxruntime"} & loaded
