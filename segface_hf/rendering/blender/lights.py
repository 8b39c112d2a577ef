"""Light environments (HDRI) in a folder.

Made for those of Poly Haven (CC0) in the npm package `@pmndrs/assets`, whose files are `.exr.js`:
a module with one picture in base64.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from segface_hf.errors import DataError

SUFFIXES = (".exr", ".hdr")
_MODULE = re.compile(r"['\"]data:[^'\"]*?;base64,([A-Za-z0-9+/=]+)['\"]")
_MAGIC = {".exr": b"\x76\x2f\x31\x01", ".hdr": b"#?"}
REMEDY = (
    "run npm pack @pmndrs/assets@1.7.0, unpack it, and give its folder package/hdri, or a folder "
    "of .exr or .hdr files"
)


def find_lights(folder: str | Path) -> tuple[Path, ...]:
    """Lists the environments of a folder by name.

    Args:
        folder: Holds `.exr` or `.hdr` files, or `.exr.js` and `.hdr.js` modules.

    Raises:
        DataError: The folder doesn't exist or contains no environment.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"'{folder}' is not a folder of light environments: {REMEDY}")
    endings = (*SUFFIXES, *(f"{suffix}.js" for suffix in SUFFIXES))
    found = tuple(
        path
        for path in sorted(root.iterdir())
        if path.name.lower().endswith(endings) and not path.name.startswith(".")
    )
    if not found:
        raise DataError(f"'{folder}' holds no light environments, .exr or .hdr: {REMEDY}")
    return found


def unpacked(path: Path, folder: Path) -> Path:
    """Returns the environment as a file of its own kind.

    Args:
        path: A file that `find_lights` found.
        folder: Where a module's picture is written to.

    Raises:
        DataError: It holds no such picture.
    """
    if path.suffix.lower() != ".js":
        return _checked(path, path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' can't be read ({error}): {REMEDY}") from error
    match = _MODULE.search(text)
    if match is None:
        raise DataError(f"'{path}' holds no picture in base64: {REMEDY}")
    target = folder / path.stem
    if not target.exists():
        target.write_bytes(base64.b64decode(match[1]))
    return _checked(target, path)


def _checked(target: Path, named: Path) -> Path:
    """A file that begins as its suffix says; Blender would silently light with pink instead."""
    magic = _MAGIC[target.suffix.lower()]
    try:
        with target.open("rb") as stream:
            begins = stream.read(len(magic))
    except OSError as error:
        raise DataError(f"'{named}' can't be read ({error.strerror}): {REMEDY}") from error
    if begins != magic:
        raise DataError(f"'{named}' is not a {target.suffix} picture: {REMEDY}")
    return target
