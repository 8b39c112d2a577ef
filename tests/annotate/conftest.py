"""Small corrections to test with, drawn from noise; no photograph of anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from annotate.consent import Consent
from annotate.correction import Correction, ModelUsed
from segface_hf.labels import CELEBAMASK_HQ

AGREED = Consent(right="own", people="agreed")


def draw(number: int, *, size: tuple[int, int] = (24, 32), **fields: Any) -> Correction:
    """Returns a correction whose content depends on a number: a noise photo, a hat painted."""
    rng = np.random.default_rng(number)
    height, width = size
    prediction = np.zeros(size, np.uint8)
    prediction[height // 4 :, width // 4 : -width // 4] = CELEBAMASK_HQ.id_of("skin")
    mask = prediction.copy()
    mask[: height // 4, width // 4 : -width // 4] = CELEBAMASK_HQ.id_of("hat")
    defaults = {
        "image": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "mask": mask,
        "prediction": prediction,
        "schema": CELEBAMASK_HQ,
        "model": ModelUsed("embedded", digest="sha256:0"),
        "consent": AGREED,
        "contributor": "guest",
    }
    return Correction(**{**defaults, **fields})


@pytest.fixture
def correction() -> Correction:
    """One correction with consent."""
    return draw(1)


@pytest.fixture
def drawn() -> Callable[..., Correction]:
    """Makes corrections; see `draw`."""
    return draw
