"""What an answer of the Hub, or none, means for the person: the only table of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from annotate.errors import RemoteBusyError, RemoteError, RemoteRefusedError
from segface_hf.hub_client import LATER, retry_after

_BUSY = {
    409: "another change to the dataset came first",
    412: "another change to the dataset came first",
    429: "the Hub asks to slow down",
}
_UNREACHABLE = "the Hub can't be reached"


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turns what the Hub client raises inside the block into errors of this package."""
    try:
        yield
    except HFValidationError as error:
        raise RemoteRefusedError(f"'{repo_id}' is no repository name: use owner/name") from error
    except HfHubHTTPError as error:
        raise _translated(repo_id, error) from error
    except (HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise RemoteBusyError(_UNREACHABLE) from error
    except RuntimeError as error:
        # The client wraps whatever stopped the upload of a large file in a bare RuntimeError.
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _translated(repo_id, error.__cause__) from error
        if isinstance(error.__cause__, HTTPError):
            raise RemoteBusyError(_UNREACHABLE) from error
        raise


def _translated(repo_id: str, error: HfHubHTTPError) -> RemoteError:
    """Says what an answer of the Hub means for the person."""
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return RemoteRefusedError(
            f"the dataset {repo_id} is gated: ask its owner for access on its page"
        )
    if isinstance(error, RepositoryNotFoundError):
        return RemoteRefusedError(f"there is no dataset {repo_id} that this account can see")
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
    if status in LATER:
        return RemoteBusyError(
            _BUSY.get(status, "the Hub has trouble"), retry_after=retry_after(error)
        )
    return RemoteRefusedError(f"the Hub refused it ({status}): {error.server_message or error}")
