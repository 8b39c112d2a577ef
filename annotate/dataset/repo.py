"""A dataset repository on the Hub: the only module that calls the Hub's API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    cached_assets_path,
    get_session,
    get_token,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.community import (
    Discussion,
    DiscussionComment,
    DiscussionEvent,
    DiscussionStatusChange,
    DiscussionWithDetails,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    Response,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from annotate.errors import (
    RecordError,
    RemoteBusyError,
    RemoteError,
    RemoteRefusedError,
    RemoteUnconfirmedError,
)
from annotate.rows.record import MAX_FILE_BYTES
from segface_hf.hub_client import RETRYABLE_STATUS, retry_after


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
        members: Accounts whose comments count as the maintainer's: the owner, members of the
            organization, and who closed the request. Every account may write a comment.
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
    """Returns the accounts whose comments count as the maintainer's; see `PullRequest.members`."""
    events = found.events if isinstance(found, DiscussionWithDetails) else ()
    spoke = (event.author for event in events if _is_by_maintainer(event))
    return frozenset({found.repo_id.split("/")[0], *spoke})


def _is_by_maintainer(event: DiscussionEvent) -> bool:
    """Tells whether an event's author is a maintainer; only members close others' requests."""
    author = event._event.get("author") or {}
    closed = isinstance(event, DiscussionStatusChange)
    return closed or author.get("isOwner") is True or author.get("isOrgMember") is True


_BUSY = {
    409: "another change to the dataset came first",
    412: "another change to the dataset came first",
    429: "the Hub asks to slow down",
}
_UNREACHABLE = "the Hub can't be reached"


