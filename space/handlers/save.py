"""What Save does: checks an untrusted label map from a browser and stores it as a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotate.correction import Consent, Correction, Effort, ModelUsed
from annotate.dataset.folder import Saved
from annotate.errors import ConsentError, WireError
from annotate.label_maps import unpack_label_map
from segface_hf import __version__
from segface_hf.labels import title
from space.handlers.parse import Request, as_sentence
from space.handlers.services import Services
from space.settings import Settings
from space.state.photo_cache import OpenPhoto
from space.state.saving import Contributor


@dataclass(frozen=True)
class ConsentForm:
    """The statements of a contributor; empty until they make some.

    Attributes:
        right: A key of `annotate.correction.RIGHTS`.
        people: A key of `annotate.correction.PEOPLE`.
        photo_license: The photo's own license, where it has one.
        agrees: Whether the contribution may be published under the dataset's license.
        source: Where the photo comes from, such as an address.
    """

    right: str | None = None
    people: str | None = None
    photo_license: str = ""
    agrees: bool = False
    source: str = ""

    @classmethod
    def claimed(
        cls, right: Any, people: Any, photo_license: Any, agrees: Any, source: Any
    ) -> ConsentForm:
        """Reads a form from values that a browser or a script sent; null counts as empty.

        Raises:
            ConsentError: A value has the wrong type; only JSON's `true` agrees to anything.
        """
        if agrees is not None and not isinstance(agrees, bool):
            raise ConsentError("'agrees' must be true or false, without quotes")
        given = {"right": right, "people": people, "photo_licence": photo_license, "source": source}
        for name, value in given.items():
            if value is not None and not _is_text(value):
                raise ConsentError(f"'{name}' must be text")
        return cls(right or None, people or None, photo_license or "", agrees is True, source or "")

    @property
    def untouched(self) -> bool:
        """Whether no statement was made at all."""
        return not (self.right or self.people or self.photo_license or self.agrees)


@dataclass(frozen=True)
class SaveResult:
    """A saved correction, as its contributor sees it.

    Attributes:
        photo: The key of the photo.
        row: The saved row.
        changed: Pixels that differ from the prediction, by class name as people say it.
        sentence: What to tell the person.
    """

    photo: str
    row: Saved
    changed: Mapping[str, int]
    sentence: str


def _is_text(value: Any) -> bool:
    """Tells whether a value is text that can be written as UTF-8: JSON can hold lone surrogates."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def consent_of(form: ConsentForm, license: str, *, optional: bool = False) -> Consent:
    """Checks that a form holds every statement.

    Args:
        form: The statements.
        license: License of the dataset.
        optional: Whether the correction can be saved without any statement, too.

    Raises:
        ConsentError: A statement is missing; the message says which.
    """
    missing = (
        (not form.right, 'answer "Why may this photo be shared?" below'),
        (not form.people, 'answer "Who is in it?" below'),
        (not form.agrees, f"agree to the license {license.upper()} below"),
    )
    for is_missing, remedy in missing:
        if is_missing and optional:
            raise ConsentError(f"To share it, {remedy}, then save again.")
        if is_missing:
            raise ConsentError(f"Before saving, {remedy}.")
    # The field is hidden for the other rights and may hold text from before.
    photo_license = form.photo_license if form.right == "licensed" else ""
    return Consent(
        right=form.right or "",
        people=form.people or "",
        photo_license=photo_license,
        license=license,
    )


def edited_mask(payload: Mapping[str, Any], photo: OpenPhoto) -> np.ndarray:
    """Returns the mask of a photo that the editor sent.

    Raises:
        WireError: The map is damaged or doesn't belong to the photo.
    """
    height, width = photo.parse.mask.shape
    classes = photo.parse.schema.num_classes
    return unpack_label_map(payload, expected_size=(width, height), num_classes=classes)


def _consent_here(form: ConsentForm, settings: Settings) -> tuple[Consent | None, str]:
    """Returns the consent, and what it still needs where the row may be kept without it.

    On one's own machine a row is kept without consent too; it is never sent anywhere.
    """
    try:
        return consent_of(form, settings.license, optional=settings.private), ""
    except ConsentError as error:
        if not settings.private:
            raise
        return None, "" if form.untouched else as_sentence(error)


def save_correction(
    services: Services,
    payload: Mapping[str, Any],
    *,
    form: ConsentForm,
    who: Contributor,
    asked: Request | None = None,
) -> SaveResult:
    """Saves a corrected mask of an open photo; the mask comes from an untrusted browser.

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
    if asked is not None:
        services.saves.spend(asked.visitor, asked.address)
    if not isinstance(payload, Mapping):
        raise WireError("a save must be a JSON object with the fields id, w, h, z and crc")
    consent, missing = _consent_here(form, settings)
    photo = services.photos.get(payload.get("id", ""))
    parse = photo.parse
    mask = edited_mask(payload, photo)
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
    return SaveResult(photo.key, row, _changed(correction), _sentence(row, correction, missing))


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


def _sentence(row: Saved, correction: Correction, missing: str) -> str:
    return " ".join(filter(None, (_outcome(row, correction), missing, _look_alike(row))))


def _outcome(row: Saved, correction: Correction) -> str:
    name, pixels = row.id[:8], correction.changed_pixels
    if row.agreed:
        return f"Saved as {name} before; now with your consent, so it may be shared."
    if not row.created:
        stays = ""
        if row.shareable and correction.consent is None:
            stays = " The consent that was given for it stays: a maintainer can take it down."
        return f"Already saved as {name}: nothing changed since.{stays}"
    shared = "" if correction.consent else " It is on this machine only, and not shared."
    if not pixels:
        return f"Saved as {name}, confirmed as right without a change.{shared}"
    return f"Saved as {name}: {pixels:,} pixels corrected.{shared}"


def _look_alike(row: Saved) -> str:
    return "Another contribution has a photo that looks like this one." if row.look_alike else ""
