"""What the parse view draws and says, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

VIEWER = Path(__file__).resolve().parents[3] / "space" / "web" / "viewer"


@pytest.fixture
def evaluated(tmp_path):
    """Evaluates code over the functions of paint.mjs (P) and wording.mjs (W)."""
    if shutil.which("node") is None:
        pytest.skip("node is missing: get it with 'apt-get install nodejs'")

    def run(code):
        (tmp_path / "run.mjs").write_text(
            f"import * as P from '{(VIEWER / 'paint.mjs').as_uri()}';\n"
            f"import * as W from '{(VIEWER / 'wording.mjs').as_uri()}';\n"
            f"const value = (() => {{ {code} }})();\n"
            "console.log(JSON.stringify(value, (k, v) => v?.buffer ? [...v] : v));\n"
        )
        done = subprocess.run(
            ["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


CLASSES = (
    "const classes = [{ id: 0, color: [0, 0, 0] }, { id: 1, color: [255, 0, 0] },"
    " { id: 2, color: [0, 255, 0] }]; const table = P.lookup(classes, new Set(hidden), 'color');"
)
RED, GREEN = 0xFF0000FF, 0xFF00FF00


def test_background_and_hidden_classes_are_not_drawn(evaluated):
    code = f"const hidden = [2]; {CLASSES} const out = new Uint32Array(4);"
    code += "P.paintLabels(out, Uint8Array.of(0, 1, 2, 1), 2, table); return out;"
    assert evaluated(code) == [0, RED, 0, RED]


def test_outlines_are_drawn_on_borders_only(evaluated):
    code = f"const hidden = []; {CLASSES} const out = new Uint32Array(9);"
    code += "P.paintOutlines(out, Uint8Array.of(1, 1, 2, 1, 1, 2, 1, 1, 2), 3, table, 1);"
    assert evaluated(f"{code} return out;") == [0, RED, 0, 0, RED, 0, 0, RED, 0]


def test_neighboring_classes_have_different_patterns(evaluated):
    drawn = []
    for index in range(4):
        code = f"const table = new Uint32Array(256).fill({RED}); const out = new Uint32Array(64);"
        code += f"P.paintLabels(out, new Uint8Array(64).fill({index}), 8, table,"
        drawn.append(tuple(evaluated(f"{code} {{ patterns: true }}); return out;")))
    assert len(set(drawn)) == 4
    assert all(0.2 < sum(v != RED for v in one) / 64 < 0.3 for one in drawn)


def test_low_confidence_and_differences_mark_only_their_pixels(evaluated):
    code = "const out = new Uint32Array(2);"
    code += "P.paintConfidence(out, Uint8Array.of(250, 90)); return out;"
    sure, unsure = evaluated(code)
    assert sure == 0
    assert unsure > 0
    code = "const out = new Uint32Array(2);"
    code += "P.paintDifference(out, Uint8Array.of(1, 2), Uint8Array.of(1, 3)); return out;"
    same, other = evaluated(code)
    assert (same, other > 0) == (0, True)


def test_classes_that_look_like_the_photo_get_a_white_border_and_hidden_ones_none(evaluated):
    code = (
        "const classes = [{ id: 0, color: [0, 0, 0] }, { id: 1, color: [255, 0, 0] }];"
        "const labels = Uint8Array.of(0, 1, 1, 0), out = new Uint32Array(4);"
        "const table = P.lookup(classes, new Set(HIDDEN), 'color');"
        "P.paintLabels(out, labels, 4, table);"
        "P.paintBorders(out, labels, 4, P.whitened(table), 1); return out;"
    )
    red, white = 0xFF0000FF, 0xFFFFFFFF
    assert evaluated(code.replace("HIDDEN", "[]")) == [white, red, white, 0]
    assert evaluated(code.replace("HIDDEN", "[1]")) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("faces", "announced", "labeled"),
    [
        ("[]", "Parsed: no face found", "Photo with 0 faces; classes shown: none"),
        ("[{}]", "Parsed: 1 face", "Photo with 1 face; classes shown: none"),
        ("[{}, {}]", "Parsed: 2 faces", "Photo with 2 faces; classes shown: none"),
    ],
)
def test_screen_readers_get_the_number_of_faces_in_words(evaluated, faces, announced, labeled):
    code = f"const photo = {{ faces: {faces}, classes: [{{ id: 1, area: 0 }}] }};"
    code += "return [W.announcement(photo), W.pictureLabel(photo)];"
    assert evaluated(code) == [announced, labeled]


def test_a_saved_row_is_deleted_only_after_a_question(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("node is missing: get it with 'apt-get install nodejs'")
    script = tmp_path / "run.mjs"
    script.write_text(
        f"import {{ requestOf }} from '{(VIEWER / 'saved_list.mjs').as_uri()}';\n"
        "const row = { id: 'a' };\n"
        "const of = (more, answer) => requestOf({ ...row, ...more }, () => answer);\n"
        "console.log(JSON.stringify([of({ act: 'delete' }, false), of({ act: 'delete' }, true),"
        " of({ act: 'reopen' }, false), of({ act: 'file', kind: 'mask' }, false)]));\n"
    )
    done = subprocess.run(["node", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        None,
        ["remove", {"id": "a"}],
        ["reopen", {"id": "a"}],
        ["wanted", {"id": "a", "kind": "mask"}],
    ]


@pytest.mark.parametrize(
    ("photo", "name"),
    [
        ("IMG 12.jpeg", "IMG_12_mask.png"),
        ("née.png", "née_mask.png"),
        ("../../x.png", ".._.._x_mask.png"),
        ("...", "mask.png"),
        ("", "mask.png"),
    ],
)
def test_a_download_is_named_after_the_photo_in_the_browser(evaluated, photo, name):
    assert evaluated(f"return W.downloadName({json.dumps(photo)}, 'mask.png');") == name
