"""Everything the handlers work with, built once from the settings and passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotate.store import FolderStore
from space.limits import RateLimit
from space.models import ModelShelf
from space.settings import Settings
from space.shelf import PhotoShelf


@dataclass(frozen=True)
class Services:
    """What one app runs on; tests build it from small fakes.

    Attributes:
        settings: The choices of whoever runs the app.
        models: Loaded checkpoints.
        shelf: Photos of current visits.
        store: Where corrections are saved.
        limit: Photos a minute for each visitor.
    """

    settings: Settings
    models: ModelShelf
    shelf: PhotoShelf
    store: FolderStore
    limit: RateLimit


def build_services(
    settings: Settings, *, around: Callable[..., Callable] | None = None
) -> Services:
    """Builds the services of an app; nothing is loaded or written yet.

    Args:
        settings: The choices of whoever runs the app.
        around: Wraps the model call, such as with the GPU lease of a ZeroGPU Space.
    """
    return Services(
        settings=settings,
        models=ModelShelf(settings.models_in_memory, around=around),
        shelf=PhotoShelf(settings.cache, keep_seconds=settings.keep_seconds),
        store=FolderStore(settings.contributions, licence=settings.license),
        limit=RateLimit(settings.parses_per_minute),
    )
