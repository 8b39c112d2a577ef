"""Consent: what a contributor must state before anything leaves the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from annotate.errors import ConsentError

RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "own": "I took this photo or hold its rights",
        "public_domain": "This photo is in the public domain",
        "licensed": "This photo's licence lets me share it",
    }
)
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "agreed": "The people in it agree to this",
        "public": "It was published with the people's knowledge",
    }
)
DEFAULT_LICENCE = "cc-by-4.0"
_LONGEST = 200


@dataclass(frozen=True)
class Consent:
    """The statements under which one contribution may be shared.

    Attributes:
        right: Why the photo may be shared, a key of `RIGHTS`.
        people: Why the people in it may be shown, a key of `PEOPLE`.
        photo_licence: The photo's own licence; required where `right` is "licensed".
        licence: Licence of the contribution, as the dataset's maintainer sets it.
    """

    right: str
    people: str
    photo_licence: str = ""
    licence: str = DEFAULT_LICENCE

    def __post_init__(self) -> None:
        if self.right not in RIGHTS:
            raise ConsentError(f"say why you may share this photo: one of {sorted(RIGHTS)}")
        if self.people not in PEOPLE:
            raise ConsentError(
                f"say that the people in it agree or that it is public: one of {sorted(PEOPLE)}"
            )
        if self.right == "licensed" and not self.photo_licence.strip():
            raise ConsentError("name the licence that lets you share this photo")
        if not self.licence.strip():
            raise ConsentError("a contribution needs a licence, such as cc-by-4.0")
        if max(len(self.photo_licence), len(self.licence)) > _LONGEST:
            raise ConsentError(f"a licence is named in at most {_LONGEST} characters")