@contextmanager
def hub_errors(repo_id: str, *, lost: type[RemoteBusyError] = RemoteBusyError) -> Iterator[None]:
    """Turns what the Hub client raises inside the block into errors of this package.

    Args:
        repo_id: The dataset, for messages.
        lost: The error where no answer says whether the Hub carried the request out.
    """
    try:
        yield
    except HFValidationError as error:
        raise RemoteRefusedError(f"'{repo_id}' is not a repository name: use owner/name") from error
    except HfHubHTTPError as error:
        raise _translated(repo_id, error, lost=lost) from error
    except (HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise lost(_UNREACHABLE) from error
    except RuntimeError as error:
        # The client wraps errors from uploads of large files in a bare RuntimeError.
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _translated(repo_id, error.__cause__, lost=lost) from error
        if isinstance(error.__cause__, HTTPError):
            raise lost(_UNREACHABLE) from error
        raise


def _translated(repo_id: str, error: HfHubHTTPError, *, lost: type[RemoteBusyError]) -> RemoteError:
    """Returns the error that says what an answer of the Hub means, and what to do."""
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return RemoteRefusedError(
            f"the dataset {repo_id} is gated: ask its owner for access on its page"
        )
    if isinstance(error, RepositoryNotFoundError):
        return RemoteRefusedError(
            f"the dataset {repo_id} does not exist or is hidden from this account"
        )
    if isinstance(error, RevisionNotFoundError):
        return RemoteRefusedError(f"the dataset {repo_id} has no such revision")
    if status == 401:
        return RemoteRefusedError(
            "the sign-in is missing or has expired: sign in again; off a Space run "
            "`hf auth login`, and restart the app"
        )
    if status == 403:
        return RemoteRefusedError(
            f"this account may not do that on {repo_id}: sign in with discussions allowed, "
            "or ask its owner for write access"
        )
    if status in _BUSY:
        return RemoteBusyError(_BUSY[status], retry_after=retry_after(error))
    if status in RETRYABLE_STATUS:
        return lost("the Hub has trouble", retry_after=retry_after(error))
    return RemoteRefusedError(f"the Hub refused it ({status}): {error.server_message or error}")


_KIND = "dataset"
# Of the Hub's list, the first so many are read to learn the newest number in it. From there, so
# many numbers are asked for at most, and so many missing ones in a row are the end.
_FIRST_LISTED, _MOST_NUMBERS, _MOST_MISSING = 20, 200, 3


def saved_token() -> str | None:
    """Returns the token of this machine's user, from `HF_TOKEN` or `hf auth login`, if any.

    Only for this user's actions: the commands, and an app that only this machine can reach.
    """
    return get_token()


@dataclass(frozen=True)
class Committed:
    """A commit that was made: its id, and the pull request that it opened, if any."""

    sha: str
    number: int | None = None
    url: str = ""


class DatasetRepo:
    """One dataset repository, accessed with one token.

    Args:
        repo_id: `owner/name`, from the settings of the app, never from a visitor.
        token: Access token, or None to read what is public.
        endpoint: Address of the Hub; None is the default one.
    """

    def __init__(self, repo_id: str, *, token: str | None, endpoint: str | None = None) -> None:
        self.id = repo_id
        # False, not None: without a token the client must not use the one saved on this machine.
        self._token = token or False
        self._api = HfApi(endpoint=endpoint, token=self._token)

    def cache_folder(self) -> Path | None:
        """Returns a folder of this machine for what was read of the dataset, or None."""
        try:
            endpoint = str(self._api.endpoint).replace(":", "-")
            return cached_assets_path("segface", namespace=endpoint, subfolder=self.id)
        except (OSError, ValueError):
            return None

    def account(self) -> str:
        """Returns the name of the account behind the token."""
        with hub_errors(self.id):
            return str(self._api.whoami()["name"])

    def create(self, *, private: bool = False) -> None:
        """Creates the repository unless it exists."""
        with hub_errors(self.id):
            self._api.create_repo(self.id, repo_type=_KIND, private=private, exist_ok=True)

    def private(self) -> bool:
        """Tells whether only members see the repository."""
        with hub_errors(self.id):
            return bool(self._api.dataset_info(self.id).private)

    def head(self, *, revision: str = "main") -> str:
        """Returns the commit id of the main branch, or of a pull request."""
        with hub_errors(self.id):
            return str(self._api.dataset_info(self.id, revision=revision).sha)

    def present(self, paths: Iterable[str]) -> set[str]:
        """Returns those of the paths that exist on the main branch."""
        with hub_errors(self.id):
            found = self._api.get_paths_info(self.id, list(paths), repo_type=_KIND)
        return {entry.path for entry in found}

    def paths(self, *, revision: str = "main") -> list[str]:
        """Returns the path of every file of a revision."""
        with hub_errors(self.id):
            return self._api.list_repo_files(self.id, repo_type=_KIND, revision=revision)

    def read(self, path: str, *, revision: str = "main") -> bytes | None:
        """Returns a file's content, or None if it does not exist; keeps no copy on disk.

        Raises:
            RemoteError: The Hub refuses or can't be asked.
            RecordError: The file is too large.
        """
        try:
            return self.read_part(path, revision=revision)[0]
        except FileNotFoundError:
            return None

    def read_part(
        self, path: str, *, revision: str = "main", span: str = ""
    ) -> tuple[bytes, int | None]:
        """Returns a part of a file, and the size of the whole where the Hub says it.

        Args:
            path: The file.
            revision: Branch, commit or `refs/pr/N`.
            span: As in HTTP: "0-99" are the first hundred bytes, "-100" the last; "" is all.

        Raises:
            FileNotFoundError: The file does not exist.
            RemoteError: The Hub refuses or can't be asked.
            RecordError: The part is too large.
        """
        with hub_errors(self.id):
            endpoint = self._api.endpoint
            url = hf_hub_url(self.id, path, repo_type=_KIND, revision=revision, endpoint=endpoint)
            headers = build_hf_headers(token=self._token)
            if span:
                headers["Range"] = f"bytes={span}"
            session = get_session()
            with session.stream("GET", url, headers=headers, follow_redirects=True) as response:
                if response.headers.get("X-Error-Code") == "EntryNotFound":
                    raise FileNotFoundError(path)
                if response.is_error:
                    response.read()
                hf_raise_for_status(response)
                total = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
                return self._bounded(response, path), int(total[1]) if total else None

    def _bounded(self, response: Response, path: str) -> bytes:
        data = bytearray()
        for part in response.iter_bytes():
            data += part
            if len(data) > MAX_FILE_BYTES:
                raise RecordError(f"{path} is larger than {MAX_FILE_BYTES} bytes: it is not read")
        return bytes(data)

    def snapshot(self, *, revision: str, patterns: list[str], folder: Path) -> Path:
        """Downloads the files of a revision that match the patterns into a folder."""
        with hub_errors(self.id):
            return Path(
                snapshot_download(
                    self.id,
                    repo_type=_KIND,
                    revision=revision,
                    allow_patterns=patterns,
                    local_dir=folder,
                    token=self._token,
                    endpoint=self._api.endpoint,
                )
            )

    def commit(
        self,
        added: Mapping[str, bytes],
        *,
        title: str,
        description: str = "",
        deleted: Iterable[str] = (),
        parent: str | None = None,
        revision: str = "main",
        pull_request: bool = False,
    ) -> Committed:
        """Makes one commit, on a branch or as a new pull request.

        Args:
            added: Content by path.
            title: First line of the message.
            description: Rest of the message.
            deleted: Paths to delete.
            parent: Commit that must still be the newest one.
            revision: Branch or `refs/pr/N`.
            pull_request: Open a pull request instead of writing to the branch.

        Raises:
            RemoteBusyError: Worth another try.
            RemoteUnconfirmedError: The answer was lost: the commit may have been made.
            RemoteRefusedError: The account or the repository does not allow it.
        """
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path, data) for path, data in added.items()
        ]
        operations += [CommitOperationDelete(path) for path in deleted]
        with hub_errors(self.id, lost=RemoteUnconfirmedError):
            info = self._api.create_commit(
                self.id,
                operations,
                commit_message=title,
                commit_description=description,
                repo_type=_KIND,
                revision=revision,
                create_pr=pull_request,
                parent_commit=parent,
            )
        return Committed(info.oid, number=info.pr_num, url=info.pr_url or info.commit_url)

    def pull_requests(
        self, *, author: str | None = None, status: str | None = None
    ) -> Iterator[PullRequest]:
        """Lists pull requests, newest first as the Hub sends them; status is "open" or "closed"."""
        with hub_errors(self.id):
            for found in self._api.get_repo_discussions(
                self.id,
                repo_type=_KIND,
                author=author,
                discussion_status=status,  # type: ignore[arg-type]
                discussion_type="pull_request",
            ):
                yield _pull_request(found)

    def pull_request(self, number: int) -> PullRequest:
        """Returns one pull request with its comments and changed files."""
        with hub_errors(self.id):
            return _pull_request(self._api.get_discussion_details(self.id, number, repo_type=_KIND))

    def unlisted(self) -> Iterator[PullRequest]:
        """Yields what was opened after the newest one in the Hub's list.

        The list shows new pull requests late. Their numbers follow each other, so each is asked
        for by its number.
        """
        with hub_errors(self.id):
            listed = self._api.get_repo_discussions(self.id, repo_type=_KIND)
            newest = max((found.num for found in islice(listed, _FIRST_LISTED)), default=0)
        missing = 0
        for number in range(newest + 1, newest + 1 + _MOST_NUMBERS):
            found = self._found(number)
            if found is not None:
                yield found
            missing = missing + 1 if found is None else 0
            if missing == _MOST_MISSING:
                return

    def _found(self, number: int) -> PullRequest | None:
        """Returns one pull request, or None where the number is not in use."""
        with hub_errors(self.id):
            try:
                details = self._api.get_discussion_details(self.id, number, repo_type=_KIND)
            except RepositoryNotFoundError:
                raise
            except HfHubHTTPError as error:
                if error.response.status_code == 404:
                    return None
                raise
            return _pull_request(details)

    def merge(self, number: int, *, comment: str = "") -> None:
        """Merges a pull request."""
        with hub_errors(self.id):
            self._api.merge_pull_request(self.id, number, repo_type=_KIND, comment=comment or None)

    def comment(self, number: int, text: str) -> None:
        """Writes a comment under a pull request."""
        with hub_errors(self.id):
            self._api.comment_discussion(self.id, number, comment=text, repo_type=_KIND)

    def close(self, number: int, *, comment: str) -> None:
        """Closes a pull request without merging it, with a comment that says why."""
        with hub_errors(self.id):
            self._api.change_discussion_status(
                self.id, number, "closed", comment=comment, repo_type=_KIND
            )


def _pull_request(found: Discussion) -> PullRequest:
    comments: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    if isinstance(found, DiscussionWithDetails):
        comments = tuple(
            (event.author, event.content)
            for event in found.events
            if isinstance(event, DiscussionComment)
        )
        files = tuple(changed_files(found.diff or ""))
    return PullRequest(
        found.num,
        found.title,
        found.author,
        found.status,
        found.url,
        comments,
        files,
        members_in(found),
    )


def changed_files(diff: str) -> Iterator[tuple[str, str]]:
    """Reads which paths a git diff adds, changes or deletes; a rename counts as changed.

    Git quotes a name with anything unusual in it and repeats the name of a file that is added or
    deleted. Any other line is returned as it is, so that no file is missed.
    """
    for part in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE):
        if not part.startswith("diff --git "):
            continue
        line, _, rest = part.partition("\n")
        named = re.fullmatch(r"diff --git a/(.+) b/\1", line)
        change = {"new": "added", "deleted": "deleted"}.get(rest.split(" ", 1)[0], "changed")
        yield (change, named[1]) if named else ("changed", line.removeprefix("diff --git "))
