"""Everything the handlers work with, built once from the settings and passed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from annotate.dataset.repo import saved_token
from annotate.outbox.queue import Outbox
from annotate.outbox.sender import Sender
from space.settings import Settings
from space.state.explainers import Explainers
from space.state.growth import GrowthReader
from space.state.model_cache import ModelCache, gpu_lease, load_parser
from space.state.model_checks import Admission
from space.state.photo_cache import PhotoCache
from space.state.photo_queue import PhotoQueue, queue_of
from space.state.rate_limits import RateLimit
from space.state.saving import CorrectionStore, FolderCorrections, HubCorrections
from space.state.suspects import Suspects
from space.state.thumbnails import Thumbnails
from space.state.tokens import SignInTexts, sign_in_texts


@dataclass(frozen=True)
class Services:
    """What one app runs on; tests build it from small fakes.

    Attributes:
        settings: The choices of the person who runs the app.
        models: Loaded checkpoints.
        photos: Photos of current visits.
        corrections: Where corrections are saved.
        limit: Photos a minute for each visitor.
        saves: Saves a minute for each visitor.
        admission: What a repository that a visitor names must pass.
        thumbnails: Pictures of saved rows.
        queue: Photos that wait for an annotator; None where the settings name none.
        suspects: Rows that wait for review and are probably wrong.
        growth: What came of the dataset's rows.
        explainers: The torch form of the model that was last asked why.
        own_token: Token of the machine that the app runs on, for its own visitors; None where the
            app uses none.
    """

    settings: Settings
    models: ModelCache
    photos: PhotoCache
    corrections: CorrectionStore
    limit: RateLimit
    saves: RateLimit
    admission: Admission
    own_token: str | None = field(default=None, repr=False)
    queue: PhotoQueue | None = None
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    suspects: Suspects = field(default_factory=Suspects)
    growth: GrowthReader = field(default_factory=GrowthReader)
    explainers: Explainers = field(default_factory=Explainers)

    @property
    def sign_in_texts(self) -> SignInTexts:
        """How a contribution gets an account here."""
        return sign_in_texts(self.settings, own_token=self.own_token is not None)

    @property
    def review_needs(self) -> str:
        """What a visitor who may not review yet has to do."""
        owners = self.settings.service_token or self.own_token
        return sign_in_texts(self.settings, own_token=owners is not None).review


def build_services(settings: Settings) -> Services:
    """Builds the services of an app; nothing is loaded or written yet."""
    admission = Admission(settings.max_model_mb, anonymous=settings.on_space)
    own_token = _own_token(settings)
    return Services(
        settings=settings,
        models=_models(settings, admission),
        photos=PhotoCache(settings.cache, keep_seconds=settings.keep_seconds),
        corrections=_corrections(settings, own_token),
        limit=RateLimit(settings.parses_per_minute, per_address=settings.parses_per_address),
        saves=RateLimit(
            settings.saves_per_minute, per_address=settings.saves_per_address, what="saves"
        ),
        admission=admission,
        own_token=own_token,
        queue=queue_of(settings, token=settings.service_token or own_token),
    )


def _own_token(settings: Settings) -> str | None:
    """Returns the machine's token where contributions may go with it: see `space.state.tokens`."""
    if settings.dataset is None or settings.service_token or not settings.for_this_machine:
        return None
    return saved_token()


def _models(settings: Settings, admission: Admission) -> ModelCache:
    device = "cuda" if settings.zero_gpu else "cpu"
    load = partial(load_parser, device=device, admission=admission, trusted=settings.model)
    around = gpu_lease() if settings.zero_gpu else None
    return ModelCache(settings.models_in_memory, load=load, around=around)


def _corrections(settings: Settings, own_token: str | None) -> CorrectionStore:
    if settings.dataset is None:
        return FolderCorrections(settings.contributions, license=settings.license)
    outbox = Outbox(settings.contributions)
    unsigned = sign_in_texts(settings, own_token=own_token is not None).pending
    sender = Sender(
        outbox, settings.dataset, service_token=settings.service_token, unsigned=unsigned
    )
    return HubCorrections(outbox, sender, most_unclaimed=settings.max_unclaimed)
