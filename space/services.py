"""Everything the handlers work with, built once from the settings and passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotate.courier import Courier
from annotate.outbox import Outbox
from space.keeping import FolderKeeper, HubKeeper, Keeper
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
        keeper: Where corrections are saved.
        limit: Photos a minute for each visitor.
    """

    settings: Settings
    models: ModelShelf
    shelf: PhotoShelf
    keeper: Keeper
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
        keeper=_keeper(settings),
        limit=RateLimit(settings.parses_per_minute),
    )


def _keeper(settings: Settings) -> Keeper:
    if settings.dataset is None:
        return FolderKeeper(settings.contributions, licence=settings.license)
    outbox = Outbox(settings.contributions)
    courier = Courier(outbox, settings.dataset, service_token=settings.service_token)
    return HubKeeper(outbox, courier)
