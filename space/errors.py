"""Errors between a visitor and the app, beyond those that the library and `annotate` raise.

SegFaceError
└── VisitError               something a visitor can correct
    ├── PhotoGoneError       a photo that is no longer open here
    ├── NotUploadedError     an address or a file of the machine in place of an upload
    ├── TooFastError         more a minute than one visitor or address may parse or save
    ├── NotAllowedError      a maintainer's view, opened by another visitor
    └── DeployError          a Space that can't be deployed as asked
"""

from segface_hf.errors import SegFaceError


class VisitError(SegFaceError):
    """Something a visitor can correct."""


class PhotoGoneError(VisitError):
    """The photo is not, or no longer, open here."""


class NotUploadedError(VisitError):
    """An address, or a file of the machine, was sent in place of an upload."""


class TooFastError(VisitError):
    """More in a minute than one visitor or address may parse or save."""


class NotAllowedError(VisitError):
    """The view belongs to maintainers."""


class DeployError(VisitError):
    """A Space can't be deployed as asked."""
