"""Inspection: what there is to see of a contribution before anybody decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.dataset import layout
from annotate.dataset.card import other_licence
from annotate.dataset.repo import PullRequest
from annotate.errors import ReviewError
from annotate.review.agreement import ClassNumbers
from annotate.rows.checks import Finding
from segface_hf.overlay import colorize


@dataclass(frozen=True)
class Contribution:
    """One open contribution.

    Attributes:
        id: The content id that it proposes.
        request: Its pull request.
        head: The commit that was looked at; empty in listings.
    """

    id: str
    request: PullRequest
    head: str = ""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What there is to see of a contribution.

    Attributes:
        contribution: Which one.
        correction: Photo, prediction and mask; None where the row can't be believed.
        findings: What the automatic checks noticed, the row's own trouble included.
        classes: Pixels of each class in prediction and mask, by id; empty without a correction.
        same_photo: Content ids of the dataset and of open contributions with the same photo.
    """

    contribution: Contribution
    correction: Correction | None
    findings: tuple[Finding, ...]
    classes: tuple[ClassNumbers, ...] = ()
    same_photo: tuple[str, ...] = ()

    @property
    def acceptable(self) -> bool:
        """Whether nothing forbids accepting it as it is."""
        return not self.blocking

    @property
    def blocking(self) -> tuple[str, ...]:
        """What forbids accepting it as it is, a sentence each."""
        return tuple(finding.sentence for finding in self.findings if finding.blocks)

    def pictures(self) -> dict[str, Image.Image]:
        """Returns photo, prediction, correction and difference as RGB pictures of one size."""
        if self.correction is None:
            raise ReviewError("there is no row to look at: " + self.findings[0].sentence)
        return side_by_side(self.correction)


def side_by_side(correction: Correction) -> dict[str, Image.Image]:
    """Returns photo, prediction, correction and difference as RGB pictures of one size.

    The difference shows the new class's colour where something changed, over a pale grey photo.
    """
    photo = Image.fromarray(correction.image)
    mask = colorize(correction.mask, correction.schema)
    pale = photo.convert("L").point(lambda value: 128 + value // 2).convert("RGB")
    differs = Image.fromarray(np.uint8(255) * (correction.mask != correction.prediction))
    return {
        "photo": photo,
        "prediction": colorize(correction.prediction, correction.schema),
        "correction": mask,
        "difference": Image.composite(mask, pale, differs),
    }


def beyond_its_row(contribution: Contribution) -> tuple[Finding, ...]:
    """A contribution adds its own file and touches nothing else, whatever its title says."""
    expected = (("added", layout.row_path(contribution.id)),)
    if contribution.request.files == expected:
        return ()
    others = [f"{c} {p}" for c, p in contribution.request.files if (c, p) != expected[0]]
    sentence = f"besides its row it has {', '.join(others[:5])}" if others else "it adds no row"
    return (Finding("files", sentence, blocks=True),)


def provenance(
    contribution: Contribution, correction: Correction, block: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """Looks who gave a contribution and under what, against what the dataset's card declares."""
    findings = []
    if correction.consent is None:
        findings.append(Finding("consent", "it carries no consent to share it", blocks=True))
    elif told := other_licence(block, correction.consent.licence):
        findings.append(Finding("licence", told, blocks=True))
    author = contribution.request.author
    if correction.contributor != author:
        said = correction.contributor or "nobody"
        findings.append(Finding("contributor", f"{author} opened it, the row names {said}"))
    if correction.created_at > datetime.now(UTC) + timedelta(days=1):
        findings.append(Finding("time", f"it says it is of {correction.created_at:%d %B %Y}"))
    return tuple(findings)
