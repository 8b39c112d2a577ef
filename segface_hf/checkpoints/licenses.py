"""Licenses of derived weights: the strictest of several, and which ones exclude each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segface_hf.checkpoints.card import OTHER, datasets_behind
from segface_hf.config import SegFaceConfig


def license_of(config: SegFaceConfig) -> str:
    """Returns the license for redistribution; `other` if the training data restricts it."""
    return OTHER if datasets_behind(config) else config.license


def strictest(licenses: Sequence[str]) -> str:
    """Returns the license of a work derived from works of these licenses; empty if one is unknown.

    Two different licenses give `other`, since the terms of both apply.
    """
    found = set(licenses)
    if OTHER in found:
        return OTHER
    return "" if "" in found else found.pop() if len(found) == 1 else OTHER


def conflict(license: str, weights: str) -> str:
    """Returns why data under a license can't train weights under another one, or "".

    Weights are taken as a work derived from their data. Licenses are read by their usual names and
    by words in them; a text that says nothing about these terms is taken as compatible, and stays
    for a person to judge.

    Args:
        license: Of a contribution or of its photo; empty conflicts with everything.
        weights: License of the weights that are trained on; `other` stands for terms that restrict
            use, as those of CelebAMask-HQ.
    """
    text = license.strip().lower()
    if not text:
        return "no license is stated"
    if _NO_DERIVATIVES.search(text):
        return f"'{license:.60}' allows no derived works"
    if _SHARE_ALIKE.search(text) and text != weights.lower():
        return f"'{license:.60}' asks for the same license, and the weights have '{weights}'"
    is_open = weights not in ("", OTHER) and not _NON_COMMERCIAL.search(weights)
    if is_open and _NON_COMMERCIAL.search(text):
        return f"'{license:.60}' forbids commercial use, which '{weights}' allows"
    return ""


_NO_DERIVATIVES = re.compile(r"\bnd\b|no.?deriv|all rights reserved", re.IGNORECASE)
_SHARE_ALIKE = re.compile(r"\bsa\b|share.?alike|\bgpl\b|\bgfdl\b", re.IGNORECASE)
_NON_COMMERCIAL = re.compile(r"\bnc\b|non.?commercial", re.IGNORECASE)
