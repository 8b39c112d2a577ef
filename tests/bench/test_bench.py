"""The benchmark's own arithmetic and tables; its figures are for `make bench`."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import app_memory, learning
from bench.cases import crowd
from bench.tables import BEGIN, END, table, write_tables
from bench.timing import Timing, interleaved, ratio

ROOT = Path(__file__).resolve().parents[2]


def test_the_percentiles_of_a_timing():
    timing = Timing((0.4, 0.1, 0.2, 0.3, 9.0))
    assert timing.p50 == 0.3
    assert timing.p95 == 9.0
    assert timing.to_dict() == {"p50_ms": 300.0, "p95_ms": 9000.0}


def test_a_ratio_is_taken_round_by_round():
    # The second round was disturbed as a whole; its ratio is as exact as the others'.
    assert ratio(Timing((2.0, 20.0, 2.2)), Timing((1.0, 10.0, 1.0))) == 2.0


def test_calls_run_in_turn_after_one_round_to_warm_up():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = interleaved(calls, repeats=2, clock="wall")
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert [len(timing.seconds) for timing in times.values()] == [2, 2]


def test_growth_is_counted_from_the_hundredth_photo():
    assert app_memory.growth([(0, 500.0), (50, 700.0), (100, 720.0), (150, 725.0)]) == 5.0
    assert app_memory.growth([(0, 500.0), (50, 700.0)]) == 0.0


def test_rows_become_a_markdown_table():
    rows = [{"path": "plain", "peak_mb": 1234.56}, {"path": "fused", "peak_mb": None}]
    assert table(rows).splitlines() == [
        "| path | peak mb |",
        "| --- | --- |",
        "| plain | 1234.6 |",
        "| fused | unknown |",
    ]


def test_tables_replace_the_text_between_the_marks_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_tables({"machine": {"cores": 2}, "Paths": [{"path": "plain"}]}, page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "Measured on: cores 2." in text
    assert "### Paths" in text


def test_the_page_in_the_docs_has_its_marks():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")
def test_the_peak_of_a_call_counts_what_it_held_and_gave_back():
    code = "from bench.memory import peak\nprint(peak(lambda: bytearray(64 << 20) and None))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert float(done.stdout) == pytest.approx(64, abs=4)


@pytest.mark.parametrize("faces", [1, 5, 30])
def test_a_crowd_has_the_size_asked_for(faces):
    assert crowd(400, 600, faces).size == (400, 600)


@pytest.mark.slow
def test_the_short_benchmark_measures_the_fused_path_as_faster():
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "times faster" in done.stdout


def test_the_learning_benchmark_has_a_line_for_every_kind_of_step(monkeypatch, capsys):
    argv = ["bench.learning", "--side", "64", "--batch", "1", "--repeats", "1"]
    monkeypatch.setattr("sys.argv", argv)
    assert learning.main() == 0
    printed = capsys.readouterr().out
    assert "64 px, batch 1" in printed
    assert [line.split("|")[1].strip() for line in printed.splitlines()[3:]] == list(learning.WAYS)
