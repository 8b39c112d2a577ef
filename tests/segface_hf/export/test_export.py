"""Exports equal their model, and run without torch."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from segface_hf import SegFace, SegFaceConfig, save_pretrained
from segface_hf.checkpoints.files import count_values
from segface_hf.cli.program import main
from segface_hf.errors import CheckpointNotFoundError, ConfigError, ParityError
from segface_hf.export.onnx_export import OPSET, export_onnx
from segface_hf.export.parity import Limits, Parity
from segface_hf.export.save import export_checkpoint
from segface_hf.images import normalize
from segface_hf.inference.engine import TorchEngine
from segface_hf.inference.infer import infer
from segface_hf.onnx import OnnxEngine, load_parser
from segface_hf.parser import FaceParser
from tests.segface_hf.training.drawn import draw_face

# Two exports; on a busy machine each may take minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PORTRAIT = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"
SMALL = SegFaceConfig(
    backbone="test_efficientnet",
    width=16,
    depth=1,
    heads=2,
    mlp_dim=16,
    upscale_dims=(8,),
    refine=True,
    detail=True,
    resolution=64,
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = SegFace(SMALL).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Fresh weights tie everywhere; these spread the logits as trained ones do.
            if name.startswith(("decoder.token_mlp", "decoder.upscaling", "fusion.mix")):
                parameter.mul_(4.0)
    return model


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """What `segface export` writes."""
    place = tmp_path_factory.mktemp("onnx")
    model.save_pretrained(place / "model")
    assert main(["export", str(place / "model"), "--out", str(place / "out")]) == 0
    return place / "out"


@pytest.fixture(scope="module")
def quantized(model, tmp_path_factory):
    """An int8 export that was promised to be perfect, and isn't."""
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 256, (80, 80, 3), dtype=np.uint8) for _ in range(3)]
    masks = [noise.integers(0, 19, (80, 80), dtype=np.uint8) for _ in range(2)]
    place = tmp_path_factory.mktemp("int8")
    with pytest.raises(ParityError, match=r"labels agree on .*parity\.json"):
        export_onnx(
            model, place, int8=True, pictures=pictures, masks=masks, limits=Limits(agreement=1.01)
        )
    return place


def test_a_model_saved_with_onnx_runs_without_torch_and_a_bad_export_is_not_kept(model, tmp_path):
    model.save_pretrained(tmp_path)
    with pytest.raises(ParityError):
        export_checkpoint(tmp_path, limits=Limits(agreement=1.01))
    assert not (tmp_path / "model.onnx").exists()
    parser = FaceParser.from_pretrained(save_pretrained(model, tmp_path, onnx=True))
    parse = parser.parse(PORTRAIT, whole_image=True)
    assert parse.engine == "onnx"
    assert (parse.mask == FaceParser(model).parse(PORTRAIT, whole_image=True).mask).mean() >= 0.999


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 32, 96), (3, 160, 128)], ids=str)
def test_the_graph_takes_any_batch_and_size(model, folder, shape):
    batch, height, width = shape
    pixels = np.random.default_rng(1).standard_normal((batch, 3, height, width), np.float32)
    logits, labels = OnnxEngine(folder).logits_and_labels(pixels)
    with torch.inference_mode():
        plain = model(torch.from_numpy(pixels)).numpy()
    assert np.abs(logits - plain).max() <= 1e-4 * np.abs(plain).max()
    assert labels.dtype == np.uint8
    assert (labels == plain.argmax(1)).mean() >= 0.999


def test_the_report_beside_the_file_states_opset_parity_and_limits(folder):
    report = json.loads((folder / "parity.json").read_text())
    assert report["opset"] == OPSET
    assert report["precision"] == "float32"
    assert report["logit_difference"] <= report["limits"]["logit_difference"] == 1e-4
    assert report["agreement"] >= report["limits"]["agreement"] == 0.9999


def test_confidence_and_runner_up_equal_those_of_torch(model, folder):
    crops = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    found = OnnxEngine(folder).run(crops, landmarks=None, confidence=True)
    pixels = torch.from_numpy(normalize(crops, SMALL.mean, SMALL.std))
    expected = infer(model, pixels, confidence=True)
    for index, parse in enumerate(found):
        assert (parse.labels == expected.labels[index].numpy()).mean() >= 0.999
        assert (parse.runner_up == expected.runner_up[index].numpy()).mean() >= 0.99
        gap = parse.confidence.astype(int) - expected.confidence[index].numpy()
        assert np.abs(gap).max() <= 1


def test_the_parser_without_torch_gives_the_same_photo_parse(model, folder):
    parse = load_parser(folder).parse(PORTRAIT, whole_image=True)
    expected = FaceParser(model).parse(PORTRAIT, whole_image=True)
    assert parse.mask.shape == expected.mask.shape
    assert (parse.mask == expected.mask).mean() >= 0.999
    assert parse.schema == expected.schema
    assert parse.digest.startswith("sha256:")


