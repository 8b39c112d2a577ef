"""Explanations as JSON and as a page with pictures that stands alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segface_hf.errors import OutputError
from segface_hf.explain.margin import HeadVote, Patched
from segface_hf.explain.photo import Explanation
from segface_hf.overlay import outline

_SHOWN = 8  # heads with a picture
_LISTED = 5  # rows of the other tables
_HEAT = np.array([255, 64, 0], np.float32)
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;color:#222}
figure{display:inline-block;width:220px;margin:.5rem;vertical-align:top}img{width:100%}
figcaption{font-size:.85rem}td,th{padding:.2rem .8rem;text-align:right}
td:first-child,th:first-child{text-align:left}"""


def sentence(explanation: Explanation, vote: HeadVote) -> str:
    """Says what a head does: `L1.cross.3 looks at neck and votes necklace with 0.38; ...`."""
    margin, names = explanation.margin, explanation.names
    looks = (
        "" if vote.attention is None else f"looks at {explanation.looks_at(vote.attention)} and "
    )
    side = margin.target if vote.vote >= 0 else margin.rival
    words = f"{vote.name} {looks}votes {names[side]} with {abs(vote.vote):.2f}"
    if vote.without is not None:
        words += f"; without it the margin is {vote.without:.2f}"
    return words


def as_json(explanation: Explanation, patched: Patched | None = None) -> dict[str, Any]:
    """Returns an explanation's numbers; contributions sum to the margin.

    Args:
        explanation: The explanation.
        patched: The comparison with the photo without the part, if there was one.
    """
    margin, names = explanation.margin, explanation.names
    values: dict[str, Any] = {
        "class": names[margin.target],
        "runner_up": names[margin.rival],
        "found": explanation.found,
        "margin": margin.value,
        "pixels": int(explanation.region.sum()),
        "heads": [_head(explanation, vote) for vote in margin.heads],
        "backbone": dict(margin.scales),
        "class_tokens": dict(margin.tokens),
        "constants": margin.constants,
    }
    if patched is not None:
        values["pair"] = {
            "margin_with": patched.with_part,
            "margin_without": patched.without_part,
            "recovered": dict(patched.recovered),
            "best": patched.count,
            "best_together": patched.together,
            "random_together": list(patched.random),
        }
    return values


def _head(explanation: Explanation, vote: HeadVote) -> dict[str, Any]:
    looks = None if vote.attention is None else explanation.looks_at(vote.attention)
    return {"name": vote.name, "vote": vote.vote, "looks_at": looks, "without": vote.without}


def as_fragment(explanation: Explanation, *, heads: int = 5) -> str:
    """Returns HTML for a part of a page: a sentence, the region, and the strongest heads.

    Args:
        explanation: The explanation.
        heads: How many heads are shown.
    """
    return "\n".join([_lead(explanation), _region(explanation), *_heads(explanation, heads)])


def as_page(explanation: Explanation, patched: Patched | None = None) -> str:
    """Returns an HTML page that shows the region, the strongest heads and the other parts.

    Args:
        explanation: The explanation.
        patched: The comparison with the photo without the part, if there was one.
    """
    margin = explanation.margin
    target = explanation.names[margin.target]
    title = f"Why {target}?" if explanation.found else f"Why not {target}?"
    tokens = sorted(margin.tokens.items(), key=lambda item: -abs(item[1]))[:_LISTED]
    parts = [
        f"<h1>{escape(title)}</h1>",
        _lead(explanation),
        "<p>What each part below adds to that is in logits; all parts add up to it.</p>",
        _region(explanation),
        "<h2>Attention heads</h2>",
        *_heads(explanation, _SHOWN),
        _table(("head", "logits"), [(v.name, v.vote) for v in margin.heads[: 2 * _LISTED]]),
        "<h2>Other class tokens that heads read</h2>",
        _table(("class token", "logits"), tokens),
        "<h2>Past the heads</h2>",
        _table(("part", "logits"), [*margin.scales.items(), ("constants", margin.constants)]),
    ]
    if patched is not None:
        parts += _pair(patched)
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """Returns an HTML page of parts that are HTML already."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>" + "\n".join(parts) + "</body></html>\n"
    )


def write_report(folder: Path, name: str, text: str, values: Mapping[str, Any]) -> None:
    """Writes a page and its numbers as `name`.html and `name`.json.

    Raises:
        OutputError: The folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
        numbers = json.dumps(values, indent=2) + "\n"
        (folder / f"{name}.json").write_text(numbers, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write to {folder}: {error.strerror}") from error


def _lead(explanation: Explanation) -> str:
    margin, names = explanation.margin, explanation.names
    target, rival = escape(names[margin.target]), escape(names[margin.rival])
    side = "above" if margin.value > 0 else "below"
    sentence = (
        f"In the outlined region <b>{target}</b> is {abs(margin.value):.2f} logits {side} "
        f"<b>{rival}</b>."
    )
    seen = "" if explanation.found else f"The model sees no {target} there. "
    return f"<p>{seen}{sentence}</p>"


def _region(explanation: Explanation) -> str:
    return _figure(_outlined(explanation), "What is explained")


def _heads(explanation: Explanation, count: int) -> Sequence[str]:
    """Figures of the strongest heads that look at the photo."""
    looking = [vote for vote in explanation.margin.heads if vote.attention is not None]
    return [
        _figure(_heat(explanation.crop, vote.attention), sentence(explanation, vote))
        for vote in looking[:count]
        if vote.attention is not None
    ]


def _pair(patched: Patched) -> Sequence[str]:
    random = float(np.mean(patched.random))
    best = list(patched.recovered.items())[: 2 * _LISTED]
    return [
        "<h2>Which heads carry the part</h2>",
        f"<p>The margin is {patched.with_part:.2f} with the part and {patched.without_part:.2f} "
        f"without it. Given what they read with the part, the best {patched.count} heads bring "
        f"back {patched.together:.0%} of the difference, {patched.count} random heads "
        f"{random:.0%} on average.</p>",
        _table(("head", "share brought back"), best),
    ]


def _table(heads: tuple[str, str], rows: Sequence[tuple[str, float]]) -> str:
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{value:+.3f}</td></tr>" for name, value in rows
    )
    return f"<table><tr><th>{heads[0]}</th><th>{heads[1]}</th></tr>{cells}</table>"


def _figure(picture: Image.Image, caption: str) -> str:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _outlined(explanation: Explanation) -> Image.Image:
    pixels = explanation.crop.copy()
    pixels[outline(explanation.region.astype(np.uint8))] = (255, 255, 0)
    return Image.fromarray(pixels)


def _heat(crop: np.ndarray, attention: np.ndarray) -> Image.Image:
    """A crop with a head's attention over it."""
    side = len(crop)
    strength = Image.fromarray((attention / attention.max()).astype(np.float32))
    share = np.asarray(strength.resize((side, side), Image.Resampling.BILINEAR))[..., None]
    gray = crop.mean(-1, keepdims=True) * 0.7
    return Image.fromarray((gray * (1 - share) + _HEAT * share).clip(0, 255).astype(np.uint8))
