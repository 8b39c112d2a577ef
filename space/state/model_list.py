"""Which models a visitor may choose: those that ship, the published ones, any Hub repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from segface_hf.checkpoints.files import EMBEDDED, SHIPPED, SYNTHETIC
from segface_hf.checkpoints.upstream import FOLDERS, LICENSE, REPOSITORY, parse_folder
from space.errors import VisitError
from space.state.model_checks import Admission

if TYPE_CHECKING:
    from segface_hf.parser import FaceParser

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
# Weights in float32, in megabytes, by what a folder's name starts with; a test counts them.
PUBLISHED_MB = {
    "convnext": 367,
    "efficientnet": 228,
    "mobilenet": 28,
    "resnet": 189,
    "swinb": 364,
    "swinv2b": 365,
}
_DATASETS = {"celeb": "CelebAMask-HQ (19 classes)", "lapa": "LaPa (11)", "helen": "Helen (11)"}


@dataclass(frozen=True)
class ModelChoice:
    """One model of the picker.

    Attributes:
        id: What it is loaded by.
        label: How the picker shows it.
        about: One sentence on it.
    """

    id: str
    label: str
    about: str


def _published(name: str) -> ModelChoice:
    folder = parse_folder(name)
    assert folder is not None  # FOLDERS holds only names of that form
    score = f", reported mean F1 {folder.mean_f1:.2f}" if folder.mean_f1 else ""
    size = f"{PUBLISHED_MB[name.partition('_')[0]]} MB"
    about = (
        f"Published by the paper's authors ({REPOSITORY}, {LICENSE.upper()} license), {size} of "
        f"weights, trained on {_DATASETS[folder.dataset]} at {folder.resolution} pixels{score}. "
        "The first use downloads and converts it once."
    )
    return ModelChoice(f"hub:{REPOSITORY}/{name}", f"{name}, {size}{score}", about)


def _shipped(name: str, what: str, terms: str) -> ModelChoice:
    weights = SHIPPED[name] / "model.safetensors"
    size = f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "no weights"
    about = f"Ships with the app: {size} of weights, {terms}"
    return ModelChoice(name, f"{name}: {what}, {size}", about)


_SHIPPED_ABOUT = (
    (EMBEDDED, "small and fast", "trained on CelebAMask-HQ, for non-commercial research."),
    (
        SYNTHETIC,
        "free to use, less exact",
        "trained on rendered faces alone, Apache-2.0 "
        "license: for work that research weights may not be used in.",
    ),
)


@cache
def list_models() -> tuple[ModelChoice, ...]:
    """Returns the models of the picker: those that ship, then the published ones."""
    return (*(_shipped(*row) for row in _SHIPPED_ABOUT), *(_published(name) for name in FOLDERS))


def allowed_model(chosen: object, *, configured: str) -> str:
    """Returns a visitor's choice if it may be loaded here; folders of the machine may not.

    Raises:
        VisitError: It is neither listed nor the id of a Hub repository.
    """
    # A client may send null or a number, although the field is text.
    wanted = chosen.strip() if isinstance(chosen, str) else ""
    if wanted == configured or wanted in {entry.id for entry in list_models()}:
        return wanted
    # A folder of the machine may be called like a repository; the library would prefer it.
    if _HUB_ID.fullmatch(wanted) and ".." not in wanted and not Path(wanted).exists():
        return wanted
    raise VisitError(
        f"'{wanted[:60]}' is not a model: choose one of the list, or type a Hub id such as "
        "org/name."
    )


def to_fetch(model_id: str, admission: Admission) -> str:
    """Says how much loading a model downloads, if anything: "367 MB".

    Raises:
        CheckpointError: The Hub holds no such checkpoint, or it is too large.
    """
    if model_id.startswith("hub:"):
        return f"{PUBLISHED_MB[model_id.rpartition('/')[2].partition('_')[0]]} MB"
    if not _HUB_ID.fullmatch(model_id) or Path(model_id).exists():
        return ""
    megabytes = admission.look(model_id).megabytes
    return f"{max(1, round(megabytes))} MB" if megabytes else ""


def describe_model(model_id: str, parser: FaceParser | None = None) -> str:
    """Says where a model comes from, under which license, and how large it is once loaded."""
    known = {entry.id: entry.about for entry in list_models()}
    about = known.get(model_id, f"Loaded from {model_id}.")
    if parser is None:
        fetched = _HUB_ID.fullmatch(model_id) and not Path(model_id).exists()
        return "From the Hub: its size is asked for before it is downloaded." if fetched else about
    config = parser.engine.config
    license = f", license: {config.license}" if config.license else ""
    return f"{about} {config.backbone}{_size(parser)}, {config.resolution} pixels{license}."


def _size(parser: FaceParser) -> str:
    count = getattr(parser.engine, "parameters", 0)
    return f", {count / 1e6:.1f} million parameters" if count else ""
