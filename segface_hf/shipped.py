"""Which checkpoints ship with the package, by the names they are loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

EMBEDDED = "embedded"
SYNTHETIC = "synthetic"

_PACKAGE = Path(__file__).parent
SHIPPED: Mapping[str, Path] = MappingProxyType(
    {EMBEDDED: _PACKAGE / "weights", SYNTHETIC: _PACKAGE / "weights_synthetic"}
)
