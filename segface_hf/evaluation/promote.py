"""Promotion: both checkpoints on the same photos, through the gate, into a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segface_hf.checkpoints.files import WEIGHTS_FILE, file_digest
from segface_hf.checkpoints.find import checkpoint_folder
from segface_hf.data.folder import check_pairs, find_pairs
from segface_hf.evaluation.gate import judge
from segface_hf.evaluation.gate_report import write_report
from segface_hf.evaluation.photo_groups import photo_groups
from segface_hf.evaluation.photos import measure
from segface_hf.evaluation.predictor import Predictor, load_other
from segface_hf.modeling.segface import SegFace


def promote(
    candidate: str,
    current: str,
    val: str,
    out: Path,
    *,
    chosen: Sequence[str] = (),
    device: str = "cpu",
) -> dict[str, Any]:
    """Compares two checkpoints on a data folder and writes the report.

    Args:
        candidate: The checkpoint to promote: a folder or a name.
        current: The one in use.
        val: Photos and masks that neither was trained on.
        out: Folder of the report.
        chosen: Classes that must rise; none takes the tail of the schema.
        device: Where the models run.

    Returns:
        The values of `gate.json`.

    Raises:
        SegFaceError: A checkpoint, the folder or a class can't be used.
    """
    model = SegFace.from_pretrained(candidate)
    schema = model.config.labels
    other = load_other(current, model)
    for name in chosen:
        schema.id_of(name)
    pairs = find_pairs(val)
    check_pairs(pairs, schema)
    first, second = (
        measure(Predictor.of(each.to(device)), pairs, boundary=False, progress=True)
        for each in (model, other)
    )
    gate = judge(first, second, photo_groups(pairs, schema), chosen=chosen)
    values = {
        **gate.to_dict(),
        "candidate": described(candidate),
        "current": described(current),
        "val": Path(val).resolve().name,
    }
    write_report(out, values)
    return values


def described(source: str) -> dict[str, str]:
    """Returns the name of a checkpoint, without the folders above it, and its weights' digest."""
    folder = checkpoint_folder(source, build=SegFace, onnx=False)
    name = "/".join(Path(source).parts[-2:])
    return {"name": name, "digest": file_digest(folder / WEIGHTS_FILE)}
