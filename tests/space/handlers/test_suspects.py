"""Review ranks rows by what the embedded checkpoint suspects, without waiting for it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from annotate.correction import Correction, ModelUsed
from annotate.growth.suspects import JudgedRow
from annotate.label_maps import swapped
from segface_hf.errors import LabelError
from segface_hf.evaluation.suspects import EXCHANGED, Suspicion
from segface_hf.labels import CELEBAMASK_HQ, LAPA
from space.handlers.suspects import judge_first, judge_in_background, ranked, suspicion_sentence
from space.state.suspects import MOST_WAITING, Suspects
from tests.space.conftest import noise


def suspect(name, score):
    return JudgedRow(name, (Suspicion(EXCHANGED, "l_eye and r_eye", score, (0, 0, 1, 1)),))


def wait(suspects):
    for _ in range(300):
        if not suspects.pending:
            return
        time.sleep(0.02)
    raise AssertionError("rows still wait")


@pytest.fixture
def row(services):
    """A row as the model here parses it, and the same with left and right exchanged."""
    image = noise(64, 64)
    seen = services.models.parse("embedded", image).mask

    def of(mask, schema=CELEBAMASK_HQ):
        return Correction(
            image=np.asarray(image), mask=mask, prediction=mask, schema=schema,
            model=ModelUsed("embedded"),
        )  # fmt: skip

    wrong = swapped(seen, CELEBAMASK_HQ.mirror_ids)
    return {"good": of(seen), "wrong": of(wrong), "other": of(np.minimum(seen, 1), LAPA)}


def test_suspects_come_first_and_say_what_is_suspected(services, row):
    found = [("good", "good"), ("other", "other"), ("wrong", "wrong")]
    assert ranked(services, found) == found
    judge_in_background(services, dict(found), row.get)
    wait(services.suspects)
    wrong = ("wrong, suspected: left and right exchanged", "wrong")
    assert ranked(services, found) == [wrong, *found[:2]]
    assert suspicion_sentence(services, "wrong") == (
        "Suspected: left and right exchanged (left eye and right eye)."
    )
    assert suspicion_sentence(services, "good") == "The model suspects no mistake."
    assert suspicion_sentence(services, "other") == ""
    assert suspicion_sentence(services, "unknown") == ""


def test_the_surest_suspect_is_first(services):
    for name, score in (("a", 0.6), ("b", 0.9), ("c", 0.1)):
        services.suspects.ask(name, lambda name=name, score=score: suspect(name, score))
    wait(services.suspects)
    assert [name for _, name in ranked(services, [("", n) for n in "cab"])] == ["b", "a", "c"]


def test_a_row_that_changed_is_judged_again_when_it_is_looked_at(services, row):
    services.suspects.ask(1, lambda: suspect("0" * 32, 0.9))
    wait(services.suspects)
    judge_first(services, 1, row["good"])
    wait(services.suspects)
    assert services.suspects.known(1).content_id == row["good"].content_id
    judge_first(services, 1, row["good"])
    assert services.suspects.pending == 0


def test_judging_never_blocks_and_only_so_many_rows_wait():
    suspects, go = Suspects(), threading.Event()

    def slow():
        assert go.wait(10)
        return suspect("x", 0.9)

    for number in range(MOST_WAITING + 20):
        suspects.ask(number, slow)
    assert suspects.pending == MOST_WAITING
    suspects.ask("looked at", slow, first=True)
    assert suspects.pending == MOST_WAITING
    assert suspects.is_pending("looked at")
    go.set()
    wait(suspects)
    assert suspects.known("looked at")
    assert suspects.known(MOST_WAITING) is None


def test_a_row_that_cannot_be_read_ends_no_thread(services):
    def broken():
        raise LabelError("no")

    def unexpected():
        raise ZeroDivisionError

    suspects = services.suspects
    for name, judge in (("a", broken), ("b", unexpected), ("c", lambda: suspect("c", 0.9))):
        suspects.ask(name, judge)
    wait(suspects)
    assert suspects.known("c").is_suspect
    assert suspicion_sentence(services, "a") == suspicion_sentence(services, "b") == ""
