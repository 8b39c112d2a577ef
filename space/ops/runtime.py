"""ONNX Runtime Web from npm: one version, its content checked, only the files that a page needs."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from segface_hf.errors import MissingPackageError, SegFaceError

VERSION = "1.30.0"
_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
SCRIPT, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
_PATIENCE = 600
# The package states MIT and holds no text of it.
_LICENSE = """ONNX Runtime Web {version}, from npm
MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class RuntimeFetchError(SegFaceError):
    """ONNX Runtime Web could not be fetched, or is another file than expected."""


def fetch_runtime(out: Path) -> None:
    """Writes the script, the binary and the license of ONNX Runtime Web to a folder.

    npm keeps what it downloaded, so that a second build needs no network.

    Raises:
        MissingPackageError: npm is not installed.
        RuntimeFetchError: npm can't fetch the package, or it is not the expected one.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = _packed(Path(folder))
        digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if digest != _SHA512:
            raise RuntimeFetchError(
                f"onnxruntime-web {VERSION} has the hash {digest}, expected {_SHA512}: check "
                "which registry npm uses"
            )
        out.mkdir(parents=True, exist_ok=True)
        with tarfile.open(package) as archive:
            for name in (SCRIPT, BINARY):
                content = archive.extractfile(f"package/dist/{name}")
                assert content is not None
                with (out / name).open("wb") as file:
                    shutil.copyfileobj(content, file)
    text = _LICENSE.format(version=VERSION)
    (out / "onnxruntime.LICENSE.txt").write_text(text, encoding="utf-8")


def _packed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingPackageError("npm is not installed: get Node from https://nodejs.org")
    command = [npm, "pack", "--silent", "--prefer-offline", f"onnxruntime-web@{VERSION}"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeFetchError(
            f"npm gave no package within {_PATIENCE} seconds: try again"
        ) from error
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise RuntimeFetchError(
            f"npm can't fetch onnxruntime-web {VERSION} ({done.stderr.strip()[:200]}): check the "
            "network"
        )
    return found[0]
