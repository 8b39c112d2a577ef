"""Ranks rows that wait for review: those whose masks are probably wrong come first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from PIL import Image

from annotate.correction import Correction
from annotate.errors import ReviewError
from annotate.growth.suspects import JudgedRow, judge
from segface_hf.checkpoints.files import EMBEDDED
from segface_hf.evaluation.suspects import Suspicion
from segface_hf.labels import title
from space.handlers.services import Services

Row = TypeVar("Row", int, str)
_SHOWN = 3


def judge_in_background(
    services: Services, names: Sequence[Row], load: Callable[[Row], Correction | None]
) -> None:
    """Has the rows of a list judged that were not judged yet.

    On ZeroGPU nothing is judged: there, models run only while a visitor waits.

    Args:
        services: What the app runs on.
        names: Of the rows, those first that are looked at first.
        load: Reads a row; returns None where it is invalid.
    """
    if not services.settings.zero_gpu:
        for name in names:
            services.suspects.ask(name, partial(_judged, services, load, name))


def judge_again(services: Services, name: int | str, correction: Correction | None) -> None:
    """Has a row that is looked at judged first, unless exactly this row was judged."""
    known = services.suspects.known(name)
    if correction is None or services.settings.zero_gpu:
        return
    if known is None or known.content_id != correction.content_id:
        services.suspects.ask(name, partial(judge_row, services, correction), again=True)


def _judged(services: Services, load: Callable[[Row], Correction | None], name: Row) -> JudgedRow:
    correction = load(name)
    if correction is None:
        raise ReviewError(f"{name} can't be judged: its row is invalid")
    return judge_row(services, correction)


def judge_row(services: Services, correction: Correction) -> JudgedRow:
    """Parses the photo of a row with the embedded checkpoint and compares its mask with the parse.

    Where the embedded checkpoint has other classes, the app's first model judges.

    Raises:
        ReviewError: Both have other classes than the row.
        CheckpointError: A model can't be loaded.
    """
    for model in dict.fromkeys((EMBEDDED, services.settings.model)):
        if services.models.get(model).schema == correction.schema:
            return judge(
                correction, services.models.parse(model, Image.fromarray(correction.image))
            )
    raise ReviewError(f"no model here has the classes of '{correction.schema.name}'")


def ranked(services: Services, found: Sequence[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Returns a list with suspects first, the surest first, each with what is suspected."""
    first, later = [], []
    for label, name in found:
        row = services.suspects.known(name)
        if row is not None and row.is_suspect:
            first.append((row.score, f"{label}, suspected: {row.found[0].kind}", name))
        else:
            later.append((label, name))
    first.sort(key=lambda each: -each[0])
    return [(label, name) for _, label, name in first] + later


def suspicion_sentence(services: Services, name: int | str) -> str:
    """Says what is suspected in a row; empty where it can't be judged."""
    row = services.suspects.known(name)
    if row is None:
        waits = services.suspects.is_pending(name)
        return "The mask is being compared with the model's parse." if waits else ""
    if not row.content_id:
        return ""
    if not row.is_suspect:
        return "The model suspects no mistake."
    return f"Suspected: {'; '.join(map(_described, row.found[:_SHOWN]))}."


def _described(found: Suspicion) -> str:
    parts = " and ".join(title(part) for part in found.part.split(" and "))
    return f"{found.kind} ({parts}, score {found.score:.2f})"
