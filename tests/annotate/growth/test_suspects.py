"""`suspects` finds the rows whose masks a model contradicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.cli.program import main
from annotate.dataset.folder import FolderStore
from annotate.label_maps import swapped
from segface_hf import FaceParser
from segface_hf.labels import LAPA

PHOTO = Path(__file__).resolve().parents[3] / "examples" / "grace_hopper.jpg"


def test_rows_with_wrong_masks_come_first_and_say_what_is_wrong(tmp_path, drawn, capsys):
    image = np.asarray(Image.open(PHOTO).convert("RGB"))
    parser = FaceParser.from_pretrained()
    seen, schema = parser.parse(image).mask, parser.schema
    without_nose = np.where(seen == schema.id_of("nose"), schema.id_of("skin"), seen)
    masks = (seen, swapped(seen, schema.mirror_ids), without_nose.astype(np.uint8))
    store = FolderStore(tmp_path / "rows")
    good, exchanged, noseless = (
        store.save(drawn(0, image=image, mask=mask, prediction=seen)).id for mask in masks
    )

    report = tmp_path / "suspects.json"
    command = ["suspects", "--folder", str(store.root)]
    assert main([*command, "--json", str(report)]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("2 suspects in 3 rows\n")
    rows = json.loads(report.read_text())
    assert [row["content_id"] for row in rows] == [exchanged, noseless, good]
    assert "left and right exchanged" in shown.splitlines()[0]
    assert "missing part: nose" in shown.splitlines()[1]
    assert rows[-1]["found"] == []

    blank = np.zeros((24, 32), np.uint8)
    lapa = drawn(1, schema=LAPA, mask=blank + 1, prediction=blank)
    FolderStore(tmp_path / "lapa").save(lapa)
    assert main(["suspects", "--folder", str(tmp_path / "lapa")]) == 2
    assert "name a model of the same classes" in capsys.readouterr().err
