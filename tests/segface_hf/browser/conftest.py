"""One export, with ONNX Runtime Web beside it, for all tests of the parser in JavaScript."""

from __future__ import annotations

import os
import shutil

import pytest

from segface_hf.browser.export import export_for_browser
from segface_hf.checkpoints.files import embedded_folder
from space.ops.runtime import RuntimeFetchError, fetch_runtime


def skip_or_fail(message):
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def node():
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        skip_or_fail("Node 20 or newer is not installed: get it from https://nodejs.org")
    return found


@pytest.fixture(scope="session")
def exported(node, tmp_path_factory):
    """A folder with the export of the embedded checkpoint and ONNX Runtime Web."""
    folder = tmp_path_factory.mktemp("browser")
    export_for_browser(embedded_folder(), folder)
    try:
        fetch_runtime(folder)
    except RuntimeFetchError as error:
        skip_or_fail(str(error))
    return folder
