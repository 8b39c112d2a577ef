"""The gate rejects what fell and lets harmless retrainings through, on simulated counts."""

import json

import numpy as np
import pytest

from segface_hf.cli.program import main
from segface_hf.errors import ConfigError, DataError, LabelError
from segface_hf.evaluation.gate import NO_DIFFERENCE, PASSED, REJECTED, judge
from segface_hf.evaluation.photo_groups import in_thirds, photo_groups
from segface_hf.evaluation.report import Measured
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace
from tests.segface_hf.training.drawn import draw_face, write_pair

SCHEMA = LabelSchema(
    name="toy",
    names=("background", "l_eye", "r_eye", "hat", "necklace"),
    colors=tuple((i, i, i) for i in range(5)),
    mirror_pairs=((1, 2),),
)
PHOTOS, DRAWS = 120, 20
SIZES = np.array([40_000, 400, 400, 6_000, 800])
STEMS = tuple(f"photo{i}" for i in range(PHOTOS))
GROUPS = {"brightness": {stem: "dark" if i % 3 else "bright" for i, stem in enumerate(STEMS)}}


def photos(seed, *, hits=None, faults=()):
    """Counts of a model on the same simulated photos; `seed` is that of its own training.

    Args:
        seed: Of what differs from training to training.
        hits: Class id -> change of the share of pixels that it finds.
        faults: Names of faults, on every second photo.
    """
    shared, own = np.random.default_rng(7), np.random.default_rng(seed)
    counts = np.zeros((PHOTOS, 5, 5), np.int64)
    for photo in counts:
        ease = shared.normal(0, 0.04)
        present = [True, True, True, shared.random() < 0.35, shared.random() < 0.25]
        for index in np.flatnonzero(present):
            size = int(SIZES[index] * shared.uniform(0.5, 1.5))
            share = 0.85 + ease + shared.normal(0, 0.05) + own.normal(0, 0.015)
            found = int(size * np.clip(share + (hits or {}).get(index, 0), 0, 1))
            photo[index, index] += found
            photo[index, 0] += size - found
    for number, fault in enumerate(faults):
        for photo in counts[number::2]:
            FAULTS[fault](photo)
    return Measured(STEMS, counts, SCHEMA)


def swap(photo):
    photo[:, [1, 2]] = photo[:, [2, 1]]


def shift(photo):
    moved = photo[3, 3] // 2
    photo[3, 3] -= moved
    photo[3, 0] += moved
    photo[0, 0] -= moved
    photo[0, 3] += moved


def blob(photo):
    moved = min(2_000, int(photo[0, 0]))
    photo[0, 0] -= moved
    photo[0, 4] += moved


FAULTS = {"swap": swap, "shift": shift, "blob": blob}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_candidate_trained_on_a_bad_batch_is_rejected_in_every_draw(fault):
    current = photos(0)
    fallen = {"swap": "l_eye fell by", "shift": "hat fell by", "blob": "necklace fell by"}[fault]
    for draw in range(DRAWS):
        bad = photos(100 + draw, hits={3: 0.02}, faults=(fault,))
        gate = judge(bad, current, GROUPS, rounds=300, seed=draw)
        assert gate.verdict == REJECTED
        assert fallen in gate.sentence


def test_a_harmless_retraining_is_never_rejected():
    current = photos(0)
    for draw in range(DRAWS):
        gate = judge(photos(200 + draw), current, GROUPS, rounds=300, seed=draw)
        assert gate.verdict in (PASSED, NO_DIFFERENCE), gate.sentence


def test_a_rise_of_the_chosen_classes_passes():
    gate = judge(photos(1, hits={3: 0.06, 4: 0.06}), photos(0), GROUPS, rounds=300)
    assert gate.verdict == PASSED
    assert gate.sentence.startswith("passed: chosen classes +0.0")
    only = judge(photos(1, hits={4: 0.06}), photos(0), {}, chosen=["hat"], rounds=300)
    assert only.verdict == NO_DIFFERENCE


def test_a_subgroup_that_falls_rejects_and_is_named():
    bad = photos(1)
    for index, stem in enumerate(STEMS):
        if GROUPS["brightness"][stem] == "bright":
            bad.confusions[index, 0, 1:] += 40
    gate = judge(bad, photos(0), GROUPS, rounds=300)
    assert "brightness bright fell by" in gate.sentence


