"""Without an optional package, one line says which extra installs it."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = "import sys\nfor name in ('torch', 'timm'): sys.modules[name] = None\n"
INSTALL = "torch is not installed: run `pip install 'segface-hf[torch]'`"


@pytest.mark.parametrize(
    "code",
    [
        "import segface_hf; segface_hf.SegFace",
        "from segface_hf import FaceParser; FaceParser.from_pretrained(engine='torch')",
        "from segface_hf.cli.program import main; sys.exit(main(['evaluate', '--data', '.']))",
        "from space.state.model_cache import load_parser; load_parser('hub:org/name/folder')",
        "from space.state.model_cache import Admission, load_parser\n"
        "load_parser('org/name', admission=Admission(1, anonymous=True))",
    ],
)
def test_what_needs_torch_says_how_to_install_it(code):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH + code], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert INSTALL in done.stderr
