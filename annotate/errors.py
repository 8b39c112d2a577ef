"""What can go wrong between a correction and the dataset, as one tree of errors.

    SegFaceError
    └── AnnotateError
        ├── WireError           a label map from a browser whose claims don't hold (ValueError)
        ├── CorrectionError     a correction that breaks its own rules (ValueError)
        ├── ConsentError        consent that is missing or incomplete (ValueError)
        ├── RecordError         bytes that are no dataset row of this version (ValueError)
        ├── StoreError          a folder that can't be written or read (OSError)
        │   └── TakenDownError      a contribution that the folder may not have again
        ├── ExchangeError       an annotation file of another tool that can't be read (ValueError)
        ├── ReviewError         a review step that the contribution doesn't allow
        │   └── MergedError         it is merged, and something else is to be looked at
        └── RemoteError         the Hub
            ├── RemoteBusyError     worth another try: busy, limited, unreachable, moved on
            └── RemoteRefusedError  it will not work until a person does something

Messages name what was expected, what came instead, and what to do about it.
"""

from __future__ import annotations

from segface_hf.errors import SegFaceError


class AnnotateError(SegFaceError):
    """Base of every error of the correction workflow."""


class WireError(AnnotateError, ValueError):
    """A label map from the browser is malformed or claims something false."""


class CorrectionError(AnnotateError, ValueError):
    """A correction's parts don't fit together."""


class ConsentError(AnnotateError, ValueError):
    """Consent is missing or incomplete."""


class RecordError(AnnotateError, ValueError):
    """Bytes that are not a dataset row that this version reads."""


class StoreError(AnnotateError, OSError):
    """A folder of contributions can't be read or written."""


class TakenDownError(StoreError):
    """A contribution was taken down, and its tombstone keeps it out."""


class ExchangeError(AnnotateError, ValueError):
    """An annotation file of another tool can't be read."""


class ReviewError(AnnotateError):
    """A contribution does not allow that step of the review."""


class MergedError(ReviewError):
    """A contribution is merged, but what belongs to it is not as it should be."""


class RemoteError(AnnotateError):
    """The Hub did not do what was asked."""


class RemoteBusyError(RemoteError):
    """The Hub may do it later.

    Attributes:
        retry_after: Seconds that the Hub asked to wait, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RemoteRefusedError(RemoteError):
    """The Hub will not do it until a person changes something.

    Attributes:
        held: True where the contribution is fine and only the account or repository must be
            put right; False where this contribution itself is not wanted.
    """

    def __init__(self, message: str, *, held: bool = True) -> None:
        super().__init__(message)
        self.held = held
