"""The queue puts first what teaches a rare class most per second, and leaves out look-alikes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from annotate.cli.program import main
from annotate.dataset.folder import FolderStore
from annotate.growth.queue import USUAL_SECONDS, Labeled, expected, photos_of_dataset
from annotate.rows.photo_hash import photo_hash
from segface_hf.errors import DataError
from segface_hf.faces import FaceParse
from segface_hf.labels import CELEBAMASK_HQ

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
HAT, SKIN = CELEBAMASK_HQ.id_of("hat"), CELEBAMASK_HQ.id_of("skin")


def test_classes_that_the_dataset_lacks_are_rare_and_seconds_are_its_own():
    def row(seconds, *classes):
        areas = [1 if i in classes else 0 for i in range(CELEBAMASK_HQ.num_classes)]
        return {"areas_after": areas, "seconds": seconds, "photo_hash": "0" * 64}

    rows = [row(10.0, SKIN), row(30.0, SKIN), row(80.0, SKIN, HAT)]
    labeled = Labeled.count(rows, CELEBAMASK_HQ)
    assert (labeled.photos[SKIN], labeled.photos[HAT]) == (3, 1)
    assert (labeled.seconds[SKIN], labeled.seconds[HAT]) == (30.0, 80.0)
    assert labeled.seconds[0] == 30.0
    assert labeled.rarity()[[0, HAT, SKIN]].tolist() == pytest.approx([1, 0.5**0.5, 0.5])
    assert set(Labeled.count((), CELEBAMASK_HQ).seconds) == {USUAL_SECONDS}


def test_doubt_is_highest_where_a_class_is_as_probable_as_not():
    mask = np.full((40, 40), SKIN, np.uint8)
    confidence = np.full((40, 40), 255, np.uint8)
    runner_up = np.zeros((40, 40), np.uint8)
    runner_up[:10], confidence[:10] = HAT, 153
    parse = FaceParse(mask, CELEBAMASK_HQ, confidence=confidence, runner_up=runner_up)
    found = expected(parse)
    assert found[HAT] == pytest.approx((0.4, 0.96))
    assert found[SKIN] == pytest.approx((0.9, 0.36))
    assert set(found) == {HAT, SKIN}


def test_the_command_writes_new_photos_with_a_reason(tmp_path, drawn, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    image = Image.open(EXAMPLES / "grace_hopper.jpg").convert("RGB")
    image.save(photos / "first.png")
    image.resize((image.width // 2, image.height // 2)).save(photos / "smaller.jpg")
    Image.new("RGB", (64, 64), "gray").save(photos / "blank.png")
    (photos / "broken.jpg").write_bytes(b"not a picture")
    out = tmp_path / "queue.parquet"
    command = ["queue", "--photos", str(photos), "--out", str(out)]
    assert main(command) == 0
    assert "1 photo in" in capsys.readouterr().out
    (row,) = pq.read_table(out).to_pylist()
    assert Path(row["photo"]).name in ("first.png", "smaller.jpg")
    assert row["reason"].startswith("probably ")
    assert row["reason"].count("% sure") == 3
    assert row["seconds"] == USUAL_SECONDS

    blank = np.zeros((image.height, image.width), np.uint8)
    store = FolderStore(tmp_path / "rows")
    store.save(drawn(0, image=np.asarray(image), mask=blank + SKIN, prediction=blank))
    assert main([*command, "--folder", str(store.root)]) == 0
    assert "0 photos in" in capsys.readouterr().out
    assert pq.read_table(out).num_rows == 0
    assert photo_hash(np.asarray(image)) == row["photo_hash"] or "smaller" in row["photo"]


def test_a_dataset_that_does_not_exist_is_refused(hub):
    with pytest.raises(DataError, match="'org/none' is not a folder and can't be loaded"):
        list(photos_of_dataset("org/none"))
