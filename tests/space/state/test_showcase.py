"""The cards of the first page."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import CheckpointError
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detection
from space.handlers.parse import Request, open_example
from space.state.examples import list_examples
from space.state.model_cache import ModelCache
from space.state.showcase import Showcase
from space.ui.app import _parse_examples
from space.web.components import PhotoDrop
from tests.space.conftest import PaintedEngine, noise, painted_parser, png
from tests.space.session import Session


@pytest.fixture
def examples(tmp_path):
    """One example in a folder of its own."""
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "one.png").write_bytes(png(noise(120, 90)))
    return list_examples(folder)


def parsed(examples, parse=None, *, model="embedded"):
    showcase = Showcase(examples)
    showcase.parse(parse or painted_parser().parse, model=model)
    return showcase


def opened(address):
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def test_a_card_shows_the_photo_and_what_the_model_sees_in_it(examples):
    (card,) = parsed(examples).cards
    assert card.name == "one.png"
    photo, colored = opened(card.photo), opened(card.parsed)
    assert photo.size == colored.size
    assert photo.width == photo.height
    assert photo.tobytes() != colored.tobytes()


def test_an_example_that_cannot_be_parsed_is_shown_as_it_is(examples):
    def broken(image):
        raise CheckpointError("no model")

    (card,) = parsed(examples, broken).cards
    assert card.parsed == ""
    assert opened(card.photo).size[0] > 0


def test_pages_that_are_opened_after_the_start_show_the_parsed_examples(services, examples):
    app = Session(services).app
    _parse_examples(app, services, Showcase(examples))
    (drop,) = (part for part in app.config["components"] if part["props"].get("elem_id") == "drop")
    (card,) = drop["props"]["props"]["examples"]
    assert card["name"] == "one.png"
    assert card["parsed"].startswith("data:image/webp;base64,")


def test_examples_are_shown_wherever_the_app_was_started(examples, tmp_path, monkeypatch):
    # Gradio serves files of the working folder only; `python /elsewhere/app.py` showed none of
    # them, and a press on one never ended.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    drop = PhotoDrop(Showcase(examples).cards, max_mb=1, within="an hour")
    shown = drop.get_config()["props"]["examples"]
    assert [card["name"] for card in shown] == ["one.png"]
    assert shown[0]["photo"].startswith("data:image/webp;base64,")


def test_all_faces_of_an_example_are_on_its_card(tmp_path):
    class TwoFaces:
        def detect(self, image):
            return [Detection((x, 40), (30, 30), 0.9) for x in (30, 250)]

    (tmp_path / "wide.png").write_bytes(png(noise(280, 80)))
    parser = FaceParser(PaintedEngine(), detector=TwoFaces())
    (card,) = parsed(list_examples(tmp_path), parser.parse).cards
    shown = np.asarray(opened(card.parsed), int) - np.asarray(opened(card.photo), int)
    changed = np.abs(shown).sum(-1) > 60
    assert changed[:, :120].any()
    assert changed[:, -120:].any()


def test_an_example_opens_without_the_model_that_has_parsed_it_before(examples, services):
    asked = []

    def counted(image, **options):
        asked.append(image.size)
        return painted_parser().parse(image, confidence=True)

    showcase = parsed(examples, counted)
    services = replace(services, models=ModelCache(1, load=lambda model: _Never()))
    request = Request("visitor", "embedded")
    found = open_example(services, showcase, examples[0], request=request)
    assert len(asked) == 1
    assert found.photo.image.size == (120, 90)
    assert (services.photos.get(found.photo.key).parse.mask == found.photo.parse.mask).all()


def test_an_example_is_parsed_where_another_model_is_in_use(examples, services):
    showcase = parsed(examples, model="another")
    found = open_example(services, showcase, examples[0], request=Request("v", "embedded"))
    assert found.photo.parse is not showcase.known("one.png", model="another")
    assert len(found.photo.parse.faces) == 1


class _Never:
    def parse(self, image, **options):
        raise AssertionError("the model was asked")
