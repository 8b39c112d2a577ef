"""What Save does: an untrusted map from a browser becomes a checked row in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotate.correction import Consent, Correction, Effort, ModelUsed
from annotate.errors import ConsentError
from annotate.label_maps import unpack_label_map
from segface_hf import __version__
from space.handlers.browser_values import title
from space.handlers.parse import Request
from space.handlers.services import Services
from space.state.photo_cache import OpenPhoto
from space.state.saving import Contributor, SavedRow


@dataclass(frozen=True)
class ConsentForm:
    """What a contributor ticked; empty until they do.

    Attributes:
        right: A key of `annotate.correction.RIGHTS`.
        people: A key of `annotate.correction.PEOPLE`.
        photo_licence: The photo's own licence, where it has one.
        agrees: Whether the contribution may be published under the dataset's licence.
        source: Where the photo comes from, such as an address.
    """

    right: str | None = None
    people: str | None = None
    photo_licence: str = ""
    agrees: bool = False
    source: str = ""

    @property
    def untouched(self) -> bool:
        """Whether no statement was made at all."""
        return not (self.right or self.people or self.photo_licence or self.agrees)


@dataclass(frozen=True)
class SaveResult:
    """What a contributor sees of a saved correction.

    Attributes:
        photo: The key of the photo.
        row: The saved row.
        changed: Pixels that differ from the prediction, by class name as people say it.
        sentence: What to tell the person.
    """

    photo: str
    row: SavedRow
    changed: Mapping[str, int]
    sentence: str


def consent_of(form: ConsentForm, licence: str) -> Consent:
    """Checks a form.

    Raises:
        ConsentError: A statement is missing; the message says which.
    """
    if not form.right:
        raise ConsentError("Before saving, say below why you may share this photo.")
    if not form.people:
        raise ConsentError("Before saving, say below that the people in the photo agree.")
    if not form.agrees:
        raise ConsentError(f"Before saving, agree below to the licence {licence.upper()}.")
    # The field is hidden for the other rights, and may hold what was typed before.
    photo_licence = form.photo_licence if form.right == "licensed" else ""
    return Consent(
        right=form.right, people=form.people, photo_licence=photo_licence, licence=licence
    )


def save_correction(
    services: Services,
    payload: Mapping[str, Any],
    *,
    form: ConsentForm,
    who: Contributor,
    asked: Request | None = None,
) -> SaveResult:
    """Saves a corrected mask of an open photo.

    Args:
        services: What the app runs on.
        payload: What the editor sent: `id`, the packed map, and claims about the effort.
        form: The contributor's statements.
        who: The contributor.
        asked: Who asks, for the rate limit; None where there is none.

    Raises:
        PhotoGoneError: The photo is no longer open here.
        ConsentError: A statement is missing.
        TooFastError: The visitor saves more in a minute than accepted.
        WireError: The map is damaged or doesn't belong to the photo.
        StoreError: The row can't be written.
    """
    settings = services.settings
    # On one's own machine nothing is shared, so nothing has to be agreed to. Such a row says that
    # it has no consent, and is never pushed.
    alone = settings.private and form.untouched
    consent = None if alone else consent_of(form, settings.license)
    photo = services.photos.get(payload.get("id", ""))
    if asked is not None:
        services.saves.spend(asked.visitor, asked.address)
    parse = photo.parse
    height, width = parse.mask.shape
    mask = unpack_label_map(
        payload, expected_size=(width, height), num_classes=parse.schema.num_classes
    )
    correction = Correction(
        image=np.asarray(photo.image),
        mask=mask,
        prediction=parse.mask,
        schema=parse.schema,
        model=_model_of(photo),
        effort=Effort.claimed(payload),
        contributor=who.account,
        consent=consent,
        source=form.source.strip(),
        app_version=__version__,
    )
    row = services.corrections.save(correction, who=who)
    services.photos.keep_mask(photo.key, row.id, mask)
    return SaveResult(photo.key, row, _changed(correction), _sentence(row, correction))


def _model_of(photo: OpenPhoto) -> ModelUsed:
    parse = photo.parse
    return ModelUsed(parse.model_id, revision=parse.revision or "", digest=parse.digest or "")


def _changed(correction: Correction) -> dict[str, int]:
    moved = correction.mask != correction.prediction
    names = correction.schema.names
    return {
        title(name): int((moved & (correction.mask == index)).sum())
        for index, name in enumerate(names)
        if (moved & (correction.mask == index)).any()
    }


def _sentence(row: SavedRow, correction: Correction) -> str:
    return " ".join(filter(None, (_outcome(row, correction), _look_alike(row))))


def _outcome(row: SavedRow, correction: Correction) -> str:
    name, pixels = row.id[:8], correction.changed_pixels
    if row.agreed:
        return f"Saved as {name} before; now with your consent, so it may be shared."
    if not row.created:
        stays = ""
        if row.shareable and correction.consent is None:
            stays = " The consent that was given for it stays: a maintainer can take it down."
        return f"Already saved as {name}: nothing changed since.{stays}"
    shared = "" if correction.consent else " It stays on this machine: no consent was given."
    if not pixels:
        return f"Saved as {name}, confirmed as right without a change.{shared}"
    return f"Saved as {name}: {pixels:,} pixels corrected.{shared}"


def _look_alike(row: SavedRow) -> str:
    return "Another contribution has a photo that looks like this one." if row.look_alike else ""
