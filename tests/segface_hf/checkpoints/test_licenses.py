"""Which licenses of data exclude weights under another license."""

from __future__ import annotations

import pytest

from segface_hf.checkpoints.licenses import conflict


@pytest.mark.parametrize(
    ("license", "weights", "says"),
    [
        ("", "other", "no license is stated"),
        ("CC BY-ND 2.0", "other", "allows no derived works"),
        ("All rights reserved", "apache-2.0", "allows no derived works"),
        ("cc-by-sa-4.0", "apache-2.0", "asks for the same license"),
        ("cc-by-nc-4.0", "apache-2.0", "forbids commercial use"),
    ],
)
def test_a_license_that_excludes_the_weights_says_why(license, weights, says):
    assert says in conflict(license, weights)


@pytest.mark.parametrize(
    ("license", "weights"),
    [
        ("cc-by-4.0", "apache-2.0"),
        ("cc-by-sa-4.0", "cc-by-sa-4.0"),
        ("cc-by-nc-4.0", "other"),
        ("cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("public domain", "apache-2.0"),
        ("sandbox and india", "apache-2.0"),
    ],
)
def test_other_licenses_are_compatible(license, weights):
    assert conflict(license, weights) == ""
