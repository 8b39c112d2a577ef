"""`segface explain` on photos: which region it takes, what it writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from segface_hf.cli.program import main
from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError, LabelError
from segface_hf.explain.photo import Explainer, Question
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
HOPPER = EXAMPLES / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def photo():
    return Image.open(HOPPER).convert("RGB")


@pytest.fixture(scope="module")
def parse(photo):
    return FaceParser.from_pretrained().parse(photo)


@pytest.fixture(scope="module")
def explainer():
    return Explainer(SegFace.from_pretrained("embedded"))


def center_of(parse, name):
    rows, columns = np.nonzero(parse.mask == parse.schema.id_of(name))
    middle = len(rows) // 2
    return float(columns[middle]), float(rows[middle])


def test_a_place_a_class_and_a_region_find_the_same_part(photo, parse, explainer):
    hat = parse.schema.id_of("hat")
    questions = [
        Question(at=center_of(parse, "hat")),
        Question("hat"),
        Question(region=parse.mask == hat),
    ]
    for question in questions:
        found = explainer.explain(photo, question)
        assert found.margin.target == hat
        assert found.found
        assert found.margin.value > 0
        assert found.margin.total == pytest.approx(found.margin.value, abs=1e-4)
        assert (found.labels[found.region] == hat).mean() > 0.8


def test_a_class_that_is_nowhere_is_explained_where_it_comes_nearest(photo, explainer):
    found = explainer.explain(photo, Question("necklace"))
    assert not found.found
    assert found.margin.value < 0
    assert 0 < found.region.sum() < found.region.size / 100


def test_the_command_writes_a_page_that_stands_alone_and_its_numbers(tmp_path, capsys):
    without = Image.open(HOPPER).convert("RGB")
    ImageDraw.Draw(without).rectangle((0, 0, without.width, without.height // 5), fill=(90, 80, 70))
    without.save(tmp_path / "without.png")
    command = ["explain", str(HOPPER), "--class", "hat", "--out", str(tmp_path / "out")]
    assert main([*command, "--without", str(tmp_path / "without.png")]) == 0
    said = capsys.readouterr().out
    assert "hat is " in said
    assert "votes hat" in said
    values = json.loads((tmp_path / "out/explain.json").read_text())
    total = sum(head["vote"] for head in values["heads"]) + sum(values["backbone"].values())
    assert total + values["constants"] == pytest.approx(values["margin"], abs=1e-4)
    assert values["pair"]["margin_with"] > values["pair"]["margin_without"]
    assert len(values["pair"]["random_together"]) == 20
    page = (tmp_path / "out/explain.html").read_text()
    assert "Why hat?" in page
    assert "http" not in page


def test_a_question_that_has_no_answer_is_refused(photo, explainer, tmp_path, capsys):
    width, height = photo.size
    with pytest.raises(LabelError, match="beard"):
        explainer.explain(photo, Question("beard"))
    with pytest.raises(ConfigError, match="nothing to explain"):
        explainer.explain(photo, Question())
    with pytest.raises(ConfigError, match="is outside the photo"):
        explainer.explain(photo, Question(at=(width + 1, 0)))
    with pytest.raises(ConfigError, match="holds no pixels"):
        explainer.explain(photo, Question(region=np.zeros((height, width), bool)))
    with pytest.raises(ConfigError, match="draw it on this photo"):
        explainer.explain(photo, Question(region=np.ones((3, 3), bool)))
    with pytest.raises(ConfigError, match="save both in one size"):
        explainer.compare(photo, photo.resize((64, 64)), Question("hat"))
    with pytest.raises(ConfigError, match="choose a model without landmarks"):
        Explainer(SegFace(SegFaceConfig(schema="lapa", warp="tanh", width=32, heads=4)))
    assert main(["explain", str(HOPPER), "--class", "beard", "--out", str(tmp_path)]) == 2
    assert "beard" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
