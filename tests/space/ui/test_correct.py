"""The Correct view: what the editor opens with."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.label_maps import unpack_label_map
from space.handlers.parse import Batch, Request, parse_photo
from space.handlers.save import save_correction
from space.handlers.visit import Visit
from space.state.photo_cache import PhotoCache
from space.ui.correct import open_in_editor
from tests.space.conftest import CONSENT, WHO, noise, payload_of


@pytest.fixture
def visit(services, photo_file):
    """A visit that has opened a photo."""
    parsed = parse_photo(services, photo_file(noise()), request=Request("visitor", "embedded"))
    return Visit().opened(Batch((parsed,)))


def corrected(services, visit, rows):
    mask = services.photos.get(visit.current).parse.mask.copy()
    mask[:rows, :6] = 16
    return mask


def saved(services, visit, mask):
    payload = payload_of(visit.current, mask)
    result = save_correction(services, payload, form=CONSENT, who=WHO)
    return visit.received(result, WHO, CONSENT)


def opened(services, visit, field):
    value, *_ = open_in_editor(services, visit)
    packed = value[field]
    size = (packed["w"], packed["h"])
    return unpack_label_map(packed, expected_size=size, num_classes=19)


def test_a_photo_opened_again_starts_from_what_was_saved_last(services, visit):
    prediction = services.photos.get(visit.current).parse.mask
    assert np.array_equal(opened(services, visit, "labels"), prediction)
    for rows in (4, 8, 4):
        mask = corrected(services, visit, rows)
        visit = saved(services, visit, mask)
        assert np.array_equal(opened(services, visit, "labels"), mask)
        assert np.array_equal(opened(services, visit, "prediction"), prediction)


def test_another_visit_of_the_same_photo_starts_from_the_prediction(services, visit):
    saved(services, visit, corrected(services, visit, 4))
    prediction = services.photos.get(visit.current).parse.mask
    assert np.array_equal(opened(services, visit, "labels"), prediction)


def test_the_same_mask_saved_of_two_parses_is_remembered_for_both(services, visit):
    photo = services.photos.get(visit.current)
    other = services.photos.put(photo.image, replace(photo.parse, faces=()))
    mask = corrected(services, visit, 4)
    visit = saved(services, visit, mask)
    visit = saved(services, replace(visit, keys=(other.key,), current=other.key), mask)
    visit = replace(visit, keys=(photo.key,), current=photo.key)
    assert np.array_equal(opened(services, visit, "labels"), mask)


def test_a_saved_mask_is_gone_with_its_photo(services, visit):
    visit = saved(services, visit, corrected(services, visit, 4))
    folder = services.settings.cache
    assert list(folder.rglob(f"{visit.saved[0].row.id}*"))
    PhotoCache(folder, keep_seconds=-1).sweep()
    assert list(folder.iterdir()) == []


def test_a_mask_that_cannot_be_cached_for_the_editor_is_saved(services, visit, caplog):
    """A folder in place of the file stands for a disk that is full."""
    mask = corrected(services, visit, 4)
    first = saved(services, visit, mask).saved[0].row
    kept = services.settings.cache / visit.current / f"{first.id}.png"
    kept.unlink()
    kept.mkdir()
    visit = saved(services, visit, mask)
    assert visit.saved[0].row.id == first.id
    assert "can't be kept for the editor" in caplog.text
    prediction = services.photos.get(visit.current).parse.mask
    assert np.array_equal(opened(services, visit, "labels"), prediction)
