"""One visit: what its events do to each other, also while photos are being parsed."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from annotate.dataset.folder import FolderStore
from annotate.errors import WireError
from space.handlers.visit import Visit
from space.ui.downloads import as_edited
from tests.space.conftest import noise, payload_of
from tests.space.session import Session

STATEMENTS = {
    "right": "licensed",
    "people": "agreed",
    "photo-license": "CC BY 2.0",
    "agrees": True,
    "source": "https://a.example/photo-a",
}
BLANK = {"right": None, "people": None, "photo-license": "", "agrees": False, "source": ""}


@pytest.fixture
def page(services, tmp_path, monkeypatch):
    """A page that is open."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return Session(services)


@pytest.fixture
def chosen(tmp_path):
    """Returns what the drop holds when photos are chosen, each as wide as is said."""

    def value(*widths):
        for width in widths:
            noise(width, 80, seed=width).save(tmp_path / f"{width}.png")
        return {"files": [{"path": str(tmp_path / f"{width}.png")} for width in widths]}

    return value


def opened(page, drop):
    """Uploads photos and returns their keys."""
    page.fire("ui.parse.on_photos", drop=drop)
    return shown(page)


def shown(page):
    return [photo["id"] for photo in page.values["parse-view"]["photos"]]


def downloaded_width(page):
    with Image.open(page.values["download-file"]["path"]) as image:
        return image.width


def saved(page, services, key, **statements):
    """Saves a photo with a corner changed; returns the updates of the page."""
    mask = services.photos.get(key).parse.mask.copy()
    mask[:4, :6] = 16
    given = STATEMENTS | statements
    return page.fire("ui.correct.on_save", event=payload_of(key, mask), **given)["save-message"]


def gone(services, key):
    shutil.rmtree(services.settings.cache / key)


def test_a_photo_can_be_picked_while_others_are_parsed(page, chosen):
    keys = opened(page, chosen(91, 92, 93))
    parsing = page.begin("ui.parse.on_photos", drop=chosen(94, 95, 96))
    next(parsing)
    page.fire("ui.parse.on_picked", event={"id": keys[2]})
    next(parsing)
    page.fire("ui.downloads.on_wanted", event={"kind": "mask", "id": keys[2]})
    page.fire("ui.app.on_open")
    assert downloaded_width(page) == 93
    assert page.values["mask-editor"]["id"] == keys[2]
    list(parsing)
    page.fire("ui.app.on_open")
    assert page.values["mask-editor"]["id"] == shown(page)[0] not in keys


def test_a_download_holds_what_was_saved_and_says_of_which_photo_it_is(page, services, chosen):
    first, _ = opened(page, chosen(91, 92))
    before = page.values["parse-view"]["photos"]
    saved(page, services, first)
    page.fire("ui.parse.on_saved")
    page.fire("ui.downloads.on_wanted", event={"kind": "mask", "id": first})
    file = page.values["download-file"]
    with Image.open(file["path"]) as image:
        assert (np.asarray(image)[:4, :6] == 16).all()
    called = json.loads(page.values["download-name"])
    assert called == {"id": first, "name": "mask.png", "named": False}
    assert [photo["given"] for photo in before] == [0, 1]
    shown_first, shown_second = page.values["parse-view"]["photos"]
    assert "the mask that you saved" in shown_first["note"]
    assert "the mask that you saved" not in shown_second["note"]
    assert {row["name"]: row["area"] for row in shown_first["classes"]}["hat"] == 24


def test_the_mask_in_the_editor_is_downloaded_as_it_is_saved_or_not(page, services, chosen):
    (key,) = opened(page, chosen(91))
    photo = services.photos.get(key)
    mask = photo.parse.mask.copy()
    mask[:4, :6] = 16
    edited = as_edited(services, Visit(), payload_of(key, mask))
    assert np.array_equal(edited.parse.mask, mask)
    with pytest.raises(WireError):
        as_edited(services, Visit(), {**payload_of(key, mask), "crc": 1})


def test_downloads_and_corrections_use_the_photo_that_the_page_names(page, chosen):
    keys = opened(page, chosen(91, 92))
    page.fire("ui.downloads.on_wanted", event={"kind": "mask", "id": keys[1]})
    assert downloaded_width(page) == 92
    page.fire("ui.app.on_correct", event={"id": keys[1]})
    page.fire("ui.app.on_open")
    assert page.values["mask-editor"]["id"] == keys[1]


