"""Where a run starts from: ImageNet weights by position, averages, safe files."""

import pytest
import torch

from segface_hf.errors import CheckpointError, ConfigError, OutputError
from segface_hf.modeling.backbones import build_backbone
from segface_hf.modeling.segface import SegFace
from segface_hf.training.average import averaged_copy, update_average
from segface_hf.training.optim import build_model
from segface_hf.training.recipe import Recipe
from segface_hf.training.report import write_atomically
from segface_hf.training.start import PACKAGES, by_position, imagenet_file, load_imagenet

LITE = "tf_efficientnet_lite0"
SMALL = {"width": 32, "mlp_dim": 32, "upscale_dims": (16,), "refine": True, "detail": True}


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_imagenet_weights_fill_the_whole_backbone(name):
    pytest.importorskip(PACKAGES[name][1], reason="the train extra is not there")
    backbone, _ = build_backbone(name)
    torch.nn.init.zeros_(backbone.conv_stem.weight)
    load_imagenet(backbone, name)
    stored = torch.load(imagenet_file(name), map_location="cpu", weights_only=True)
    assert torch.equal(backbone.conv_stem.weight, next(iter(stored.values())))
    assert float(backbone.bn1.running_var.mean()) != 1.0


def test_tensors_are_named_by_position_and_must_match():
    expected = {"a": torch.zeros(2), "b": torch.zeros(3, 1)}
    named = by_position(expected, [torch.ones(2), torch.ones(3, 1)], source="file")
    assert named["b"].tolist() == [[1], [1], [1]]
    with pytest.raises(CheckpointError, match="2 tensors that don't match"):
        by_position(expected, [torch.ones(3, 1), torch.ones(2)], source="file")
    with pytest.raises(CheckpointError, match="1 tensors"):
        by_position(expected, [torch.ones(2)], source="file")


def test_a_backbone_without_known_weights_says_what_to_do():
    with pytest.raises(CheckpointError, match="set pretrained: none"):
        imagenet_file("resnet18")
    assert LITE in PACKAGES


def decoder_start(folder, **changes):
    options = {"backbone": "mobilenetv3_small_050", **SMALL, **changes}
    return Recipe(model=options, pretrained="none", decoder=str(folder))


def test_a_decoder_starts_from_a_checkpoint_with_another_backbone(tmp_path):
    torch.manual_seed(5)
    source = SegFace(Recipe(model={"backbone": LITE, **SMALL}).model_config())
    source.save_pretrained(tmp_path)
    recipe = decoder_start(tmp_path)
    model, fresh = build_model(recipe), SegFace(recipe.model_config())
    stored, started, other = (m.state_dict() for m in (source, model, fresh))
    taken = [k for k in started if not k.startswith(("backbone.", "fusion.projections."))]
    assert "fusion.mix.weight" in taken
    assert all(torch.equal(started[key], stored[key]) for key in taken)
    assert not torch.equal(other["fusion.mix.weight"], stored["fusion.mix.weight"])
    assert (
        started["fusion.projections.0.weight"].shape == other["fusion.projections.0.weight"].shape
    )


def test_a_decoder_of_another_width_is_refused_by_name(tmp_path):
    SegFace(Recipe(model={"backbone": LITE, **SMALL}).model_config()).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="give model: the same width"):
        build_model(decoder_start(tmp_path, width=64))


OWN = {
    "schema": "own",
    "label_names": ["background", "hat", "crown"],
    "label_mirror_pairs": [],
    "label_colors": [[0, 0, 0], [1, 1, 1], [2, 2, 2]],
    "label_families": [],
}


@pytest.mark.parametrize("option", ["initial", "decoder"])
def test_own_classes_take_tokens_of_the_same_name_and_new_ones_otherwise(tmp_path, option):
    source = SegFace(Recipe(model={"backbone": LITE, **SMALL}).model_config())
    source.save_pretrained(tmp_path)
    recipe = Recipe(
        model={"backbone": LITE, **SMALL, **OWN}, pretrained="none", **{option: str(tmp_path)}
    )
    model = build_model(recipe)
    tokens, theirs = model.decoder.class_tokens, source.decoder.class_tokens
    assert torch.equal(tokens[1], theirs[source.config.labels.id_of("hat")])
    assert not any(torch.equal(tokens[2], token) for token in theirs)
    assert torch.equal(model.fusion.mix.weight, source.fusion.mix.weight)


def test_a_whole_start_and_a_decoder_exclude_each_other():
    with pytest.raises(ConfigError, match="give only one of them"):
        Recipe(initial="a", decoder="b")


def test_the_average_follows_the_model_and_copies_counters():
    model = torch.nn.BatchNorm1d(1)
    average = averaged_copy(model)
    model.num_batches_tracked.fill_(7)
    with torch.no_grad():
        model.weight.fill_(3.0)
    update_average(average, model, decay=0.5, step=100)
    assert average.weight.item() == pytest.approx(2.0)
    assert average.num_batches_tracked.item() == 7
    assert not average.weight.requires_grad


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="can't write"):
        write_atomically(tmp_path / "file" / "state.pt", b"new")
    assert (tmp_path / "file").read_text() == "x"


def test_a_write_that_fails_at_its_end_leaves_nothing_behind(tmp_path):
    (tmp_path / "state.pt").mkdir()
    for _ in range(2):
        with pytest.raises(OutputError, match="can't write"):
            write_atomically(tmp_path / "state.pt", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
