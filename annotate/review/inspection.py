"""What a maintainer sees of a contribution before the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.dataset import layout
from annotate.dataset.card import other_license
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
class RowInspection:
    """What a maintainer sees of a row.

    Attributes:
        correction: Photo, prediction and mask; None where the row is invalid.
        findings: What the automatic checks noticed, and why the row is invalid.
        classes: Pixels of each class in prediction and mask, by id; empty without a correction.
        same_photo: Content ids of the dataset and of open contributions with the same photo.
    """

    correction: Correction | None
    findings: tuple[Finding, ...]
    classes: tuple[ClassNumbers, ...] = ()
    same_photo: tuple[str, ...] = ()

    @property
    def acceptable(self) -> bool:
        """Whether no check forbids accepting it."""
        return not self.blocking

    @property
    def blocking(self) -> tuple[str, ...]:
        """Why it can't be accepted, a sentence each."""
        return tuple(finding.sentence for finding in self.findings if finding.blocks)

    def pictures(self) -> dict[str, Image.Image]:
        """Returns photo, prediction, correction and difference as RGB pictures of one size."""
        if self.correction is None:
            raise ReviewError("no row can be shown: " + self.findings[0].sentence)
        return side_by_side(self.correction)


@dataclass(frozen=True, eq=False)
class Inspection(RowInspection):
    """What a maintainer sees of an open contribution.

    Attributes:
        contribution: The contribution.
    """

    contribution: Contribution = field(kw_only=True)


def side_by_side(correction: Correction) -> dict[str, Image.Image]:
    """Returns photo, prediction, correction and difference as RGB pictures of one size.

    The difference shows the new class's color where something changed, over a pale gray photo.
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
    """Checks that a contribution adds its own file and changes nothing else."""
    expected = (("added", layout.row_path(contribution.id)),)
    if contribution.request.files == expected:
        return ()
    # Escaped and cut: a file name is untrusted and is printed to a terminal.
    others = [f"{c} {p!r:.120}" for c, p in contribution.request.files if (c, p) != expected[0]]
    sentence = f"besides its row it has {', '.join(others[:5])}" if others else "it adds no row"
    return (Finding("files", sentence, blocks=True),)


def provenance(
    contribution: Contribution, correction: Correction, block: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """Checks who gave a contribution and under which license, against the dataset's card."""
    findings = []
    if correction.consent is None:
        findings.append(Finding("consent", "it has no consent to share it", blocks=True))
    elif wrong := other_license(block, correction.consent.license):
        findings.append(Finding("license", wrong, blocks=True))
    author = contribution.request.author
    if correction.contributor != author:
        named = correction.contributor or "no contributor"
        findings.append(Finding("contributor", f"{author} opened it, the row names {named}"))
    if correction.created_at > datetime.now(UTC) + timedelta(days=1):
        findings.append(Finding("time", f"its date is {correction.created_at:%d %B %Y}"))
    return tuple(findings)
