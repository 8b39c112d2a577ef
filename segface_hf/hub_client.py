"""Files at `hf://` addresses: the client's file system, its errors, and patience with the Hub."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

HUB = "hf://"
ATTEMPTS = 6
# What the Hub answers where the same request may work out later.
LATER = (408, 409, 412, 425, 429, 500, 502, 503, 504, 520, 522, 524)
_REFUSED = (401, 403)

T = TypeVar("T")


def file_system() -> Any:
    """Returns the Hub as a file system, with the login of this machine."""
    from huggingface_hub import HfFileSystem

    return HfFileSystem()


def is_passing(error: BaseException | None) -> bool:
    """Whether something may work out later: the Hub is busy, or can't be reached."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in LATER
    if isinstance(error, RuntimeError):
        # The client wraps whatever stopped the upload of a large file in a bare RuntimeError.
        return is_passing(error.__cause__)
    return isinstance(error, HTTPError | OfflineModeIsEnabled)


def hub_errors() -> tuple[type[Exception], ...]:
    """Returns what the client raises where the Hub refuses or can't be reached."""
    from huggingface_hub.errors import HTTPError

    return (HTTPError, OSError, RuntimeError, ValueError)


def upload(address: str, data: bytes, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Writes a file of a repository in one commit; the same content again is no commit.

    Several machines write to one repository, so a commit may be told that another came first.

    Args:
        address: A file at `hf://`, of a repository that exists.
        data: The content.
        sleep: Waits a number of seconds.
    """
    from huggingface_hub import upload_file

    target = file_system().resolve_path(address)

    def write() -> None:
        if not hasattr(target, "repo_id"):  # a bucket, which has no commits
            file_system().pipe_file(address, data)
            return
        upload_file(
            path_or_fileobj=data,
            path_in_repo=target.path_in_repo,
            repo_id=target.repo_id,
            repo_type=target.repo_type,
            revision=target.revision,
        )

    _patiently(write, sleep)
    file_system().invalidate_cache(target.unresolve())


def _patiently(work: Callable[[], T], sleep: Callable[[float], None]) -> T:
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except hub_errors() as error:
            if attempt == ATTEMPTS - 1 or not is_passing(error):
                raise
            sleep(retry_after(error) or 2.0**attempt)
    raise AssertionError("the loop returns or raises")


def retry_after(error: BaseException) -> float | None:
    """Returns the seconds that the Hub asks to wait; dates are left to the usual backoff."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    value = answer.headers.get("Retry-After", "") if answer is not None else ""
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d+)?", value) else None


def refusal(address: str) -> str | None:
    """Returns why files can't be written below an address, None where they can.

    Raises:
        OSError: There is no such repository.
        HTTPError: The Hub can't be reached.
    """
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import build_hf_headers

    target = file_system().resolve_path(address)
    if not hasattr(target, "repo_id"):
        return None
    path = f"/api/{target.repo_type}s/{target.repo_id}/auth-check/write"
    answer = get_session().get(constants.ENDPOINT + path, headers=build_hf_headers())
    if answer.status_code not in _REFUSED:
        return None
    return f"this login may not write to {target.repo_id} ({answer.status_code})"
