"""The atlas of heads as JSON and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from segface_hf.evaluation.scores import number
from segface_hf.explain.atlas import Atlas, Match
from segface_hf.explain.report import page

_LISTED = 10
_SIGNIFICANT = 0.01


def atlas_json(atlas: Atlas) -> dict[str, Any]:
    """Returns every number of an atlas."""
    lost, interval = atlas.best_lost
    return {
        "photos": atlas.photos,
        "retrieval": _by_head(atlas, atlas.retrieval),
        "lost_f1": _by_head(atlas, atlas.lost),
        "mirror": _matches(atlas.mirror),
        "successor": _matches(atlas.successor),
        "best": {"heads": list(atlas.best), "lost_mean_f1": lost, "interval": list(interval)},
        "random_lost_mean_f1": list(atlas.random_lost),
    }


def _by_head(atlas: Atlas, table: np.ndarray) -> dict[str, dict[str, float | None]]:
    return {
        head: {name: number(value) for name, value in zip(atlas.classes, row, strict=True)}
        for head, row in zip(atlas.heads, table, strict=True)
    }


def _matches(found: Mapping[str, Match]) -> dict[str, dict[str, float]]:
    return {head: {"share": m.share, "p_value": m.p_value} for head, m in found.items()}


def findings(atlas: Atlas) -> list[str]:
    """Returns what an atlas shows, one sentence each; null results too."""
    lost, (low, high) = atlas.best_lost
    random = np.array(atlas.random_lost)
    return [
        f"Without {', '.join(atlas.best)} together, mean F1 falls by {lost:.3f} ({low:.3f} to "
        f"{high:.3f}); without {len(atlas.best)} random heads by {random.mean():.3f} "
        f"(at most {random.max():.3f} in {len(random)} draws).",
        _pairing("from a part to its mirror image", atlas.mirror),
        _pairing("from a part to the next one down the face", atlas.successor),
    ]


def _pairing(words: str, found: Mapping[str, Match]) -> str:
    # One of so many heads reaches a small p-value by chance, so each is held to a smaller one.
    sure = [head for head, m in found.items() if m.p_value < _SIGNIFICANT / max(1, len(found))]
    if not sure:
        return f"None of {len(found)} heads among class tokens leads {words} beyond chance."
    return f"Lead {words} beyond chance: {', '.join(sure)}."


def atlas_page(atlas: Atlas) -> str:
    """Returns an HTML page with what was found, and the strongest heads of each class."""
    parts = ["<h1>Attention heads</h1>", f"<p>On {atlas.photos} photos.</p>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in findings(atlas)]
    parts += [
        "<h2>What each class looks with</h2>",
        "<p>The head with the largest share of attention on the class, minus its area; and the "
        "head without which the class loses most F1.</p>",
        _table(("class", "looks with", "on the class", "needs", "F1 lost"), _classes(atlas)),
        "<h2>Heads that cost most</h2>",
        _table(("head", "mean F1 lost"), _costs(atlas)),
    ]
    return page("Attention heads", parts)


def _classes(atlas: Atlas) -> Sequence[Sequence[str]]:
    rows = []
    for index, name in enumerate(atlas.classes):
        if np.isnan(atlas.retrieval[:, index]).all():
            continue
        looks = int(np.nanargmax(atlas.retrieval[:, index]))
        needs = int(np.nanargmax(atlas.lost[:, index]))
        share, lost = atlas.retrieval[looks, index], atlas.lost[needs, index]
        rows.append((name, atlas.heads[looks], f"{share:.2f}", atlas.heads[needs], f"{lost:.3f}"))
    return rows


def _costs(atlas: Atlas) -> Sequence[Sequence[str]]:
    means = np.nanmean(atlas.lost[:, 1:], axis=1)
    return [(atlas.heads[i], f"{means[i]:.4f}") for i in np.argsort(-means)[:_LISTED]]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
