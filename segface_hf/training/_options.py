"""Reading frozen dataclasses of options from plain values, and writing them back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from segface_hf.errors import ConfigError


def plain(value: Any) -> Any:
    """Turns mappings and tuples into dicts and lists, at every depth."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def read_options(kind: Any, values: Any, *, where: str) -> Any:
    """Builds a frozen dataclass from a mapping, nested ones too.

    Raises:
        ConfigError: An unknown option, or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a mapping of options, got {values!r}")
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(map(str, values)) - known)
    if unknown:
        raise ConfigError(f"{where} has no options {unknown}: choose from {sorted(known)}")
    hints = get_type_hints(kind)
    given = {
        key: read_options(hints[key], value, where=f"{where}.{key}")
        if is_dataclass(hints[key])
        else _checked(hints[key], value, f"{where}.{key}")
        for key, value in values.items()
    }
    return kind(**given)


def _checked(hint: Any, value: Any, where: str) -> Any:
    """Returns a value as its type hint wants it.

    Raises:
        ConfigError: It is of another type.
    """
    if get_origin(hint) is Mapping:
        return _mapping(get_args(hint)[1], value, where)
    if get_origin(hint) is tuple:
        return _sequence(get_args(hint), value, where)
    if hint is float:
        return _number(value, where)
    if hint is not Any and isinstance(hint, type) and type(value) is not hint:
        raise ConfigError(f"{where} is of type {hint.__name__}, got {value!r}")
    return value


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is a mapping, 'name: value', got {value!r}")
    return {str(key): _checked(hint, item, f"{where}.{key}") for key, item in value.items()}


def _sequence(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} is a list, got {value!r}")
    if hints[1:] == (...,):
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise ConfigError(f"{where} is a list of {len(hints)}, got {value!r}")
    return tuple(
        _checked(hint, item, f"{where}[{index}]")
        for index, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _number(value: Any, where: str) -> float:
    """YAML reads `1e-3` as text and `1` as a whole number; both are numbers here."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{where} is a number, got {value!r}")
    return number
