"""Names of sides: which class names say left and right, and which belong together by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_WORDS = re.compile(r"[\W_]+")
_SHORT: Mapping[str, str] = MappingProxyType({"left": "l", "right": "r"})


def side_of(name: str) -> str | None:
    """Returns `l` or `r` where one word of a name says so, `left eye` or `r_eye`, else None."""
    sides = {word for word in _words(name) if word in ("l", "r")}
    return sides.pop() if len(sides) == 1 else None


def sided_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Returns the ids (left, right) of classes whose names differ in their side alone."""
    ids = {(side_of(name), _without_side(name)): index for index, name in enumerate(names)}
    return tuple(
        (index, ids["r", rest])
        for (side, rest), index in ids.items()
        if side == "l" and ("r", rest) in ids
    )


def _words(name: str) -> list[str]:
    words = [word for word in _WORDS.split(name.lower()) if word]
    return [_SHORT.get(word, word) for word in words]


def _without_side(name: str) -> tuple[str, ...]:
    return tuple(word for word in _words(name) if word not in ("l", "r"))
