"""The editor in Chromium: the review of uncertain regions, and what answers a question."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ

HAIR = CELEBAMASK_HQ.id_of("hair")
SKIN = CELEBAMASK_HQ.id_of("skin")
HAT_KEY = "Shift+Digit6"


@pytest.fixture
def walk(open_editor):
    """The editor of a small face whose uncertain regions are known."""
    editor = open_editor()
    editor.page.wait_for_function(
        "document.querySelector('.fme-progress').textContent.startsWith('0 of')"
    )
    return editor


def at(editor):
    """Which region is in question; None when there is none."""
    return editor.js("fme.app.guide.active && fme.app.guide.at")


def middle(editor, region):
    """A pixel of a region."""
    return editor.js(
        "(([i]) => [i % fme.map.width, Math.floor(i / fme.map.width)])"
        "(fme.app.guide.regions[arg].indices.slice(fme.app.guide.regions[arg].indices.length / 2))",
        region,
    )


def test_a_stroke_answers_the_question_and_the_next_class_key_only_chooses(walk):
    walk.press("n")
    walk.click(*middle(walk, 0))
    assert walk.js("fme.map.done.length") == 1
    painted = walk.ids()
    walk.press(HAT_KEY)
    np.testing.assert_array_equal(walk.ids(), painted)
    assert walk.js("fme.app.nameOf(fme.state.cls)") == "hat"
    walk.press("n")
    assert at(walk) == 1


@pytest.mark.parametrize("answer", ["f", HAT_KEY, "Enter"])
def test_after_an_answer_the_next_region_comes_by_itself(walk, answer):
    walk.press("n", answer)
    assert at(walk) == 1
    assert walk.text(".fme-question").startswith("Labeled ")
    assert walk.text(".fme-progress").startswith("1 of ")


def test_a_stroke_elsewhere_leaves_the_question_for_later(walk):
    walk.press("n", "Home")
    walk.click(5, 5)
    assert at(walk) is None
    assert walk.js("fme.app.guide.decided.size") == 0


@pytest.mark.parametrize("answer", ["f", HAT_KEY])
def test_an_answer_taken_back_is_asked_again_and_done_again_is_not(walk, answer):
    walk.press("n", answer, "Control+z", "n")
    assert at(walk) == 0
    walk.press("Escape", "Control+Shift+Z", "n")
    assert at(walk) == 1


def test_a_region_of_a_locked_class_stays_a_question_and_the_lock_is_named(walk):
    start = walk.ids()
    walk.press("n")
    walk.page.click(f"[data-lock='{HAIR}']")
    for answer in ("f", HAT_KEY):
        walk.press(answer)
        assert walk.text(".fme-message") == "Nothing changed: hair is locked."
    np.testing.assert_array_equal(walk.ids(), start)
    assert at(walk) == 0
    walk.page.click(f"[data-lock='{HAIR}']")
    walk.press("f")
    assert (walk.ids() != start).any()


def test_a_brush_on_a_locked_class_says_which(walk):
    walk.page.click(f"[data-lock='{SKIN}']")
    walk.click(100, 155)
    assert walk.text(".fme-message") == "Nothing changed: skin is locked."


def test_the_key_of_the_class_that_is_there_confirms_it(walk):
    start = walk.ids()
    walk.press("n")
    label = walk.js("fme.app.guide.active.label")
    walk.press(f"Digit{label}" if label < 10 else f"Shift+Digit{label - 10}")
    assert walk.text(".fme-message") == "Confirmed."
    np.testing.assert_array_equal(walk.ids(), start)


def test_the_faint_frame_goes_on_when_its_region_is_painted_over(walk):
    assert walk.js("fme.app.guide.upcoming") == 0
    walk.js("fme.state.size = 20")
    walk.click(*middle(walk, 0))
    assert walk.js("fme.app.guide.upcoming") == 1
    walk.press("Control+z")
    assert walk.js("fme.app.guide.upcoming") == 0


def test_a_previewed_clean_up_is_discarded_when_the_review_continues(walk):
    start = walk.ids()
    walk.page.click(".fme-clean summary")
    walk.page.select_option("[data-clean=kind]", "smooth")
    walk.page.select_option("[data-clean=scope]", "all")
    walk.page.click("[data-act=clean-preview]")
    assert (walk.ids() != start).any()
    walk.press("n")
    np.testing.assert_array_equal(walk.ids(), start)
    walk.press("Enter")
    np.testing.assert_array_equal(walk.ids(), start)
    assert walk.js("[...fme.app.guide.decided]") == [0]
