"""Small corrections to test with, drawn from noise; no photograph of anybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.cli.program import main
from annotate.correction import Consent, Correction, ModelUsed
from annotate.dataset.proposals import HubStore
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


REPO = "owner/faces"


@pytest.fixture
def dataset(hub: Any) -> Any:
    """A dataset on the Hub double, set up by its owner; `guest` has an account too."""
    owner = hub.token("owner")
    hub.token("guest")
    HubStore(REPO, token=owner).create(CELEBAMASK_HQ)
    hub.log.clear()
    return hub.repos["dataset", REPO]


@pytest.fixture
def owner(dataset: Any) -> HubStore:
    """The dataset as its owner sees it."""
    return HubStore(REPO, token="hf_owner")


@pytest.fixture
def guest(dataset: Any) -> HubStore:
    """The dataset as an account without rights sees it."""
    return HubStore(REPO, token="hf_guest")


@pytest.fixture
def signed_in(owner: HubStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubStore:
    """The owner has run `hf auth login`."""
    (tmp_path / "token").write_text("hf_owner")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    return owner


@pytest.fixture
def say(
    signed_in: HubStore, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on the dataset and returns its exit code, output and complaint."""

    def run(*words: Any) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run
