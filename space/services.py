"""Everything the handlers work with, built once from the settings and passed in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from annotate.courier import Courier
from annotate.outbox import Outbox
from space.admission import Admission
from space.keeping import FolderKeeper, HubKeeper, Keeper
from space.limits import RateLimit
from space.models import ModelShelf, gpu_lease, load_parser
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
        saves: Saves a minute for each visitor.
        admission: What a repository that a visitor names must pass.
    """

    settings: Settings
    models: ModelShelf
    shelf: PhotoShelf
    keeper: Keeper
    limit: RateLimit
    saves: RateLimit
    admission: Admission


def build_services(settings: Settings) -> Services:
    """Builds the services of an app; nothing is loaded or written yet."""
    admission = Admission(settings.max_model_mb, anonymous=settings.on_space)
    return Services(
        settings=settings,
        models=_models(settings, admission),
        shelf=PhotoShelf(settings.cache, keep_seconds=settings.keep_seconds),
        keeper=_keeper(settings),
        limit=RateLimit(settings.parses_per_minute, per_address=settings.parses_per_address),
        saves=RateLimit(
            settings.saves_per_minute, per_address=settings.saves_per_address, what="saves"
        ),
        admission=admission,
    )


def _models(settings: Settings, admission: Admission) -> ModelShelf:
    device = "cuda" if settings.zero_gpu else "cpu"
    load = partial(load_parser, device=device, admission=admission, trusted=settings.model)
    around = gpu_lease() if settings.zero_gpu else None
    return ModelShelf(settings.models_in_memory, load=load, around=around)


def _keeper(settings: Settings) -> Keeper:
    if settings.dataset is None:
        return FolderKeeper(settings.contributions, licence=settings.license)
    outbox = Outbox(settings.contributions)
    courier = Courier(outbox, settings.dataset, service_token=settings.service_token)
    return HubKeeper(outbox, courier, most_unclaimed=settings.max_unclaimed)
