"""`grow` survives a kill in every stage, and refuses what it can't use before it trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from annotate.cli.program import main
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.takedown import take_down
from annotate.growth.grow import GrowthState
from annotate.rows.record import to_parquet
from segface_hf.checkpoints.files import file_digest
from segface_hf.labels import LAPA
from tests.annotate.conftest import REPO
from tests.annotate.growth.growing import RECIPE, face_row, saved, words, write_base

ROWS = [face_row(number) for number in range(3)]


@pytest.fixture
def store(folder):
    return saved(folder / "faces", ROWS)


def refused(capsys, command):
    assert main(command) == 2
    return capsys.readouterr().err


def test_a_growth_that_is_killed_in_every_stage_ends_as_an_undisturbed_one(folder, owner, hub):
    owner.commit([ConsentedRow(to_parquet(row)) for row in ROWS])
    made = len(hub.repos["dataset", REPO].commits)
    command = words(folder, REPO, "--publish", "owner/parser")
    driver = [sys.executable, "-m", "tests.annotate.growth.killed"]
    environment = {**os.environ, "HF_TOKEN": "hf_owner"}
    done = subprocess.run(
        [*driver, *command], env=environment, capture_output=True, text=True, check=True
    )
    results = json.loads(done.stdout.splitlines()[-1])
    assert results.pop("end") == 0
    assert len(results) == 10
    assert set(results.values()) == {-9}
    repo = hub.repos["model", "owner/parser"]
    assert repo.tags == {"growth-1": repo.branches["main"]}
    assert len(repo.commits) == 2
    assert len(hub.repos["dataset", REPO].commits) == made + 1

    assert main(words(folder, REPO, out="whole")) == 0
    weights = "candidate/model.safetensors"
    assert file_digest(folder / "out" / weights) == file_digest(folder / "whole" / weights)


def test_datasets_that_can_not_be_grown_from_are_named(folder, store, hub, capsys):
    foreign = folder / "foreign"
    foreign.mkdir()
    (foreign / "table.csv").write_text("a,b\n1,2\n")
    assert "foreign is not set up for contributions" in refused(capsys, words(folder, foreign))
    assert "does not exist" in refused(capsys, words(folder, "owner/none"))
    lapa = FolderStore(folder / "lapa")
    lapa.save(face_row(1, schema=LAPA, mask=ROWS[0].prediction + 1))
    message = refused(capsys, words(folder, lapa.root))
    assert "has 'lapa' masks of version" in message
    assert "name a model with the dataset's classes by --model" in message
    take_down(store, store.ids())
    assert "the dataset has no rows yet" in refused(capsys, words(folder, store.root))
    assert not (folder / "out").exists()


def test_validation_photos_recipes_and_classes_are_checked_before_training(folder, store, capsys):
    beard = words(folder, store.root, "--classes", "beard")
    assert "has no class 'beard'" in refused(capsys, beard)
    hat = words(folder, store.root, "--classes", "hat")
    assert "val holds hat: choose other photos" in refused(capsys, hat)
    nowhere = words(folder, store.root, "--val", folder / "nowhere")
    assert "is not a folder" in refused(capsys, nowhere)
    (folder / "recipe.yaml").write_text("steps: many")
    assert "recipe.steps is of type int" in refused(capsys, words(folder, store.root))
    (folder / "recipe.yaml").write_text("")
    message = refused(capsys, words(folder, store.root, "--data", f"{folder / 'none'}:2"))
    assert "none/images' is not a folder" in message
    assert not (folder / "out").exists()


def test_publishing_without_rights_or_license_is_refused_before_training(
    folder, owner, hub, say, store, capsys
):
    owner.commit([ConsentedRow(to_parquet(row)) for row in ROWS])
    said = "the Hub does not let this token write to 'guest/parser'"
    code, _, complaint = say(*words(folder, REPO, "--publish", "guest/parser"))
    assert (code, said in complaint) == (2, True)
    hub.create("dataset", "guest/faces")
    repo = hub.repos["dataset", "guest/faces"]
    repo.commits, repo.branches = (
        hub.repos["dataset", REPO].commits,
        dict(hub.repos["dataset", REPO].branches),
    )
    code, _, complaint = say(*words(folder, "guest/faces", "--publish", "owner/parser"))
    assert (code, "may not write to guest/faces" in complaint) == (2, True)
    write_base(folder / "base", license="")
    code, _, complaint = say(*words(folder, REPO, "--publish", "owner/parser"))
    assert (code, "base states no license" in complaint) == (2, True)
    assert not (folder / "out").exists()


def test_a_row_without_consent_is_trained_on_at_home_and_never_published(folder, signed_in, capsys):
    store = FolderStore(folder / "faces")
    store.save(ROWS[0])
    private = face_row(5, consent=None)
    store.save(private)
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, "steps": 1}))
    assert main(words(folder, store.root)) in (0, 1)
    assert "rows: 2 new" in capsys.readouterr().out
    publish = words(folder, store.root, "--publish", "owner/parser")
    assert "1 row without consent to be shared" in refused(capsys, publish)
    assert main([*publish, "--dry-run", "--out", str(folder / "shared")]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("1 new row and 0 earlier ones")
    assert "left out: 1 row: no consent to share it" in shown


def test_a_candidate_that_the_gate_stops_is_not_published(folder, store, signed_in, hub, capsys):
    still = {**RECIPE, "steps": 1, "learning_rate": 1e-9, "backbone_rate": 0}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(still))
    assert main(words(folder, store.root, "--publish", "owner/parser")) == 1
    assert "not published: no difference: chosen classes" in capsys.readouterr().out
    assert ("model", "owner/parser") not in hub.repos
    assert "no difference" in (folder / "out/candidate/README.md").read_text()


def test_a_growth_is_not_resumed_with_other_options_rows_or_weights(folder, store, capsys):
    few = words(folder, store.root, "--at-least", 4)
    assert main(few) == 0
    assert "nothing to do: 3 new rows" in capsys.readouterr().out
    (folder / "out/training").mkdir(parents=True)
    (folder / "out/training/stop").touch()
    assert main(words(folder, store.root)) == 1
    assert "stopped at step 1: run it again to resume" in capsys.readouterr().out
    message = refused(capsys, words(folder, store.root, "--classes", "skin"))
    assert "other values of ['classes']: choose another --out" in message
    write_base(folder / "base", seed=1)
    assert "['weights of the model']" in refused(capsys, words(folder, store.root))
    write_base(folder / "base")
    take_down(store, [ROWS[0].content_id])
    message = refused(capsys, words(folder, store.root))
    assert f"{ROWS[0].content_id} of faces was taken down after this growth began" in message
    (folder / "out" / "grow.json").write_text("{")
    assert "grow.json can't be read" in refused(capsys, words(folder, store.root))
    assert GrowthState(folder / "new").plan is None