def test_a_photo_that_the_editor_failed_to_open_is_sent_again(page, chosen):
    first, second = opened(page, chosen(91, 92))
    page.fire("ui.app.on_open")
    page.fire("ui.app.on_correct", event={"id": second})
    page.fire("ui.app.on_open")
    assert page.fire("ui.app.on_open") == {}
    page.fire("ui.correct.on_unopened", event={"id": first})  # late: another is open by now
    assert page.fire("ui.app.on_open") == {}
    page.fire("ui.correct.on_unopened", event={"id": second})
    assert page.fire("ui.app.on_open")["mask-editor"]["id"] == second


def test_going_back_from_a_photo_that_cannot_be_shown_keeps_its_message(page, services, chosen):
    first, second = opened(page, chosen(91, 92))
    gone(services, second)
    answer = page.fire("ui.parse.on_picked", event={"id": second})
    assert "no longer open" in answer["parse-message"]
    answer = page.fire("ui.parse.on_picked", event={"id": first, "back": True})
    assert "parse-message" not in answer
    assert "parse-message" in page.fire("ui.parse.on_picked", event={"id": first})


@pytest.mark.parametrize("mended", ["on_reopened", "on_restored"])
def test_the_editor_keeps_its_photo_after_another_failed(page, chosen, mended):
    (key,) = opened(page, chosen(91))
    page.fire("ui.app.on_open")
    page.fire("ui.correct.on_unopened", event={"id": key})
    page.fire(f"ui.correct.{mended}", event={"id": key})
    assert page.fire("ui.app.on_open") == {}


@pytest.mark.parametrize(
    "event", ["ui.downloads.on_wanted", "ui.app.on_correct", "ui.parse.on_picked"]
)
def test_a_photo_of_another_page_is_neither_downloaded_nor_opened(page, services, chosen, event):
    (other,) = opened(Session(services), chosen(91))
    opened(page, chosen(92))
    answer = page.fire(event, event={"kind": "mask", "id": other})
    assert "not open on this page" in answer["parse-message"]
    assert not answer.get("download-file")


def test_rows_saved_while_photos_are_parsed_stay_listed(page, services, chosen):
    (key,) = opened(page, chosen(91))
    parsing = page.begin("ui.parse.on_photos", drop=chosen(94, 95))
    next(parsing)
    assert "24 pixels corrected" in saved(page, services, key)
    list(parsing)
    assert "hat 24" in page.fire("ui.contribute.on_look")["receipts"].lower()


def test_a_slow_save_does_not_change_the_open_photo(page, services, chosen, monkeypatch):
    keys = opened(page, chosen(91, 92))
    keep = type(services.corrections).save

    def slow(self, *args, **kwargs):
        page.fire("ui.parse.on_picked", event={"id": keys[1]})
        return keep(self, *args, **kwargs)

    monkeypatch.setattr(type(services.corrections), "save", slow)
    saved(page, services, keys[0])
    page.fire("ui.app.on_open")
    assert page.values["mask-editor"]["id"] == keys[1]


def test_two_overlapping_saves_have_one_contributor(page, services, chosen, monkeypatch):
    (key,) = opened(page, chosen(91))
    keep, savers = type(services.corrections).save, []

    def slow(self, correction, *, who):
        savers.append(who)
        if len(savers) == 1:
            saved(page, services, key)
        return keep(self, correction, who=who)

    monkeypatch.setattr(type(services.corrections), "save", slow)
    assert "Already saved" in saved(page, services, key)
    assert savers[0] == savers[1]