def test_a_class_with_few_photos_is_reported_and_does_not_block():
    current, bad = photos(0), photos(1)
    for counts in (current.confusions, bad.confusions):
        counts[19:, 4] = 0
    bad.confusions[:, 4, 0] += bad.confusions[:, 4, 4]
    bad.confusions[:, 4, 4] = 0
    gate = judge(bad, current, {}, chosen=["hat"], rounds=300)
    (necklace,) = [change for change in gate.changes if change.name == "necklace"]
    assert necklace.few_photos
    assert necklace.difference < -0.5
    assert gate.verdict != REJECTED


def test_what_can_not_be_compared_is_refused():
    measured = photos(0)
    other = Measured(STEMS[::-1], measured.confusions, SCHEMA)
    with pytest.raises(DataError, match="same photos"):
        judge(measured, other, {})
    with pytest.raises(LabelError, match="no class 'beard'"):
        judge(measured, measured, {}, chosen=["beard"])
    plain = LabelSchema(name="plain", names=tuple("abcde"), colors=SCHEMA.colors)
    without_tail = Measured(STEMS, measured.confusions, plain)
    with pytest.raises(ConfigError, match="--classes"):
        judge(without_tail, without_tail, {})
    measured.confusions[:, 3:] = 0
    with pytest.raises(DataError, match="no photo holds hat, necklace"):
        judge(measured, measured, {})


def test_photos_are_grouped_in_thirds():
    names = ("dark", "medium", "bright")
    found = in_thirds({f"{i}": float(i) for i in range(9)}, names)
    assert list(found.values()) == ["dark"] * 3 + ["medium"] * 3 + ["bright"] * 3
    assert in_thirds({"a": 1.0, "b": 1.0}, names) == {}


def test_the_command_reports_and_publish_asks_for_a_passed_gate(tiny, tmp_path, hub, capsys):
    for seed in range(4):
        image, mask = draw_face(seed, glasses=True)
        write_pair(tmp_path / "val", f"face{seed}", image // (seed + 1), mask)
    copy = SegFace.from_pretrained(tiny).save_pretrained(tmp_path / "copy")
    ask = ["--current", tiny, "--val", tmp_path / "val", "--out", copy]
    assert main([str(word) for word in ("promote", "--candidate", copy, *ask)]) == 1
    assert capsys.readouterr().out.startswith("no difference: chosen classes +0.000")
    report = json.loads((copy / "gate.json").read_text())
    assert report["photos"] == 4
    assert report["val"] == "val"
    assert "brightness dark" in [change["name"] for change in report["changes"]]
    assert "no difference" in (copy / "gate.html").read_text()
    wanted = ("promote", "--candidate", copy, *ask, "--classes", "beard")
    assert main([str(word) for word in wanted]) == 2

    publish = ["publish", str(copy), "ada/next", "--dry-run"]
    assert main(publish) == 2
    assert "the gate did not let" in capsys.readouterr().err
    (copy / "gate.json").write_text(json.dumps({**report, "verdict": "passed"}))
    assert main(publish) == 0
    assert "gate.json" in capsys.readouterr().out
    report["candidate"]["digest"] = "sha256:0"
    (copy / "gate.json").write_text(json.dumps({**report, "verdict": "passed"}))
    assert main(publish) == 2
    assert "is about other weights" in capsys.readouterr().err
    (copy / "gate.json").unlink()
    assert main(publish) == 2
    assert "has no report of the gate" in capsys.readouterr().err
    assert main([*publish, "--without-gate"]) == 0
    assert hub.log == []


def test_groups_follow_from_photos(tmp_path):
    from segface_hf.data.folder import find_pairs
    from segface_hf.labels import CELEBAMASK_HQ

    for seed in range(3):
        image, mask = draw_face(seed)
        write_pair(tmp_path, f"face{seed}", image // (seed + 1), mask)
    found = photo_groups(find_pairs(tmp_path), CELEBAMASK_HQ)
    assert found["brightness"] == {"face0": "bright", "face1": "medium", "face2": "dark"}
