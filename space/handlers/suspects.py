"""Ranks rows that wait for review: those whose masks are probably wrong come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from PIL import Image

from annotate.correction import Correction
from annotate.errors import ReviewError
from annotate.growth.suspects import JudgedRow
from annotate.growth.suspects import judge as compare_masks
from segface_hf.checkpoints.files import EMBEDDED
from segface_hf.evaluation.suspects import SUSPECT, Suspicion
from segface_hf.labels import title
from space.handlers.services import Services

Row = TypeVar("Row", int, str)


def judge_in_background(
    services: Services, rows: Mapping[Row, str], load: Callable[[Row], Correction | None]
) -> None:
    """Has the rows of a list judged that were not judged yet.

    On ZeroGPU nothing is judged: there, models run only while a visitor waits.

    Args:
        services: What the app runs on.
        rows: Content ids by the name under which a row is listed, those first that are looked at
            first.
        load: Reads a row; returns None where it is invalid.
    """
    if not services.settings.zero_gpu:
        for name, content_id in rows.items():
            judge = partial(_judged, services, load, name)
            services.suspects.ask(name, judge, content_id=content_id)


def judge_first(services: Services, name: int | str, correction: Correction | None) -> None:
    """Has a row that is looked at judged before the others, unless it was judged."""
    if correction is not None and not services.settings.zero_gpu:
        judge = partial(judge_row, services, correction)
        services.suspects.ask(name, judge, content_id=correction.content_id, first=True)


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
            return compare_masks(
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
    return f"Suspected: {'; '.join(_by_kind(row.found))}."


def _by_kind(found: Sequence[Suspicion]) -> list[str]:
    """Returns each kind of mistake that is suspected with its parts, the surest first."""
    kinds: dict[str, list[str]] = {}
    for each in found:
        if each.score >= SUSPECT:
            parts = " and ".join(title(part) for part in each.part.split(" and "))
            kinds.setdefault(each.kind, []).append(parts)
    return [f"{kind} ({', '.join(dict.fromkeys(parts))})" for kind, parts in kinds.items()]