def test_a_save_during_a_parse_gives_the_browser_the_secret_of_its_queue(
    with_settings, chosen, tmp_path, monkeypatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    services = with_settings(dataset="owner/faces")
    page = Session(services)
    (key,) = opened(page, chosen(91))
    parsing = page.begin("ui.parse.on_photos", drop=chosen(94, 95))
    next(parsing)
    saved(page, services, key)
    list(parsing)
    (secret,) = page.fire("ui.contribute.on_saved", browserstate=[])["browserstate"]
    assert secret.startswith("session:")


def test_every_photo_that_opens_in_the_editor_needs_statements_of_its_own(page, services, chosen):
    first, second = opened(page, chosen(91, 92))
    page.fire("ui.app.on_open")
    saved(page, services, first)
    page.fire("ui.parse.on_picked", event={"id": second})
    updates = page.fire("ui.app.on_open")
    assert {name: updates[name] for name in BLANK} == BLANK
    kept = saved(page, services, second, **{**BLANK, "right": "own", "agrees": True})
    assert "on this machine only" in kept
    assert "Who is in it?" in kept
    saved(page, services, second, **{**BLANK, "right": "own", "people": "public", "agrees": True})
    store = FolderStore(services.settings.contributions)
    given = {
        (row.image.shape[1], row.consent.people, row.consent.photo_license, row.source)
        for row in map(store.load, store.ids())
    }
    assert given == {
        (91, "agreed", "CC BY 2.0", STATEMENTS["source"]),
        (92, "public", "", ""),
    }


def test_one_press_repeats_the_previous_statements(page, services, chosen):
    first, second = opened(page, chosen(91, 92))
    assert page.fire("ui.app.on_open")["again is visible"] is False
    saved(page, services, first)
    page.fire("ui.parse.on_picked", event={"id": second})
    assert page.fire("ui.app.on_open")["again is visible"] is True
    answer = page.fire("ui.correct._stated_again")
    assert {name: answer[name] for name in STATEMENTS if name != "source"} == {
        name: value for name, value in STATEMENTS.items() if name != "source"
    }
    assert "source" not in answer  # where a photo comes from is its own


def test_a_view_opens_once_and_late_answers_change_nothing(page, services, chosen, monkeypatch):
    opened(page, chosen(91))
    get, late = type(services.photos).get, []

    def slow(self, key):
        if not late:
            late.append(None)
            late[0] = page.fire("ui.app.on_open")
        return get(self, key)

    monkeypatch.setattr(type(services.photos), "get", slow)
    first = page.fire("ui.app.on_open")
    assert late == [{}]
    assert {name: first[name] for name in BLANK} == BLANK


def test_statements_stay_while_the_same_photo_is_in_the_editor(page, chosen):
    opened(page, chosen(91))
    page.fire("ui.app.on_open")
    assert page.fire("ui.app.on_open") == {}


def test_an_expired_photo_can_be_opened_again_for_correction(page, services, chosen):
    (key,) = opened(page, chosen(91))
    gone(services, key)
    answer = page.fire("ui.app.on_open")
    assert "no longer open here" in answer["save-message"]
    assert answer.keys() <= {"save-message", "save-message is visible"}
    assert opened(page, chosen(91)) == [key]
    assert page.fire("ui.app.on_open")["mask-editor"]["id"] == key
    assert page.values["save-message"] == ""


def test_a_gone_photo_does_not_block_the_others(page, services, chosen):
    first, second, third = opened(page, chosen(91, 92, 93))
    page.fire("ui.parse.on_picked", event={"id": second})
    gone(services, first)
    answer = page.fire("ui.models.on_compare", model="synthetic")
    assert "synthetic differs in" in answer["parse-message"]
    view = page.values["parse-view"]
    assert shown(page) == [second, third]
    assert [bool(photo["other"]) for photo in view["photos"]] == [True, False]


def test_a_gone_photo_cannot_be_picked_and_the_previous_one_is_shown(page, services, chosen):
    first, second = opened(page, chosen(91, 92))
    page.fire("ui.parse.on_picked", event={"id": second})
    gone(services, first)
    answer = page.fire("ui.parse.on_picked", event={"id": first})
    assert "no longer open here" in answer["parse-message"]
    assert (shown(page), page.values["parse-view"]["current"]) == ([second], 0)
    page.fire("ui.app.on_open")
    assert page.values["mask-editor"]["id"] == second


def test_parsing_again_keeps_the_photo_that_was_picked_meanwhile(page, chosen, services):
    first, second = opened(page, chosen(91, 92))
    parse = type(services.models).parse

    def slow(self, *args, **kwargs):
        page.fire("ui.parse.on_picked", event={"id": second})
        return parse(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(services.models), "parse", slow)
        page.fire("ui.parse.on_whole")
    assert page.values["parse-view"]["current"] == 1
    assert shown(page)[1] == second
    assert np.all(shown(page)[0] != first)


def test_the_next_photo_is_one_without_a_save_and_has_an_empty_form(page, services, chosen):
    first, second, third = opened(page, chosen(91, 92, 93))
    assert page.fire("ui.app.on_open")["following"] == "Next photo (3 of 3 not saved yet)"
    assert saved(page, services, first)
    assert page.values["following"] == "Next photo (2 of 3 not saved yet)"
    walked = []
    for _ in range(3):
        answer = page.fire("ui.next_photo.on_next")
        assert {name: answer[name] for name in BLANK} == BLANK
        walked.append(answer["mask-editor"]["id"])
        assert answer["parse-view"]["photos"][answer["parse-view"]["current"]]["id"] == walked[-1]
    assert walked == [second, third, second]
    gone(services, third)
    assert page.fire("ui.next_photo.on_next")["mask-editor"]["id"] == first
    assert page.fire("ui.app.on_open") == {}


def test_a_single_photo_has_no_next_one(page, chosen):
    opened(page, chosen(91))
    assert page.fire("ui.app.on_open")["following is visible"] is False
    assert page.fire("ui.next_photo.on_next") == {}
