"""Access to the Hub: files at `hf://` addresses, which errors are transient, and retries."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

HUB = "hf://"
ATTEMPTS = 6
# HTTP answers after which the same request may succeed later.
RETRYABLE_STATUS = (408, 409, 412, 425, 429, 500, 502, 503, 504, 520, 522, 524)
_REFUSED = (401, 403)

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


def file_system() -> Any:
    """Returns the Hub as a file system, with this machine's login."""
    from huggingface_hub import HfFileSystem

    return HfFileSystem()


def is_transient(error: BaseException | None) -> bool:
    """Whether the same request may succeed later: the Hub is busy or can't be reached."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in RETRYABLE_STATUS
    if isinstance(error, RuntimeError):
        # The client wraps errors from uploads of large files in a bare RuntimeError.
        return is_transient(error.__cause__)
    return isinstance(error, HTTPError | OfflineModeIsEnabled)


def hub_errors() -> tuple[type[Exception], ...]:
    """Returns what the client raises where the Hub refuses a request or can't be reached."""
    from huggingface_hub.errors import HTTPError

    return (HTTPError, OSError, RuntimeError, ValueError)


def upload(address: str, data: bytes, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Writes a file of a repository in one commit; unchanged content makes no commit.

    Several machines may write to one repository, so a commit that comes second is retried.

    Args:
        address: A file at `hf://` in a repository that exists.
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

    retry(write, sleep=sleep)
    file_system().invalidate_cache(target.unresolve())


def retry(
    work: Callable[[], T],
    *,
    is_transient: Callable[[Exception], bool] = is_transient,
    wait_of: Callable[[Exception], float | None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    longest: float = math.inf,
) -> T:
    """Runs work up to `ATTEMPTS` times; waits 1, 2, 4, ... seconds after transient errors.

    Args:
        work: Must be harmless when it runs twice.
        is_transient: Whether an error may pass.
        wait_of: The seconds that an error asks to wait, or None; by default `retry_after`.
        sleep: Waits a number of seconds.
        longest: Seconds; where the Hub asks to wait longer, the error is raised.
    """
    wait_of = wait_of or retry_after
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except Exception as error:
            wait = wait_of(error)
            if not is_transient(error) or (wait or 0.0) > longest:
                raise
            _LOG.info("%s: attempt %d failed, trying again", error, attempt + 1)
            sleep(2.0**attempt if wait is None else wait)
    return work()


def retry_after(error: BaseException) -> float | None:
    """Returns the seconds that the Hub asks to wait, None where it names none or a date."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    value = answer.headers.get("Retry-After", "") if answer is not None else ""
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d+)?", value) else None


def refusal(address: str) -> str | None:
    """Returns why files can't be written below an address, or None where they can.

    Raises:
        OSError: The repository doesn't exist.
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
