"""Constants of classes and factors of attention heads: small changes without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segface_hf.errors import ConfigError
from segface_hf.modeling.segface import SegFace


def with_class_bias(model: SegFace, bias: Mapping[str, float]) -> SegFace:
    """Returns a copy of the model whose configuration adds constants to class logits.

    Choose them on photos that were not trained on. Classes that are not named keep theirs.

    Args:
        model: Not changed.
        bias: Class name -> the new constant, which replaces the old one; negative constants make
            a class rarer.

    Raises:
        LabelError: The model lacks a class.
    """
    labels = model.config.labels
    values = list(model.config.class_bias or [0.0] * labels.num_classes)
    for name, value in bias.items():
        values[labels.id_of(name)] = value
    return _with(model, class_bias=tuple(values))


def with_head_scales(model: SegFace, scales: Mapping[str, float]) -> SegFace:
    """Returns a copy of the model whose configuration scales the output of attention heads.

    Choose them on photos that were not trained on. Heads that are not named keep their factor.

    Args:
        model: Not changed.
        scales: Name of a head, one of `config.head_names` -> its new factor; 0 switches the head
            off and 1 leaves it as it was trained.

    Raises:
        ConfigError: The model lacks a head.
    """
    known = model.config.head_names
    for name in scales:
        if name not in known:
            raise ConfigError(f"no head is named '{name}': heads are {known[0]} to {known[-1]}")
    merged = {**dict(model.config.head_scales), **scales}
    changed = tuple((name, merged[name]) for name in known if merged.get(name, 1) != 1)
    return _with(model, head_scales=changed)


def _with(model: SegFace, **changes: Any) -> SegFace:
    changed = SegFace(replace(model.config, **changes))
    changed.load_state_dict(model.state_dict())
    return changed.eval()
