"""PullRequest: what the Hub says about one, and who in it speaks for the dataset."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub.community import (
    Discussion,
    DiscussionEvent,
    DiscussionStatusChange,
    DiscussionWithDetails,
)


@dataclass(frozen=True)
class PullRequest:
    """A pull request of the dataset repository.

    Attributes:
        number: Its number.
        title: Its title.
        author: The account that opened it.
        status: "open", "draft", "merged" or "closed".
        url: Its page.
        comments: `(author, text)` in order; empty in listings.
        members: Accounts that may speak for the dataset here: its owner, members of its
            organisation, and who opened or closed the request; anybody may write a comment.
        files: `(change, path)`, change being "added", "changed" or "deleted"; empty in listings.
    """

    number: int
    title: str
    author: str
    status: str
    url: str
    comments: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    members: frozenset[str] = frozenset()

    @property
    def revision(self) -> str:
        """The revision that holds its files."""
        return f"refs/pr/{self.number}"


def members_in(found: Discussion) -> frozenset[str]:
    """Returns the accounts that may speak for the dataset; see `PullRequest.members`."""
    events = found.events if isinstance(found, DiscussionWithDetails) else ()
    spoke = (event.author for event in events if _speaks_for_it(event))
    return frozenset({found.repo_id.split("/")[0], *spoke})


def _speaks_for_it(event: DiscussionEvent) -> bool:
    """Tells whether the Hub says so of an event's author; only members close others' requests."""
    author = event._event.get("author") or {}
    closed = isinstance(event, DiscussionStatusChange)
    return closed or bool(author.get("isOwner") or author.get("isOrgMember"))