def test_the_parser_needs_no_torch(folder):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from segface_hf.onnx import load_parser\n"
        f"parse = load_parser({str(folder)!r}).parse({str(PORTRAIT)!r})\n"
        "print(parse.mask.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(512, 512)"


def test_int8_reports_its_agreement_and_f1_and_is_smaller(folder, quantized):
    report = json.loads((quantized / "parity.json").read_text())
    assert report["precision"] == "int8"
    assert 0.5 <= report["agreement"] <= 1.0
    assert abs(report["f1_model"] - report["f1_export"]) < 0.1
    float_bytes = 4 * count_values(folder.parent / "model" / "model.safetensors")
    tensors = onnx.load(quantized / "model.onnx").graph.initializer
    assert sum(len(tensor.raw_data) for tensor in tensors) < float_bytes


def test_int8_spares_the_first_convolutions_and_the_head(quantized):
    graph = onnx.load(quantized / "model.onnx").graph
    weights = {w.name for w in graph.initializer if w.data_type == onnx.TensorProto.INT8}
    assert any("blocks" in name for name in weights)
    assert not any("conv_stem" in name or "projection" in name for name in weights)


def test_int8_without_pictures_to_calibrate_on_is_refused(model, tmp_path):
    with pytest.raises(ConfigError, match="--data"):
        export_onnx(model, tmp_path, int8=True)


@pytest.fixture(scope="module")
def warped(tmp_path_factory):
    """A model of another schema that warps its input, and its export."""
    torch.manual_seed(1)
    lapa = {"schema": "lapa", "label_names": (), "label_colors": (), "label_mirror_pairs": ()}
    model = SegFace(replace(SMALL, warp="tanh", label_families=(), **lapa)).eval()
    place = tmp_path_factory.mktemp("warped")
    export_onnx(model, place)
    return model, place


def test_the_warp_of_a_model_is_part_of_the_graph(warped):
    model, place = warped
    pixels = np.random.default_rng(1).standard_normal((2, 3, 96, 64), np.float32)
    marks = np.array([[20, 30], [44, 33], [31, 45], [22, 60], [41, 62]], np.float32)
    marks = np.stack([marks, marks * 0.8 + 9])
    logits, labels = OnnxEngine(place).logits_and_labels(pixels, marks)
    with torch.inference_mode():
        plain = model(torch.from_numpy(pixels), torch.from_numpy(marks)).numpy()
    assert np.abs(logits - plain).max() <= 1e-4 * np.abs(plain).max()
    assert (labels == plain.argmax(1)).mean() >= 0.999


def test_a_warped_export_takes_its_landmarks_from_another_export(warped, model, folder):
    _, place = warped
    parse = load_parser(place, scout=folder).parse(PORTRAIT, whole_image=True)
    expected = FaceParser(warped[0], scout=TorchEngine(model)).parse(PORTRAIT, whole_image=True)
    assert parse.schema.name == "lapa"
    assert (parse.mask == expected.mask).mean() >= 0.999


def test_int8_of_a_warped_model_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="int8 is not offered"):
        export_onnx(SegFace(replace(SMALL, warp="tanh")).eval(), tmp_path, int8=True)


@pytest.mark.parametrize(
    ("parity", "complaint"),
    [
        (Parity(OPSET, "float32", 4, 1e-3, 1.0), "logits differ by 0.001"),
        (Parity(OPSET, "float32", 4, 1e-6, 0.99), "labels agree on 99.0000%"),
        (Parity(OPSET, "float32", 4, 1e-6, 1.0, 0.8, 0.7), "mean F1 falls by 0.1000"),
    ],
)
def test_parity_worse_than_stated_fails_the_export(parity, complaint):
    with pytest.raises(ParityError, match=complaint):
        Limits().check(parity, report=Path("parity.json"))


def test_a_folder_without_an_export_says_how_to_write_one(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match="segface export"):
        OnnxEngine(tmp_path)


def test_without_its_packages_export_names_the_extra_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", "embedded", "--out", str(tmp_path / "out")]) == 2
    assert "needs onnxruntime: install it with" in (said := capsys.readouterr().err)
    assert "segface-hf[export]" in said


def test_the_faces_of_a_folders_photos_are_compared(model, tmp_path, capsys):
    face, mask = draw_face(1)
    for kind, picture in (("images", face), ("masks", mask)):
        (tmp_path / "data" / kind).mkdir(parents=True)
        Image.fromarray(np.hstack([picture, picture])).save(tmp_path / "data" / kind / "two.png")
    model.save_pretrained(tmp_path / "model")
    words = ["export", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    assert main([*words, "--data", str(tmp_path / "data")]) == 0
    assert "of 2 pictures" in capsys.readouterr().out
