"""Small ICC profiles, built byte by byte."""

from __future__ import annotations

import itertools
import struct

D50 = (0.9642, 1.0, 0.8249)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def _xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def _gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _profile(space, kind, connection, tags):
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02400000, kind, space, connection)
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + _xyz(D50)[8:]
    return header.ljust(128, b"\0") + table + body


def rgb_profile(primaries=ADOBE_RGB, *, gamma=2.2):
    """A display profile with three primaries and one gamma; by default Adobe RGB."""
    red, green, blue = map(_xyz, primaries)
    colors = {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}
    curves = {name + b"TRC": _gamma(gamma) for name in (b"r", b"g", b"b")}
    return _profile(b"RGB ", b"mntr", b"XYZ ", {b"wtpt": _xyz(D50), **colors, **curves})


def gray_profile(*, gamma):
    """A gray profile of one gamma."""
    tags = {b"wtpt": _xyz(D50), b"kTRC": _gamma(gamma)}
    return _profile(b"GRAY", b"mntr", b"XYZ ", tags)


def cmyk_profile():
    """A printer's profile whose inks are gray: each takes 25 of the lightness, black takes all."""
    nodes = b""
    for *inks, key in itertools.product((0, 1), repeat=4):
        light = 0 if key else 100 - 25 * sum(inks)
        nodes += bytes([round(light * 2.55), 128, 128])
    matrix = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    ramp = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + nodes + ramp * 3
    return _profile(b"CMYK", b"prtr", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": lut})
