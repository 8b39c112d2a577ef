"""Reading frozen dataclasses of options from plain values, and writing them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

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
    """YAML reads `1e-3` as text and `1` as a whole number; both are numbers here."""
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where} is a number, got {value!r}") from error
    if not get_args(hint) and isinstance(hint, type) and type(value) is not hint:
        raise ConfigError(f"{where} is of type {hint.__name__}, got {value!r}")
    return value
