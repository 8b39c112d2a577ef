"""Small tables of one portrait in several cuts, with rows that hold no picture."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from segface_hf.cli import parse

PORTRAIT = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"
BROKEN, EMPTY = 3, 5


def portraits(count: int) -> list[bytes]:
    """JPEGs of one face, each cut a little differently."""
    face = Image.open(PORTRAIT).crop((120, 20, 340, 240))
    found = []
    for index in range(count):
        stream = io.BytesIO()
        cut = (index % 16, index % 9, 220 - index % 11, 220 - index % 5)
        face.crop(cut).resize((160, 160)).save(stream, "JPEG", quality=90)
        found.append(stream.getvalue())
    return found


def write_table(path: Path, count: int, *, group: int = 4, bad: bool = True) -> Path:
    """A parquet file of photos; with `bad`, row 3 is no picture and row 5 holds none."""
    cells: list[dict | None] = [
        {"bytes": data, "path": f"{index}.jpg"} for index, data in enumerate(portraits(count))
    ]
    if bad:
        cells[BROKEN] = {"bytes": b"broken", "path": None}
        cells[EMPTY] = None
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": cells}), path, row_group_size=group)
    return path


def read_results(folder: Path) -> list[dict]:
    """Every row of a folder of results, in the order of their sources."""
    rows = [
        row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    return sorted(rows, key=lambda row: (row["source"], row["row"]))


def parse_here(*arguments: object) -> int:
    """`segface parse` in this process."""
    parser = argparse.ArgumentParser()
    parse.add_arguments(parser)
    return parse.run(parser.parse_args([str(argument) for argument in arguments]))


def mask_of(row: dict) -> np.ndarray | None:
    """The mask of a result row."""
    if row["mask"] is None:
        return None
    return np.asarray(Image.open(io.BytesIO(row["mask"]["bytes"])))


def assert_same_rows(ours: list[dict], theirs: list[dict], *, agreement: float = 0.9999) -> None:
    """Equal rows; masks may differ by rounding in this share of their pixels, faces by a trace."""
    assert [(row["source"], row["row"]) for row in ours] == [
        (row["source"], row["row"]) for row in theirs
    ]
    loose = ("mask", "classes", "faces")
    for one, other in zip(ours, theirs, strict=True):
        assert {k: v for k, v in one.items() if k not in loose} == {
            k: v for k, v in other.items() if k not in loose
        }
        assert len(one["faces"] or ()) == len(other["faces"] or ())
        for face, twin in zip(one["faces"] or (), other["faces"] or (), strict=True):
            np.testing.assert_allclose(face["box"], twin["box"], atol=0.01)
            assert (face["landmarks"] is None) == (twin["landmarks"] is None)
            if face["landmarks"] is not None:
                np.testing.assert_allclose(face["landmarks"], twin["landmarks"], atol=0.1)
        masks = mask_of(one), mask_of(other)
        if masks[0] is not None:
            assert (masks[0] == masks[1]).mean() >= agreement
