"""A checkpoint with a `model.onnx` runs without torch, gives the same labels, and is checked."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from segface_hf import FaceParser, SegFaceConfig
from segface_hf.checkpoints.files import CONFIG_FILE, ONNX_FILE, SHIPPED, WEIGHTS_FILE, file_digest
from segface_hf.errors import CheckpointError, MissingPackageError
from segface_hf.inference.onnx_engine import OnnxEngine

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.jpg"))


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the embedded checkpoint."""
    return Path(shutil.copytree(SHIPPED["embedded"], tmp_path / "checkpoint"))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_each_shipped_onnx_file_is_small_and_names_its_weights(name):
    folder = SHIPPED[name]
    assert (folder / ONNX_FILE).stat().st_size <= 8_000_000
    assert OnnxEngine(folder).weights_digest == file_digest(folder / WEIGHTS_FILE)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_onnx_and_torch_give_the_same_labels(name):
    light = FaceParser.from_pretrained(name)
    full = FaceParser.from_pretrained(name, engine="torch")
    for path in EXAMPLES:
        ours, theirs = light.parse(path), full.parse(path)
        assert (ours.engine, theirs.engine) == ("onnx", "torch")
        assert ours.digest == theirs.digest
        assert (ours.mask == theirs.mask).mean() >= 0.9999


def test_a_mask_needs_no_torch(tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'timm'): sys.modules[name] = None\n"
        "from segface_hf.cli.program import main\n"
        f"code = main(['parse', {str(EXAMPLES[0])!r}, '--out', {str(tmp_path)!r}])\n"
        "unused = {'datasets', 'huggingface_hub', 'pandas', 'pyarrow'} & {*sys.modules}\n"
        "assert not unused, unused\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_without_an_onnx_file_runs_with_torch(checkpoint):
    (checkpoint / ONNX_FILE).unlink()
    assert FaceParser.from_pretrained(checkpoint).parse(EXAMPLES[0]).engine == "torch"
    with pytest.raises(CheckpointError, match=r"has no model\.onnx: write it with `segface export"):
        FaceParser.from_pretrained(checkpoint, engine="onnx")


def test_an_onnx_file_of_other_weights_is_refused(checkpoint):
    shutil.copy(SHIPPED["synthetic"] / WEIGHTS_FILE, checkpoint / WEIGHTS_FILE)
    with pytest.raises(CheckpointError, match="exported from other weights"):
        FaceParser.from_pretrained(checkpoint)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1000])


def with_external_data(path):
    model = onnx.load(path)
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    path.write_bytes(model.SerializeToString())


def of_another_model(path):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", [value], [result])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)


def of_a_later_opset(path):
    model = onnx.load(path)
    model.opset_import[0].version = 999
    path.write_bytes(model.SerializeToString())


def of_another_schema(path):
    path.with_name(CONFIG_FILE).write_text(json.dumps(SegFaceConfig(schema="lapa").to_dict()))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (truncated, "can't be loaded"),
        (of_a_later_opset, "can't be loaded"),
        (of_another_schema, r"has 19 classes, its config\.json 11"),
        (with_external_data, "refers to other files"),
        (of_another_model, "has inputs .* expected"),
    ],
)
def test_an_onnx_file_that_cannot_be_used_is_refused(checkpoint, spoil, complaint):
    spoil(checkpoint / ONNX_FILE)
    with pytest.raises(CheckpointError, match=complaint):
        FaceParser.from_pretrained(checkpoint)


def test_where_onnxruntime_cannot_be_imported_torch_takes_its_place_and_the_log_says_so(
    monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "segface_hf.inference.onnx_engine")
    assert FaceParser.from_pretrained().engine.name == "torch"
    assert "onnxruntime can't be imported" in caplog.text
    assert "torch runs the model instead" in caplog.text
    with pytest.raises(MissingPackageError, match="onnxruntime can't be imported"):
        FaceParser.from_pretrained(engine="onnx")


def test_photos_parsed_side_by_side_have_the_labels_of_photos_parsed_alone():
    parser = FaceParser.from_pretrained()
    alone = [parser.parse(path).mask for path in EXAMPLES]
    together = [parse.mask for parse in parser.parse_many(EXAMPLES)]
    assert all(np.mean(a == b) >= 0.9999 for a, b in zip(alone, together, strict=True))
