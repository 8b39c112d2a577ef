"""`segface evaluate` with an untrained model on drawn faces: its output and its refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.cli.program import main
from tests.segface_hf.drawn import scene
from tests.segface_hf.training.drawn import draw_face, write_pair


@pytest.fixture
def evaluate(tiny: Path, tmp_path: Path) -> Callable[..., int]:
    """`segface evaluate` on two drawn faces, without what takes time."""
    for seed in range(2):
        write_pair(tmp_path / "data", f"face{seed}", *draw_face(seed))

    def run(*arguments: object) -> int:
        common = ["--model", tiny, "--data", tmp_path / "data", "--bootstrap", 0, "--no-boundary"]
        return main(["evaluate", *map(str, (*common, *arguments))])

    return run


def test_groups_and_mixed_up_sides_are_printed_without_output_files(evaluate, tmp_path, capsys):
    (tmp_path / "groups.csv").write_text("stem,glasses\nface0,yes\nface1,no\n")
    assert evaluate("--groups", tmp_path / "groups.csv") == 0
    shown = capsys.readouterr().out
    for value in ("yes", "no"):
        assert f"glasses {value}: mean_f1 " in shown
    assert shown.count("in 1 photo (few: uncertain)") == 2


def test_the_page_links_to_the_contact_sheet_wherever_both_are(evaluate, tmp_path):
    page, sheet = tmp_path / "pages" / "e.html", tmp_path / "worst & best.png"
    page.parent.mkdir()
    assert evaluate("--html", page, "--sheet", sheet) == 0
    assert '<a href="../worst%20%26%20best.png">worst &amp; best.png</a>' in page.read_text()
    assert evaluate("--html", page) == 0
    assert "<a " not in page.read_text()


def test_a_bad_mask_is_refused_before_the_first_photo_is_scored(evaluate, tmp_path, capsys):
    Image.fromarray(np.full((64, 64), 200, np.uint8)).save(tmp_path / "data" / "masks/face1.png")
    assert evaluate() == 2
    shown = capsys.readouterr().err
    assert "face1.png: id 200 is not a class" in shown
    assert "photo/s" not in shown
    assert "?photo" not in shown


def test_a_whole_photo_is_scored_as_a_crop_only_when_asked(evaluate, tmp_path):
    photo, mask = scene((150, 160, 200, 0), (360, 170, 200, 0), size=(520, 320))
    write_pair(tmp_path / "data", "group", np.asarray(photo), mask)
    out = tmp_path / "scores.json"
    crops = []
    for options in ((), ("--aligned",)):
        assert evaluate("--json", out, *options) == 0
        crops.append(json.loads(out.read_text())["aligned_crops"])
    assert crops == [2, 3]
