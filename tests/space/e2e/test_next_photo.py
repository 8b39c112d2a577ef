"""Annotators correct the photos of a queue, each another one, in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from annotate.dataset.folder import FolderStore
from annotate.growth.queue import QueuedPhoto, write_queue
from annotate.rows.photo_hash import photo_hash
from space.state.examples import list_examples
from tests.space.e2e.conftest import press_save, start, stop
from tests.space.e2e.test_loop import stroke

EDITOR = "document.querySelector('#mask-editor .fme')"
REASONS = ("probably hat, 41% sure", "probably earring, 30% sure", "probably necklace, 20% sure")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three photos with secrets in their metadata."""
    folder = tmp_path_factory.mktemp("photos")
    for number, example in enumerate(list_examples()[:3]):
        secret = PngInfo()
        secret.add_text("Comment", "a secret of the photographer")
        with Image.open(example.path) as image:
            image.convert("RGB").resize((400, 400)).save(folder / f"{number}.png", pnginfo=secret)
    return folder


@pytest.fixture(scope="module")
def queue(photos, tmp_path_factory):
    """The photos in a queue, after one that is gone and one that is broken."""
    (photos / "broken.png").write_bytes(b"not a picture")
    rows = [QueuedPhoto(name, 9.0, "", 60.0, "0" * 64) for name in ("gone.png", "broken.png")]
    for number, reason in enumerate(REASONS):
        known = photo_hash(np.asarray(Image.open(photos / f"{number}.png")))
        rows.append(QueuedPhoto(f"{number}.png", 1.0, reason, 60.0, known))
    path = tmp_path_factory.mktemp("queue") / "queue.parquet"
    write_queue(rows, path)
    return path


@pytest.fixture
def app(queue, photos, tmp_path):
    running = start(tmp_path, SEGFACE_PHOTO_QUEUE=str(queue), SEGFACE_PHOTO_SOURCE=str(photos))
    yield running
    stop(running)


def opened(page):
    return page.evaluate(f"() => {EDITOR}.dataset.ready")


def next_photo(page, *, reason):
    page.get_by_role("button", name="Next photo", exact=True).click()
    sentence = f"Why this photo: {reason}."
    page.wait_for_function(
        "(text) => document.querySelector('#save-message')?.innerText.includes(text)", arg=sentence
    )
    page.wait_for_selector("#mask-editor .fme[data-state=ready]")
    return opened(page)


def test_two_visitors_get_two_photos_skip_correct_and_save(open_page, app):
    ada, bob = (open_page(url=app.url, view="correct") for _ in range(2))
    first = next_photo(ada, reason=REASONS[0])
    second = next_photo(bob, reason=REASONS[1])
    assert first != second

    ada.locator("#mask-editor .fme-view").scroll_into_view_if_needed()
    stroke(ada, (0.3, 0.1), (0.7, 0.12))
    press_save(ada)
    ada.wait_for_selector("#save-message [role=status]:has-text('Saved as')")
    third = next_photo(ada, reason=REASONS[2])  # the key does the same:
    bob.locator("#mask-editor .fme-stage canvas").first.press("Control+Enter")
    bob.wait_for_selector("#save-message [role=alert]:has-text('No other photo is left')")
    assert (opened(bob), opened(ada)) == (second, third)

    (row,) = (FolderStore(app.contributions).load(i) for i in FolderStore(app.contributions).ids())
    assert row.image.shape == (400, 400, 3)
    assert not any(b"secret" in path.read_bytes() for path in app.cache.rglob("*.*"))
    ada.get_by_role("tab", name="Parse").click()
    ada.wait_for_function(f"document.querySelector('.fv').dataset.ready === {third!r}")
    assert "2.png" not in app.log.read_text()


def test_an_app_without_a_queue_has_no_button(open_page):
    page = open_page(view="correct")
    page.wait_for_selector("#mask-editor .fme")
    assert page.get_by_role("button", name="Next photo").count() == 0
