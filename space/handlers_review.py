"""What the Review view does: list, look at, accept, ask about and reject contributions."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from annotate.inspection import Inspection
from annotate.review import Desk
from annotate.store_hub import HubStore
from space.errors import NotAllowedError
from space.settings import Settings
from space.views import title

LOCAL = (
    "This app keeps contributions in a folder. To review pull requests, name a dataset in "
    "SEGFACE_DATASET."
)


def desk_for(
    settings: Settings, token: str | None, *, store: Callable[..., HubStore] = HubStore
) -> Desk:
    """Returns the desk of a maintainer.

    On a Space, maintainers sign in and merge under their own name. On a local machine its owner's
    token does.

    Args:
        settings: Names the dataset and its maintainers.
        token: Of whoever is signed in, or None.
        store: Opens a dataset with a token.

    Raises:
        NotAllowedError: There is no dataset, nobody is signed in, or they are no maintainer.
        RemoteError: The Hub can't be reached or refuses the token.
    """
    if settings.dataset is None:
        raise NotAllowedError(LOCAL)
    used = token or (None if settings.on_space else settings.service_token)
    if used is None:
        raise NotAllowedError("Sign in under Contribute: reviewing is for maintainers.")
    opened = store(settings.dataset, token=used)
    everyone = not settings.on_space and not settings.maintainers
    if not everyone and opened.account not in settings.maintainers:
        raise NotAllowedError(f"{opened.account} is not among the maintainers of this app.")
    return Desk(opened)


def waiting(desk: Desk) -> list[tuple[str, int]]:
    """Returns open contributions as (label, pull request number), the oldest first."""
    return [
        (f"#{found.request.number} by {found.request.author}", found.request.number)
        for found in desk.open()
    ]


def findings(seen: Inspection) -> list[str]:
    """Returns a sentence for each thing that the automatic checks noticed."""
    told = [f"{'Blocks: ' if f.blocks else ''}{f.sentence}" for f in seen.findings]
    if seen.same_photo:
        told.append(f"The same photo is in {len(seen.same_photo)} other contributions.")
    return told or ["The automatic checks noticed nothing."]


def changes(seen: Inspection) -> list[tuple[str, int, int, float | None]]:
    """Returns (class, pixels before, pixels after, IoU of the two) for classes that changed."""
    return [
        (title(row.name), row.first, row.second, row.iou)
        for row in seen.classes
        if row.first != row.second or (row.iou is not None and row.iou < 1)
    ]


def accept(desk: Desk, number: int, text: str) -> str:
    """Merges a contribution."""
    desk.accept(number)
    return f"#{number} is merged."


def ask(desk: Desk, number: int, text: str) -> str:
    """Asks its contributor for changes."""
    desk.ask(number, text)
    return f"#{number} was asked for changes."


def reject(desk: Desk, number: int, text: str) -> str:
    """Closes a contribution with a reason."""
    desk.reject(number, text)
    return f"#{number} is closed."


DECISIONS = MappingProxyType(
    {"accept": ("Accept", accept), "ask": ("Ask for changes", ask), "reject": ("Reject", reject)}
)
