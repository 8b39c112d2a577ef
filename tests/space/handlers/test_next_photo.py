"""The next photo of the queue is opened like an upload, and none is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from annotate.growth.queue import QueuedPhoto
from annotate.growth.queue_file import PhotoFolder
from annotate.rows.photo_hash import photo_hash
from segface_hf.errors import CheckpointError
from space.errors import TooFastError, VisitError
from space.handlers.next_photo import open_next
from space.handlers.parse import Request
from space.handlers.save import save_correction
from space.state.photo_queue import PhotoQueue
from tests.space.conftest import CONSENT, WHO, noise, payload_of, png

REQUEST = Request("ada", "embedded")


@pytest.fixture
def queued(with_settings, tmp_path):
    """Services with three photos in a queue, the first of them too large."""

    def with_queue(**settings):
        folder, rows = tmp_path / "photos", []
        folder.mkdir()
        for number, side in enumerate((1000, 96, 97)):
            image = noise(side, side, seed=number)
            (folder / f"{number}.png").write_bytes(png(image))
            known = photo_hash(np.asarray(image))
            rows.append(QueuedPhoto(f"{number}.png", 1.0, f"reason {number}", 60.0, known))
        queue = PhotoQueue(lambda: (tuple(rows), PhotoFolder(folder)))
        return replace(with_settings(max_upload_mb=1, **settings), queue=queue)

    return with_queue


def test_a_photo_that_is_too_large_is_left_out_and_a_corrected_one_does_not_come_back(queued):
    services = queued()
    first, why = open_next(services, "ada", request=REQUEST)
    assert first.photo.image.size == (96, 96)
    assert why == "Why this photo: reason 1."
    assert first.name == ""
    assert services.queue.load() == 2
    payload = payload_of(first.photo.key, first.photo.parse.mask)
    save_correction(services, payload, form=CONSENT, who=WHO)
    second, _ = open_next(services, "ada", request=REQUEST)
    assert second.photo.image.size == (97, 97)
    with pytest.raises(VisitError, match="No other photo is left"):
        open_next(services, "ada", request=REQUEST)
    with pytest.raises(VisitError, match="No other photo is left"):
        open_next(services, "bob", request=REQUEST)


def test_a_visitor_over_the_limit_takes_no_photo(queued):
    services = queued(parses_per_minute=1)
    open_next(services, "ada", request=REQUEST)
    with pytest.raises(TooFastError):
        open_next(services, "ada", request=REQUEST)
    second, _ = open_next(services, "bob", request=replace(REQUEST, visitor="bob"))
    assert second.photo.image.size == (97, 97)


def test_a_photo_whose_model_fails_goes_back(queued, monkeypatch):
    services = queued()

    def fail(*args, **options):
        raise CheckpointError("no")

    with monkeypatch.context() as patch:
        patch.setattr(services.models, "parse", fail)
        with pytest.raises(CheckpointError):
            open_next(services, "ada", request=REQUEST)
    first, _ = open_next(services, "bob", request=replace(REQUEST, visitor="bob"))
    assert first.photo.image.size == (96, 96)


def test_an_app_without_a_queue_says_so(services):
    with pytest.raises(VisitError, match="no queue of photos"):
        open_next(services, "ada", request=REQUEST)
