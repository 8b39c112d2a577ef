"""The experiment on growth runs to its table, and a second call repeats nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from bench.added_classes import new_ids, schema_without
from bench.growth import annotated, main, result_of
from segface_hf.labels import CELEBAMASK_HQ, LabelSchema
from segface_hf.modeling.segface import SegFace
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair

NAME = "eyeglasses"


def write_faces(folder, numbers, *, glasses):
    for number in numbers:
        pair = draw_face(number, glasses=glasses)
        image, mask = (each.repeat(3, 0).repeat(3, 1) for each in pair)
        write_pair(folder, f"face{number:02}", image, mask)


def write_base(folder):
    schema = schema_without(NAME)
    model = {
        **tiny_recipe().to_dict()["model"], "schema": "own", "label_names": schema.names,
        "label_colors": schema.colors, "label_mirror_pairs": schema.mirror_pairs,
    }  # fmt: skip
    return SegFace(tiny_recipe(model=model, tail={}).model_config()).save_pretrained(folder)


def test_a_tiny_experiment_writes_its_table_and_is_not_repeated(tmp_path, capsys):
    write_faces(tmp_path / "data", range(3), glasses=False)
    write_faces(tmp_path / "data", range(3, 7), glasses=True)
    write_faces(tmp_path / "val", range(20, 23), glasses=True)
    base = write_base(tmp_path / "base")
    command = [
        "--data", tmp_path / "data", "--val", tmp_path / "val", "--out", tmp_path / "out",
        "--classes", NAME, "--counts", 2, 50, "--steps", 2, "--base", f"{NAME}={base}",
    ]  # fmt: skip
    assert main([str(word) for word in command]) == 0
    shown = (tmp_path / "out" / "growth.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines()[2:]]
    assert [line[1:3] for line in lines] == [
        ["queue", "2"], ["random", "2"], ["hardest", "2"], ["all", "4"],
    ]  # fmt: skip
    assert shown in capsys.readouterr().out + "\n"
    rows = tmp_path / "out" / f"{NAME}-queue-2-0" / "rows"
    assert len(list((rows / "masks").iterdir())) == 2
    held = [np.asarray(Image.open(path)) for path in (rows / "masks").iterdir()]
    assert max(mask.max() for mask in held) == schema_without(NAME).num_classes

    file = tmp_path / "out" / f"{NAME}-all-4-0" / "result.json"
    file.write_text(json.dumps({"f1": 0.5, "low": 0.4, "high": 0.6, "fell": {"hat": -0.1}}))
    assert main([str(word) for word in command]) == 0
    again = (tmp_path / "out" / "growth.md").read_text().splitlines()
    assert again[:-1] == shown.splitlines()[:-1]
    assert "0.500 (0.400 to 0.600) | hat -0.100 |" in again[-1]


def test_hurried_annotators_move_outlines_and_sometimes_miss_the_part():
    mask = np.zeros((64, 64), np.uint8)
    mask[10:50, 10:50], mask[20:30, 20:30] = 1, 2
    areas = [int((annotated(mask, 2, seed) == 2).sum()) for seed in range(200)]
    assert areas.count(0) in range(2, 25)
    assert areas.count(100) in range(60, 120)
    assert max(areas) > 100
    assert all((annotated(mask, 3, seed) == mask).all() for seed in range(20))


def test_the_new_class_is_scored_and_old_ones_that_fell_are_named():
    schema = LabelSchema("toy", ("background", "skin", "nose", "hat"), ((0, 0, 0),) * 4)
    base = np.tile(np.diag([100, 100, 50]), (30, 1, 1))
    ours = np.zeros((30, 4, 4), np.int64)
    ours[:, :3, :3] = base
    ours[:, 2, 2], ours[:, 2, 1] = 30, 20
    ours[:, 3, 3], ours[:, 3, 0] = 30, 10
    found = result_of(ours, base, schema)
    assert found["f1"] == pytest.approx(60 / 70, abs=1e-4)
    assert found["low"] <= found["f1"] <= found["high"]
    assert found["fell"] == {
        "skin": pytest.approx(200 / 220 - 1, abs=1e-4),
        "nose": pytest.approx(60 / 80 - 1, abs=1e-4),
    }
    assert new_ids("hat")[CELEBAMASK_HQ.id_of("hat")] == 18
