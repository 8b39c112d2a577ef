"""`segface parse` in folders as they are: nothing is lost, replaced, or parsed by mistake."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import ConfigError, OutputError
from segface_hf.jobs.photos import check_output, find_photos, look_for_photos
from segface_hf.jobs.shards import photo_shards
from segface_hf.jobs.storage import StoragePath
from segface_hf.jobs.work import Job, ShardRow
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detection
from tests.segface_hf.jobs.pictures import parse_here, read_results, write_table


def draw(path: Path, color: str = "tan") -> Path:
    """A small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), color).save(path)
    return path


@pytest.mark.parametrize("out", ["photos", "photos/out"])
def test_results_within_the_folder_of_photos_are_not_parsed(
    tiny: Path, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "photos" / "a.jpg")
    draw(tmp_path / "photos" / "b_mask.png")  # a photo of a mask
    arguments = (tmp_path / "photos", "--out", tmp_path / out, "--whole-image", "--model", tiny)
    assert parse_here(*arguments) == 0
    assert "2 photos parsed" in capsys.readouterr().out
    assert parse_here(*arguments) == 0
    shown = capsys.readouterr()
    assert "0 photos parsed, 0 faces, 2 done before" in shown.out
    assert "skipped 4 results of an earlier run" in shown.err


def test_another_photo_of_the_same_name_is_parsed_and_replaces_no_results(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ada, bob = draw(tmp_path / "ada" / "1.png"), draw(tmp_path / "bob" / "1.png", "navy")
    arguments = ("--out", tmp_path / "out", "--whole-image", "--model", tiny)
    parse_here(ada, *arguments)
    before = (tmp_path / "out" / "1.json").read_bytes()
    capsys.readouterr()
    assert parse_here(bob, *arguments) == 1
    shown = capsys.readouterr()
    assert "0 photos parsed" in shown.out
    assert f"failed: {bob}: " in shown.err
    assert "choose another --out, or replace what is there with --overwrite" in shown.err
    assert (tmp_path / "out" / "1.json").read_bytes() == before
    assert parse_here(bob, *arguments, "--overwrite") == 0
    assert (tmp_path / "out" / "1.json").read_bytes() != before


@pytest.mark.parametrize("name", ["1_mask.png", "1_overlay.jpg", "1.json"])
def test_a_users_file_is_not_replaced_by_a_result(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    photo, own = draw(tmp_path / "photos" / "1.png"), tmp_path / "photos" / name
    if own.suffix == ".json":
        own.write_text('["notes"]', encoding="utf-8")
    else:
        draw(own, "navy")
    before = own.read_bytes()
    arguments = (photo, "--out", tmp_path / "photos", "--whole-image", "--model", tiny)
    assert parse_here(*arguments) == 1
    assert f"'{own}' exists and is not a result of segface parse" in capsys.readouterr().err
    assert own.read_bytes() == before
    assert parse_here(*arguments, "--overwrite") == 0
    assert own.read_bytes() != before


def test_results_of_a_killed_run_without_a_report_are_made_again(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    draw(photos / "1.png")
    arguments = (photos, "--out", photos, "--whole-image", "--model", tiny)
    assert parse_here(*arguments) == 0
    (photos / "1.json").unlink()
    capsys.readouterr()
    assert parse_here(*arguments) == 0
    assert "1 photo parsed" in capsys.readouterr().out


def test_tables_of_other_photos_are_not_replaced(tiny: Path, tmp_path: Path) -> None:
    given = ("--format", "parquet", "--whole-image", "--model", tiny, "--out", tmp_path / "out")
    draw(tmp_path / "ada" / "1.png")
    parse_here(tmp_path / "ada", *given)
    draw(tmp_path / "ada" / "2.png")
    parse_here(tmp_path / "ada", *given)
    assert [row["photo"] for row in read_results(tmp_path / "out")] == ["1", "2"]
    for name in ("1.png", "2.png"):
        draw(tmp_path / "bob" / name, "navy")
    with pytest.raises(ConfigError, match=r"results of other photos.*\['1', '2'\]"):
        parse_here(tmp_path / "bob", *given)
    for name in ("ada", "bob"):
        write_table(tmp_path / name / "t.parquet", 1, bad=False)
    parse_here(tmp_path / "ada" / "t.parquet", *given)
    with pytest.raises(ConfigError, match="results of other photos"):
        parse_here(tmp_path / "bob" / "t.parquet", *given)


def test_results_within_a_folder_of_tables_are_not_read(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "t.parquet", 1, bad=False)
    for _ in range(2):
        assert parse_here(tmp_path, "--out", tmp_path, "--whole-image", "--model", tiny) == 0
    assert "1 done before" in capsys.readouterr().out


def test_checking_that_a_folder_can_be_written_disturbs_no_other_run(
    tmp_path: Path,
) -> None:
    own = tmp_path / ".segface"
    own.write_text("mine", encoding="utf-8")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check_output, [tmp_path] * 2000))
    assert list(tmp_path.iterdir()) == [own]
    assert own.read_text(encoding="utf-8") == "mine"


def test_skipped_files_of_a_folder_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    draw(tmp_path / ".hidden.jpg")
    (tmp_path / "dir.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    for name in ("1.cr2", "2.CR2", "notes"):
        (tmp_path / name).write_bytes(b"")
    found = look_for_photos([tmp_path])
    assert [photo.name for photo in found.photos] == ["a", "gone"]  # what is gone is a failure
    assert (found.skipped_note() or "").startswith(
        "skipped 2 .cr2, 1 without a suffix: photos are "
    )
    assert look_for_photos([tmp_path / "a.jpg"]).skipped_note() is None


def test_files_that_differ_in_a_byte_or_in_size_have_different_fingerprints(tmp_path: Path) -> None:
    data = bytes(2**20)
    paths = []
    for index, place in enumerate((None, 0, 2**19, 2**20 - 1)):
        content = bytearray(data)
        if place is not None:
            content[place : place + 1] = b"x"
        paths.append(tmp_path / f"{index}.bmp")
        paths[-1].write_bytes(content)
    (tmp_path / "4.bmp").write_bytes(data + b"\0")
    found = find_photos([tmp_path])
    assert len({photo.fingerprint() for photo in found}) == 5


def test_a_name_that_is_too_long_fails_alone(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "in" / f"{'a' * 248}.png")
    draw(tmp_path / "in" / "b.png")
    arguments = (tmp_path / "in", "--whole-image", "--model", tiny)
    assert parse_here(*arguments, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr()
    assert "1 photo parsed" in shown.out
    assert "is too long for a file name: rename the photo" in shown.err


class Insatiable:
    """A detector that needs more memory than there is for wide pictures."""

    def detect(self, image: Image.Image) -> list[Detection]:
        if image.width > 40:
            np.empty(2**60, np.uint8)
        return []


def test_a_photo_that_does_not_fit_into_memory_fails_alone(tiny: Path, tmp_path: Path) -> None:
    draw(tmp_path / "in" / "b.png")
    Image.new("RGB", (41, 30)).save(tmp_path / "in" / "a.png")
    job = Job(FaceParser.from_pretrained(tiny, detector=Insatiable()))
    photos = find_photos([tmp_path / "in"])
    wide, other = job.to_files(photos, tmp_path / "out")
    assert "scale it down first" in (wide.error or "")
    assert other.error is None
    rows = [ShardRow(shard, photo, 0) for shard in photo_shards(photos, rows=2) for photo in photos]
    wide_row, other_row = job.to_table(rows, StoragePath.of(tmp_path / "table"))
    assert "scale it down first" in wide_row["error"]
    assert other_row["error"] is None


def test_a_very_wide_photo_gets_an_overlay_that_a_jpeg_can_hold(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (70_000, 20)).save(tmp_path / "wide.png")
    arguments = (tmp_path / "wide.png", "--whole-image", "--model", tiny, "--out", tmp_path / "out")
    assert parse_here(*arguments) == 0
    sizes = []
    for name in ("wide_mask.png", "wide_overlay.jpg"):
        with Image.open(tmp_path / "out" / name) as picture:
            sizes.append(picture.size)
    assert sizes == [(70_000, 20), (65_500, 18)]
    parse_here(*arguments)
    assert "1 done before" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_file_name_of_invalid_text_makes_a_row(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    draw(tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/in/a\xff.png"))
    arguments = (tmp_path / "in", "--whole-image", "--model", tiny, "--format", "parquet")
    assert parse_here(*arguments, "--out", tmp_path / "out") == 0
    assert [row["photo"] for row in read_results(tmp_path / "out")] == ["a\\udcff"]


def test_a_folder_that_becomes_unwritable_keeps_earlier_results_and_reports_them(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        draw(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "0.png").write_bytes(b"")
    (tmp_path / "out" / "c_mask.png" / "in the way").mkdir(parents=True)
    with pytest.raises(OutputError, match="run the same command again to resume"):
        parse_here(tmp_path / "in", "--out", tmp_path / "out", "--whole-image", "--model", tiny)
    shown = capsys.readouterr()
    assert "2 photos parsed" in shown.out
    assert "0.png' is empty" in shown.err
    assert not list((tmp_path / "out").glob(".*"))
