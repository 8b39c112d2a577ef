"""Class names: the part and the side that a name stands for, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import MappingProxyType

_WORDS = re.compile(r"[\W_]+")
_SIDES: Mapping[str, str] = MappingProxyType({"l": "l", "left": "l", "r": "r", "right": "r"})
_ALSO: Mapping[str, str] = MappingProxyType(
    {"upper_lip": "u_lip", "lower_lip": "l_lip", "l_eyebrow": "l_brow", "r_eyebrow": "r_brow"}
)


@cache
def common_name(name: str) -> str:
    """Returns a class name as the built-in schemas write it: `Left Eye` and `eye-l` are `l_eye`."""
    words = [word for word in _WORDS.split(name.lower()) if word]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    text = "_".join([*sides, *(word for word in words if word not in _SIDES)])
    return _ALSO.get(text, text)


def ids_named(names: Sequence[str], wanted: Collection[str]) -> tuple[int, ...]:
    """Returns the ids of classes that are among the wanted ones, by their common names."""
    return tuple(index for index, name in enumerate(names) if common_name(name) in wanted)


def side_of(name: str) -> str | None:
    """Returns `l` or `r` where one word of a name says so, `left eye` or `r_eye`, else None."""
    sides = {_SIDES[word] for word in _WORDS.split(name.lower()) if word in _SIDES}
    return sides.pop() if len(sides) == 1 else None


def sided_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Returns the ids (left, right) of classes whose names differ in their side alone."""
    ids = {common_name(name): index for index, name in enumerate(names) if side_of(name)}
    return tuple(
        (index, ids[f"r_{name[2:]}"])
        for name, index in ids.items()
        if name.startswith("l_") and f"r_{name[2:]}" in ids
    )
