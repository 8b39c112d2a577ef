"""`grow` makes the next checkpoint of merged rows, publishes it, and says which rows made it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import metadata_load
from PIL import Image

from annotate.cli.program import main
from annotate.correction import Consent
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.takedown import take_down
from annotate.growth.grow import Growth, GrowthState
from annotate.growth.plan import GrowthBase, GrowthOptions, GrowthPlan
from annotate.growth.selection import Selection
from annotate.label_maps import swapped
from annotate.rows.record import to_parquet
from segface_hf import FaceParser, SegFace
from segface_hf.checkpoints.files import file_digest
from tests.annotate.conftest import REPO
from tests.annotate.growth.growing import (
    FIRST_VALIDATION,
    RECIPE,
    face_row,
    saved,
    words,
)

CHECKPOINT = "owner/parser"
PHOTO = Path(__file__).resolve().parents[3] / "examples" / "grace_hopper.jpg"
ROWS = [face_row(number) for number in range(4)]


@pytest.fixture
def store(folder):
    """A dataset in a folder, of four rows."""
    return saved(folder / "faces", ROWS)


def rows_of(checkpoint):
    return json.loads((Path(checkpoint) / "rows.json").read_text())


def test_new_rows_make_a_candidate_and_the_next_growth_takes_only_newer_ones(folder, store, capsys):
    near = face_row(FIRST_VALIDATION)
    bound = face_row(10, consent=Consent("licensed", "agreed", photo_license="CC BY-ND 2.0"))
    gone = face_row(11)
    for row in (near, bound, gone):
        store.save(row)
    take_down(store, [gone.content_id])
    assert main(words(folder, store.root)) == 0
    shown = capsys.readouterr().out
    assert "rows: 4 new, 0 earlier" in shown
    assert "passed: chosen classes +" in shown
    candidate = folder / "out" / "candidate"
    ids = sorted(row.content_id for row in ROWS)
    (growth,) = rows_of(candidate)
    assert growth["rows"] == ids
    assert growth["base"] == file_digest(folder / "base" / "model.safetensors")
    assert sorted(path.stem for path in (folder / "out/rows/masks").iterdir()) == ids
    plan = json.loads((folder / "out/grow.json").read_text())["plan"]
    assert plan["selection"]["left_out"] == {
        near.content_id: "looks like a validation photo",
        bound.content_id: "'CC BY-ND 2.0' allows no derived works",
    }
    card = (candidate / "README.md").read_text()
    assert "| cc-by-4.0 | 4 |" in card
    assert "4 new rows of `faces`, by" in card
    assert metadata_load(candidate / "README.md")["license"] == "cc-by-4.0"
    assert (candidate / "gate.html").is_file()
    assert "corrections of faces" in SegFace.from_pretrained(candidate).config.source

    again = words(folder, store.root, "--model", candidate, out="second")
    assert main(again) == 0
    assert "nothing to do: 0 new rows in faces since" in capsys.readouterr().out
    assert not (folder / "second").exists()
    late = face_row(20)
    store.save(late)
    take_down(store, [ROWS[0].content_id])
    assert main(again) in (0, 1)
    assert "rows: 1 new, 3 earlier" in capsys.readouterr().out
    growths = rows_of(folder / "second" / "candidate")
    assert [each["rows"] for each in growths] == [ids, [late.content_id]]
    assert growths[1]["base"] == file_digest(candidate / "model.safetensors")
    trained = {path.stem for path in (folder / "second").glob("*/masks/*.png")}
    assert trained == {late.content_id, *ids} - {ROWS[0].content_id}


def test_a_dry_run_says_what_would_happen_without_torch_and_changes_nothing(folder, store):
    store.save(face_row(FIRST_VALIDATION))
    before = sorted(folder.rglob("*"))
    code = (
        "import sys; from annotate.cli.program import main; code = main(sys.argv[1:]);"
        "print('torch' in sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *words(folder, store.root, "--dry-run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "4 new rows and 0 earlier ones of faces"
    assert lines[1] == "left out: 1 row: looks like a validation photo"
    assert f"for {RECIPE['steps']} steps, replaying" in lines[2]
    assert lines[-3:] == ["license of the weights: cc-by-4.0", "nothing has changed", "False"]
    assert sorted(folder.rglob("*")) == before


def test_a_mask_that_the_model_contradicts_is_set_aside(tmp_path, drawn):
    image = np.asarray(Image.open(PHOTO).convert("RGB"))
    parser = FaceParser.from_pretrained()
    seen = parser.parse(image).mask
    store = FolderStore(tmp_path / "photos")
    good, bad = (
        store.save(drawn(0, image=image, mask=mask, prediction=seen)).id
        for mask in (seen, swapped(seen, parser.schema.mirror_ids))
    )
    ids = tuple(sorted((good, bad)))
    selection = Selection(ids, (), {}, dict.fromkeys(ids, ("cc-by-4.0",)))
    base = GrowthBase.find("embedded")
    plan = GrowthPlan({}, "photos", "", base.digest, "", "2026-01-01", 6, selection)
    state = GrowthState(tmp_path / "judged")
    state.begin(plan)
    options = GrowthOptions(model="embedded", val="val")
    growth = Growth(tmp_path / "judged", options, base, store, state)
    growth._unpack()
    assert growth._set_suspects_aside() == [bad]
    assert [path.stem for path in (tmp_path / "judged/rows/masks").iterdir()] == [good]
    report = json.loads((tmp_path / "judged/suspects.json").read_text())
    assert [row["content_id"] for row in report] == [bad, good]


@pytest.fixture
def dataset_rows(signed_in):
    """The same rows in a dataset on the Hub."""
    signed_in.commit([ConsentedRow(to_parquet(row)) for row in ROWS])
    return signed_in


def test_a_passed_candidate_becomes_a_tagged_revision_that_the_dataset_names(
    folder, dataset_rows, hub, say
):
    code, shown, _ = say(*words(folder, REPO, "--publish", CHECKPOINT, "--dry-run"))
    assert code == 0
    assert f"would publish to {CHECKPOINT} as growth-1" in shown
    assert ("model", CHECKPOINT) not in hub.repos
    code, shown, complaint = say(*words(folder, REPO, "--publish", CHECKPOINT))
    assert code == 0, complaint
    repo = hub.repos["model", CHECKPOINT]
    assert repo.tags == {"growth-1": repo.branches["main"]}
    files = hub.files("model", CHECKPOINT)
    assert {"rows.json", "gate.json", "model.safetensors", "README.md"} <= files.keys()
    assert repo.commits[repo.branches["main"]].title == f"Grow by 4 rows of {REPO}"
    head = json.loads(files["rows.json"])[0]["commit"]
    assert f"4 new rows of `{REPO}` at `{head}`" in files["README.md"].decode()
    for text in (files["README.md"], files["gate.json"], files["rows.json"]):
        assert str(folder).encode() + b"/out" not in text
    noted = hub.files("dataset", REPO)
    release = json.loads(noted["releases/owner--parser/growth-1.json"])
    assert release["rows"] == sorted(row.content_id for row in ROWS)
    card = noted["README.md"].decode()
    assert "## Checkpoints trained on these rows" in card
    assert (
        f"| growth-1 | [4](releases/owner--parser/growth-1.json) | {release['created_at'][:10]}"
        in card
    )

    say("card", "--repo", REPO)
    assert (
        "## Checkpoints trained on these rows" in hub.files("dataset", REPO)["README.md"].decode()
    )
    first = ROWS[0].content_id
    for more in (("--dry-run",), ()):
        code, shown, _ = say("takedown", "--repo", REPO, first, *more)
        assert f"{CHECKPOINT} at growth-1 was trained on {first}: the next `grow`" in shown

    dataset_rows.commit([ConsentedRow(to_parquet(face_row(20)))])
    second = words(folder, REPO, "--model", CHECKPOINT, "--publish", CHECKPOINT, out="second")
    code, shown, complaint = say(*second)
    assert code in (0, 1), complaint
    assert "rows: 1 new, 3 earlier" in shown
    trained = {path.stem for path in (folder / "second").glob("*/masks/*.png")}
    assert first not in trained
    card = (folder / "second/candidate/README.md").read_text()
    assert f"start: `{CHECKPOINT} at " in card
    assert "snapshots" not in card + (folder / "second/candidate/gate.json").read_text()
