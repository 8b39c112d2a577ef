"""Entry: where one contribution is on its way to the dataset, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    """Where a contribution is; the last two are final."""

    SAVED = "saved"
    WAITING = "waiting"
    PROPOSED = "proposed"
    MERGED = "merged"
    REFUSED = "refused"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (State.MERGED, State.REFUSED)


@dataclass(frozen=True)
class Entry:
    """What is known about one contribution.

    Attributes:
        id: Content id.
        state: Where it is.
        reason: Why it waits or was refused, or what the maintainer asks for.
        number: Its pull request.
        url: The page of that pull request or commit.
        attempts: How often sending it has failed since it last got somewhere.
        since: Clock time (seconds) of the last change.
        delay: Seconds after `since` before the next attempt.
    """

    id: str
    state: State = State.SAVED
    reason: str = ""
    number: int | None = None
    url: str = ""
    attempts: int = 0
    since: float = 0.0
    delay: float = 0.0

    def ended(self, state: State, reason: str = "") -> Entry:
        """Returns the entry in its final state."""
        return replace(self, state=state, reason=reason.rstrip("."), delay=0.0)

    def is_due(self, now: float) -> bool:
        """Tells whether it is time for the next attempt, also where the clock went backwards."""
        return not self.since <= now < self.since + self.delay

    @property
    def sentence(self) -> str:
        """What to tell the contributor."""
        text = _SENTENCES[self.state](self)
        return text[:-1] if text.endswith(("?.", "!.")) else text


def _asked(entry: Entry) -> str:
    return f", and you are asked: {entry.reason}" if entry.reason else ""


_SENTENCES: dict[State, Callable[[Entry], str]] = {
    State.SAVED: lambda e: f"Saved here{': ' + e.reason if e.reason else ''}.",
    State.WAITING: lambda e: f"Saved here and waiting to be sent: {e.reason}.",
    State.PROPOSED: lambda e: f"Pull request #{e.number} is open{_asked(e)}.",
    State.MERGED: lambda e: f"Merged{f' (pull request #{e.number})' if e.number else ''}.",
    State.REFUSED: lambda e: f"Refused: {e.reason}.",
}
