"""Files that are not published checkpoints, contradictions, and code that must not run."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from segface_hf.checkpoints.convert import convert
from segface_hf.errors import CheckpointNotFoundError, ConversionError
from segface_hf.modeling.segface import SegFace
from tests.segface_hf.published import published_state, save


@pytest.fixture(scope="module")
def state():
    return published_state("mobilenet", "celeb")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, state):
    return save(tmp_path_factory.mktemp("plain") / "model_299.pt", state)


def test_missing_unexpected_and_misshapen_tensors_stop_with_the_whole_list(state, tmp_path):
    broken = dict(state)
    del broken["linear_fuse.weight"], broken["backbone.5.block.1.0.weight"]
    broken["face_decoder.beard_extra.weight"] = torch.zeros(1)
    broken["linear_c.0.proj.bias"] = torch.zeros(7)
    broken["face_decoder.hat_token.weight"] = torch.zeros(1, 128)
    with pytest.raises(ConversionError) as caught:
        convert(save(tmp_path / "m.pt", broken), tmp_path / "out", build=SegFace)
    message = str(caught.value)
    assert message.startswith("5 tensors do not fit")
    assert "missing 'linear_fuse.weight'" in message
    assert "missing 'backbone.5.block.1.0.weight'" in message
    assert "unexpected 'face_decoder.beard_extra.weight'" in message
    assert "'linear_c.0.proj.bias' is (7,)" in message
    assert "'face_decoder.hat_token.weight' is (1, 128), expected (1, 256)" in message
    assert not (tmp_path / "out").exists()


def test_a_wrong_backbone_is_refused_with_the_tensor_that_contradicts_it(checkpoint, tmp_path):
    with pytest.raises(ConversionError) as caught:
        convert(checkpoint, tmp_path / "out", backbone="swin_base", build=SegFace)
    message = str(caught.value)
    assert "this is not swin_base" in message
    assert "'backbone.0.1.0.attn.relative_position_bias_table' is missing" in message
    assert "'backbone.1.block.0.0.weight' of shape (16, 1, 3, 3) is that of mobilenet" in message


def test_a_wrong_dataset_is_refused_with_the_tensor_that_contradicts_it(checkpoint, tmp_path):
    with pytest.raises(
        ConversionError, match=r"not a lapa checkpoint: tensor 'face_decoder\.\w+_token"
    ):
        convert(checkpoint, tmp_path / "out", dataset="lapa", build=SegFace)


def test_a_folder_name_that_the_tensors_contradict_is_an_error(state, tmp_path):
    folder = tmp_path / "swinb_celeba_512"
    folder.mkdir()
    with pytest.raises(ConversionError, match=r"is that of mobilenet: .*move the file"):
        convert(save(folder / "model_299.pt", state), tmp_path / "out", build=SegFace)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("mobilenet_lapa_256", {"dataset": "helen"}, r"--dataset helen, but .* says lapa"),
        ("mobilenet_celeb_512", {"resolution": 256}, r"--resolution 256, but .* says 512"),
        (
            "convnext_celeb_512",
            {"backbone": "mobilenet"},
            r"--backbone mobilenet, but .* says convnext_base or convnext_small or convnext_tiny",
        ),
    ],
)
def test_an_option_that_the_folders_name_contradicts_is_an_error(
    state, tmp_path, name, options, said
):
    path = tmp_path / name / "model_299.pt"
    path.parent.mkdir()
    save(path, published_state("mobilenet", "lapa") if "lapa" in name else state)
    with pytest.raises(ConversionError, match=rf"{said}.*move the file"):
        convert(path, tmp_path / "out", **options, build=SegFace)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [{"dataset": "celebs"}, {"backbone": "swin_huge"}])
def test_unknown_datasets_and_backbones_are_refused_with_the_choices(checkpoint, tmp_path, option):
    with pytest.raises(ConversionError, match="choose from"):
        convert(checkpoint, tmp_path / "out", **option, build=SegFace)


class Intruder:
    """Unpickling this would make a folder."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_code_in_a_pickle_does_not_run(state, tmp_path):
    place = tmp_path / "intruded"
    path = save(tmp_path / "m.pt", state, optimizer=Intruder(place))
    with pytest.raises(ConversionError, match=r"holds '\w+\.mkdir'.*which was not run"):
        convert(path, tmp_path / "out", build=SegFace)
    for protocol in (2, 4):
        path.write_bytes(pickle.dumps(Intruder(place), protocol=protocol))
        with pytest.raises(ConversionError, match=r"not run|nothing in it was run"):
            convert(path, tmp_path / "out", build=SegFace)
    assert not place.exists()
    assert not (tmp_path / "out").exists()


def test_a_truncated_file_is_refused_in_one_sentence(checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    for share in (0.0, 0.001, 0.5, 0.99):
        (tmp_path / "cut.pt").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ConversionError) as caught:
            convert(tmp_path / "cut.pt", tmp_path / "out", build=SegFace)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()


def content_of(kind, state):
    return {
        "list": [1, 2, 3],
        "tensor": torch.zeros(3),
        "empty": {"state_dict_backbone": {}},
        "numbers": {"state_dict_backbone": {"a": 1}},
        "other": torch.nn.Linear(2, 2).state_dict(),
        "tiny": {k: v for k, v in state.items() if "backbone.1." not in k},
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("list", "not a published checkpoint"),
        ("tensor", "not a published checkpoint"),
        ("empty", "must hold tensors only"),
        ("numbers", "must hold tensors only"),
        ("other", "no published architecture"),
        ("tiny", "no published architecture"),
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path, state, kind, message):
    torch.save(content_of(kind, state), tmp_path / "m.pt")
    with pytest.raises(ConversionError, match=message):
        convert(tmp_path / "m.pt", tmp_path / "out", build=SegFace)


def test_a_picture_a_text_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "photo.pt").write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    (tmp_path / "note.pt").write_text("hello\n" * 50)
    for name in ("photo.pt", "note.pt"):
        with pytest.raises(ConversionError, match="truncated or not a PyTorch checkpoint"):
            convert(tmp_path / name, tmp_path / "out", build=SegFace)
    with pytest.raises(CheckpointNotFoundError, match="no file"):
        convert(tmp_path / "absent.pt", tmp_path / "out", build=SegFace)
