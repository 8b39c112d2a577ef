"""One photo with its corrected mask and their origin, as a value with an id."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from annotate.errors import ConsentError, CorrectionError
from annotate.label_maps import MAX_SIDE, areas, changed
from segface_hf.images import MAX_PIXELS
from segface_hf.labels import LabelSchema

RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "own": "I took this photo or hold its rights",
        "public_domain": "This photo is in the public domain",
        "licensed": "This photo's license lets me share it",
    }
)
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "agreed": "The people in it agree to this",
        "public": "It was published with the people's knowledge",
    }
)
DEFAULT_LICENSE = "cc-by-4.0"
_LONGEST = 200


@dataclass(frozen=True)
class Consent:
    """The statements under which one contribution may be shared.

    Attributes:
        right: Why the photo may be shared, a key of `RIGHTS`.
        people: Why the people in it may be shown, a key of `PEOPLE`.
        photo_license: The photo's own license; required where `right` is "licensed".
        license: License of the contribution, as the dataset's maintainer sets it.
    """

    right: str
    people: str
    photo_license: str = ""
    license: str = DEFAULT_LICENSE

    def __post_init__(self) -> None:
        texts = (self.right, self.people, self.photo_license, self.license)
        if not all(is_text(text, most=_LONGEST) for text in texts):
            raise ConsentError(
                f"a statement is a text of at most {_LONGEST} characters without control characters"
            )
        if self.right not in RIGHTS:
            raise ConsentError(f"say why you may share this photo: one of {sorted(RIGHTS)}")
        if self.people not in PEOPLE:
            raise ConsentError(
                f"say that the people in it agree or that it is public: one of {sorted(PEOPLE)}"
            )
        if self.right == "licensed" and not self.photo_license.strip():
            raise ConsentError("name the license that lets you share this photo")
        if not self.license.strip():
            raise ConsentError("a contribution needs a license, such as cc-by-4.0")


ID_LENGTH = 32
MAX_SECONDS = 86_400.0
MAX_TEXT = 4096  # characters; a model may be named by the path of a folder
YEARS = range(1970, 2200)  # a clock that was never set starts in 1970
_TOOL = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_CONTRIBUTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_MAX_TOOLS = 32


@dataclass(frozen=True)
class ModelUsed:
    """Which checkpoint made the prediction.

    Attributes:
        id: Hub repository, folder or "embedded".
        revision: Commit of the repository, or empty.
        digest: Digest of the weights, or empty.
    """

    id: str
    revision: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        _check_text("the model", self.id, self.revision, self.digest)
        if not self.id.strip():
            raise CorrectionError("name the model that made the prediction")


@dataclass(frozen=True)
class Effort:
    """What the correction took.

    Attributes:
        seconds: Active editing time.
        tools: `(tool, steps)`, sorted by tool.
    """

    seconds: float = 0.0
    tools: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not (_is_number(self.seconds) and 0 <= self.seconds <= MAX_SECONDS):
            raise CorrectionError(
                f"editing takes 0 to {MAX_SECONDS:.0f} s, got {self.seconds!r:.40}"
            )
        for name, steps in self.tools:
            if not _is_tool(name, steps):
                raise CorrectionError(
                    f"a tool has a name and a count, got {name!r:.40}: {steps!r:.40}"
                )

    @classmethod
    def claimed(cls, payload: Mapping[str, Any]) -> Effort:
        """Reads an editor's `seconds` and `tools` as untrusted input; drops invalid values."""
        seconds = payload.get("seconds", 0.0)
        if not _is_number(seconds) or not 0 <= seconds <= MAX_SECONDS:
            seconds = 0.0
        tools = payload.get("tools")
        pairs = tools.items() if isinstance(tools, dict) else ()
        known = [(name, count) for name, count in pairs if _is_tool(name, count, most=10**6)]
        return cls(seconds=float(seconds), tools=tuple(sorted(known)[:_MAX_TOOLS]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_tool(name: object, steps: object, *, most: int = 2**31) -> bool:
    named = isinstance(name, str) and _TOOL.fullmatch(name) is not None
    return named and type(steps) is int and 0 <= steps < most


@dataclass(frozen=True, eq=False)
class Correction:
    """A photo with its corrected mask.

    Attributes:
        image: uint8 (H, W, 3) RGB pixels; a PIL image is accepted and loses its metadata.
        mask: uint8 (H, W) corrected class ids.
        prediction: uint8 (H, W) class ids that the model gave.
        schema: What the ids stand for.
        model: The checkpoint that made the prediction.
        effort: What the correction took.
        contributor: Account name, or empty where there is none.
        consent: The statements to share it; None keeps it on this machine.
        source: Where the photo comes from, such as an address.
        created_at: Aware time of the correction, UTC, in milliseconds.
        app_version: Version of this project.

    Raises:
        CorrectionError: Sizes differ, the photo is too large, or a text is malformed.
        LabelError: A mask holds an id outside the schema.
    """

    image: np.ndarray
    mask: np.ndarray
    prediction: np.ndarray
    schema: LabelSchema
    model: ModelUsed
    effort: Effort = field(default_factory=Effort)
    contributor: str = ""
    consent: Consent | None = None
    source: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    app_version: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", _frozen_pixels(self.image))
        for name in ("mask", "prediction"):
            labels = np.array(getattr(self, name))
            self.schema.check_mask(labels, source=name)
            if labels.shape != self.image.shape[:2]:
                raise CorrectionError(
                    f"the {name} is {labels.shape[1]} x {labels.shape[0]} pixels, the photo "
                    f"{self.image.shape[1]} x {self.image.shape[0]}: they must be of one size"
                )
            labels.setflags(write=False)
            object.__setattr__(self, name, labels)
        if self.contributor != "" and not is_account_name(self.contributor):
            raise CorrectionError(f"{self.contributor!r:.60} is not an account name")
        if not is_text(self.source, most=500):
            raise CorrectionError(
                "say where the photo comes from in at most 500 characters, none of them a control "
                "character"
            )
        _check_text("the version of the app", self.app_version)
        object.__setattr__(self, "created_at", _whole_milliseconds(self.created_at))

    @cached_property
    def photo_id(self) -> str:
        """Identifies the photo: two corrections of one photo share it."""
        return digest(b"photo", _with_shape(self.image))

    @cached_property
    def content_id(self) -> str:
        """Identifies the correction: a hash of its pixels, ids and schema alone."""
        names = "\n".join((self.schema.name, *self.schema.names)).encode()
        return digest(b"correction", names, _with_shape(self.image), _with_shape(self.mask))

    @cached_property
    def areas_before(self) -> tuple[int, ...]:
        """Pixels of each class in the prediction, by id."""
        return areas(self.prediction, self.schema.num_classes)

    @cached_property
    def areas_after(self) -> tuple[int, ...]:
        """Pixels of each class in the corrected mask, by id."""
        return areas(self.mask, self.schema.num_classes)

    @cached_property
    def changed_pixels(self) -> int:
        """How many pixels differ from the prediction."""
        return int(changed(self.mask, self.prediction).sum())


def is_account_name(text: object) -> bool:
    """Tells whether a value can be the name of an account on the Hub."""
    return isinstance(text, str) and _CONTRIBUTOR.fullmatch(text) is not None


def is_text(value: object, *, most: int = MAX_TEXT) -> bool:
    """Tells whether a value is a text that can be stored and printed: no control characters.

    A lone surrogate can't be encoded, NUL ends strings elsewhere, and an escape character can
    rewrite the terminal of who lists the rows.
    """
    if not isinstance(value, str) or len(value) > most:
        return False
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in value)


def _check_text(what: str, *values: object) -> None:
    if wrong := [value for value in values if not is_text(value)]:
        raise CorrectionError(
            f"{what} is named in at most {MAX_TEXT} characters without control characters, "
            f"got {wrong[0]!r:.60}"
        )


def digest(*parts: bytes) -> str:
    """Returns a hash of byte strings in their order, 32 hexadecimal digits."""
    outer = hashlib.sha256()
    for part in parts:
        outer.update(hashlib.sha256(part).digest())
    return outer.hexdigest()[:ID_LENGTH]


def _with_shape(array: np.ndarray) -> bytes:
    return repr(array.shape).encode() + b":" + np.ascontiguousarray(array).tobytes()


def _frozen_pixels(image: np.ndarray | Image.Image) -> np.ndarray:
    if isinstance(image, Image.Image):
        image = np.asarray(image.convert("RGB"))
    pixels = np.array(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise CorrectionError(
            f"a photo is uint8 (height, width, 3), got {pixels.dtype} of shape {pixels.shape}"
        )
    if (count := pixels.shape[0] * pixels.shape[1]) > MAX_PIXELS:
        raise CorrectionError(
            f"a photo has at most {MAX_PIXELS} pixels, got {count}: make it smaller"
        )
    if max(pixels.shape[:2]) > MAX_SIDE:
        raise CorrectionError(
            f"a photo's sides have at most {MAX_SIDE} pixels, got {pixels.shape[1]} x "
            f"{pixels.shape[0]}: make it smaller"
        )
    pixels.setflags(write=False)
    return pixels


def _whole_milliseconds(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise CorrectionError(f"created_at needs a time zone, got {moment.isoformat()}")
    if moment.year not in YEARS:
        raise CorrectionError(
            f"created_at is of a year from {YEARS[0]} to {YEARS[-1]}, got {moment.year}"
        )
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
