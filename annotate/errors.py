"""Errors of the correction workflow, as one tree.

    SegFaceError
    └── AnnotateError
        ├── WireError           a malformed label map from a browser (ValueError)
        ├── CorrectionError     a correction that breaks its own rules (ValueError)
        ├── ConsentError        consent that is missing or incomplete (ValueError)
        ├── RecordError         bytes that are not a dataset row of this version (ValueError)
        ├── StoreError          a folder that can't be written or read (OSError)
        │   └── TakenDownError      a contribution that the folder may not have again
        ├── ExchangeError       an annotation file of another tool that can't be read (ValueError)
        ├── ReviewError         a review step that the contribution doesn't allow
        │   └── MergedError         it is merged, but a later step failed
        └── RemoteError         the Hub
            ├── RemoteBusyError     worth another try: busy, limited, unreachable, moved on
            │   └── RemoteUnconfirmedError  the answer was lost: the change may have been made
            └── RemoteRefusedError  a person must act first

Messages name what was expected, what came instead, and what to do about it.
"""

from __future__ import annotations

from segface_hf.errors import SegFaceError


class AnnotateError(SegFaceError):
    """Base of every error of the correction workflow."""


class WireError(AnnotateError, ValueError):
    """A label map from the browser is malformed or contradicts the photo."""


class CorrectionError(AnnotateError, ValueError):
    """A correction's parts don't fit together."""


class ConsentError(AnnotateError, ValueError):
    """Consent is missing or incomplete."""


class RecordError(AnnotateError, ValueError):
    """Bytes that are not a dataset row of this version."""


class StoreError(AnnotateError, OSError):
    """A folder of contributions can't be read or written."""


class TakenDownError(StoreError):
    """A contribution was taken down: its tombstone prevents saving it again."""


class ExchangeError(AnnotateError, ValueError):
    """An annotation file of another tool can't be read."""


class ReviewError(AnnotateError):
    """A contribution does not allow that step of the review."""


class MergedError(ReviewError):
    """A contribution is merged, but a step that belongs to the merge failed."""


class RemoteError(AnnotateError):
    """A request to the Hub failed."""


class RemoteBusyError(RemoteError):
    """The same request may succeed later.

    Attributes:
        retry_after: Seconds that the Hub asked to wait, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RemoteUnconfirmedError(RemoteBusyError):
    """The Hub's answer to a change was lost: the change may have been made.

    A retry must first look whether it was, and give the Hub's lists time to show it.
    """


class RemoteRefusedError(RemoteError):
    """The Hub refuses the request until a person changes something.

    Attributes:
        held: True where the contribution is valid, and the account or repository must be changed;
            False where this contribution itself is refused.
    """

    def __init__(self, message: str, *, held: bool = True) -> None:
        super().__init__(message)
        self.held = held
