"""Saved rows: who sees them, and what becomes of one that is opened again or deleted."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.dataset.folder import FolderStore
from annotate.errors import StoreError
from annotate.outbox.queue import Outbox, State
from annotate.outbox.sender import Sender
from space.handlers.parse import Batch, Request, parse_photo
from space.handlers.save import save_correction
from space.handlers.saved import (
    delete_saved,
    list_saved,
    load_saved,
    open_saved,
    saved_photo,
)
from space.handlers.visit import Visit
from space.state.saving import HubCorrections
from space.ui.review_folder import look, row_choices
from tests.space.conftest import CONSENT, WHO, noise, payload_of
from tests.space.session import Session

HAT = 16


@pytest.fixture
def hub_services(services, tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    settings = replace(services.settings, dataset="owner/faces")
    corrections = HubCorrections(outbox, Sender(outbox, "owner/faces"))
    return replace(services, settings=settings, corrections=corrections)


def saved(services, photo_file, visit=None):
    """Returns a visit that has saved a photo with a hat, and the row's id."""
    parsed = parse_photo(services, photo_file(noise()), request=Request("visitor", "embedded"))
    visit = (visit or Visit()).opened(Batch((parsed,)))
    mask = parsed.photo.parse.mask.copy()
    mask[:4, :6] = HAT
    payload = payload_of(visit.current, mask)
    result = save_correction(services, payload, form=CONSENT, who=WHO)
    return visit.received(result, WHO, CONSENT), result.row.id


def test_saved_rows_are_listed_with_a_picture_in_this_visit_and_the_next(services, photo_file):
    visit, row = saved(services, photo_file)
    (now,) = list_saved(services, visit)
    (later,) = list_saved(services, Visit())
    assert now.id == later.id == row
    assert now.changes == "hat 24"
    assert later.changes == "24 pixels corrected"
    assert now.picture == later.picture
    assert now.picture.startswith("data:image/webp;base64,")


@pytest.mark.parametrize("place", [{"space_id": "owner/demo"}, {"host": "0.0.0.0"}])
def test_in_a_shared_app_a_visitor_sees_and_deletes_only_own_rows(services, photo_file, place):
    visit, row = saved(services, photo_file)
    shared = replace(services, settings=replace(services.settings, **place))
    assert [item.id for item in list_saved(shared, visit)] == [row]
    assert list_saved(shared, Visit()) == []
    for act in (load_saved, open_saved, delete_saved):
        with pytest.raises(StoreError, match="not saved from this page"):
            act(shared, Visit(), row)
    assert row_choices(shared) == []
    assert "is deleted" in delete_saved(shared, visit, row)


def test_a_deleted_row_is_gone_from_the_folder_and_can_be_saved_again(services, photo_file):
    visit, row = saved(services, photo_file)
    assert delete_saved(services, visit, row) == f"{row[:8]} is deleted."
    store = FolderStore(services.settings.contributions)
    assert store.ids() == ()
    assert list_saved(services, visit.deleted(row)) == []
    with pytest.raises(StoreError):
        delete_saved(services, visit, row)
    assert saved(services, photo_file)[1] == row
    assert store.ids() == (row,)


def test_a_row_of_an_earlier_visit_opens_with_its_mask_and_its_prediction(services, photo_file):
    visit, row = saved(services, photo_file)
    before = services.photos.get(visit.current).parse
    parsed = open_saved(services, Visit(), row)
    again = Visit().opened_saved(parsed, row)
    assert np.array_equal(parsed.photo.parse.mask, before.mask)
    assert again.editing == again.current == parsed.photo.key
    assert (
        services.photos.mask(again.current, again.corrected[again.current])[:4, :6] == HAT
    ).all()
    assert (saved_photo(services, Visit(), row).parse.mask[:4, :6] == HAT).all()


def test_a_row_of_this_visit_opens_as_the_photo_that_is_still_there(services, photo_file):
    visit, row = saved(services, photo_file)
    assert open_saved(services, visit, row).photo.key == visit.current


def test_a_row_that_waits_for_the_hub_can_be_deleted_and_one_that_was_sent_cannot(
    hub_services, photo_file
):
    visit, row = saved(hub_services, photo_file)
    queue = hub_services.corrections.outbox.queue(WHO.key)
    (item,) = list_saved(hub_services, visit)
    assert item.is_here
    queue.note(replace(queue.entry(row), state=State.PROPOSED, number=3))
    with pytest.raises(StoreError, match="Pull request #3 is open"):
        delete_saved(hub_services, visit, row)
    queue.note(replace(queue.entry(row), state=State.WAITING, reason="sign in"))
    delete_saved(hub_services, visit, row)
    assert not queue.knows(row)
    with pytest.raises(StoreError):
        load_saved(hub_services, Visit(queues=("session:" + "0" * 32,)), row)


def test_the_buttons_of_a_row_open_it_in_the_editor_and_delete_it(
    services, photo_file, tmp_path, monkeypatch
):
    _, row = saved(services, photo_file)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = Session(services)
    assert row[:8] in page.fire("ui.contribute.on_look")["receipts"]
    page.fire("ui.contribute.on_reopen", event={"id": row})
    assert page.values["mask-editor"]["id"] == page.values["parse-view"]["photos"][0]["id"]
    updates = page.fire("ui.contribute.on_remove", event={"id": row})
    assert f"{row[:8]} is deleted." in updates["saved-message"]
    assert "Nothing is saved yet" in updates["receipts"]


def test_a_maintainer_reviews_the_rows_of_a_folder_as_pictures(services, photo_file):
    _, row = saved(services, photo_file)
    ((label, content_id),) = row_choices(services)
    assert content_id == row
    assert "24 px changed" in label
    pictures, report = look(services, row)
    assert [name for _, name in pictures] == ["photo", "prediction", "correction", "difference"]
    assert "<td>hat</td><td>0</td><td>24</td>" in report
    assert "own, agreed" in report
    assert "The automatic checks noticed nothing." in report
