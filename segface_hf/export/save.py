"""Checkpoints with a `model.onnx` beside their weights, which run without torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf.checkpoints.files import WEIGHTS_FILE, file_digest
from segface_hf.errors import ConfigError
from segface_hf.modeling.segface import SegFace

if TYPE_CHECKING:
    from segface_hf.export.onnx_export import Export


def save_pretrained(model: SegFace, folder: str | Path, *, onnx: bool = True) -> Path:
    """Writes a checkpoint, and `model.onnx` beside it, so that it runs without torch.

    Args:
        model: Any SegFace model.
        folder: Created where it doesn't exist.
        onnx: Whether to write `model.onnx`; without it this is `model.save_pretrained(folder)`.

    Raises:
        ConfigError: The packages for the export are missing.
        ParityError: The ONNX model differs too much from the model; it is not kept.
        OutputError: The folder can't be written.

    Example:
        >>> save_pretrained(model, "checkpoint", onnx=True)
        >>> FaceParser.from_pretrained("checkpoint").parse(photo).engine
        'onnx'
    """
    if onnx:
        check_installed()
    saved = model.save_pretrained(folder)
    if onnx:
        export_checkpoint(saved)
    return saved


def export_checkpoint(folder: Path, out: Path | None = None, **options: Any) -> Export:
    """Exports a checkpoint's folder to `out`, by default into the folder itself.

    Args:
        folder: The checkpoint.
        out: The folder to write; only there the export gets a report, and is kept if it differs.
        **options: See `segface_hf.export.onnx_export.export_onnx`.

    Raises:
        ConfigError: The packages for the export are not installed.
        ParityError: The ONNX model differs too much from the checkpoint.
        OutputError: The folder can't be written.
    """
    check_installed()
    from segface_hf.export.onnx_export import export_onnx

    model, digest = SegFace.from_pretrained(folder), file_digest(folder / WEIGHTS_FILE)
    return export_onnx(model, out or folder, digest=digest, report=out is not None, **options)


def check_installed() -> None:
    """Checks that the packages for an export are installed.

    Raises:
        ConfigError: One is missing.
    """
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"export needs {', '.join(missing)}: install it with `pip install 'segface-hf[export]'`"
        )
