"""Averaging checkpoints: the arithmetic, the saved type, and what is refused."""

import math

import pytest
import torch

from segface_hf.checkpoints.publish import plan
from segface_hf.cli.program import main
from segface_hf.errors import CheckpointError, ConfigError
from segface_hf.inference.infer import infer
from segface_hf.modeling.calibration import with_class_bias, with_head_scales
from segface_hf.modeling.segface import SegFace
from segface_hf.training.average import mean_of
from tests.segface_hf.training.drawn import tiny_recipe


def model(seed, **options):
    torch.manual_seed(seed)
    plain = dict(tiny_recipe().model_options())
    return SegFace(tiny_recipe(model={**plain, **options}).model_config()).eval()


def test_every_weight_is_the_weighted_mean():
    first, second = model(1), model(2)
    mean = mean_of([first, second], [2, 1])
    for key, value in mean.state_dict().items():
        if value.is_floating_point():
            expected = (2 * first.state_dict()[key] + second.state_dict()[key]) / 3
            assert torch.allclose(value, expected, atol=1e-6)


def test_the_command_saves_a_checkpoint_that_loads(tmp_path, capsys):
    for seed in (1, 2):
        model(seed).save_pretrained(tmp_path / str(seed))
    folders = [str(tmp_path / name) for name in ("1", "2")]
    out = str(tmp_path / "mean")
    assert main(["average", *folders, "--out", out, "--dtype", "float16"]) == 0
    assert "2 checkpoints averaged" in capsys.readouterr().out
    loaded = SegFace.from_pretrained(out)
    expected = mean_of([model(1), model(2)], [1, 1])
    for key, value in loaded.state_dict().items():
        assert torch.allclose(value.float(), expected.state_dict()[key].float(), atol=2e-3)


@pytest.mark.parametrize("shares", [[1], [1, -1], [0, 0], [math.nan, 1], [math.inf, 1]])
def test_invalid_shares_are_refused(shares):
    with pytest.raises(ConfigError, match="a share of at least 0 for each of 2 models"):
        mean_of([model(1), model(2)], shares)


def test_models_of_different_architectures_are_refused():
    with pytest.raises(ConfigError, match="different architectures"):
        mean_of([model(1), model(1, width=32)], [1, 1])


def test_a_class_bias_moves_that_class_and_survives_saving(tmp_path):
    plain = model(1)
    plain.save_pretrained(tmp_path / "plain")
    out = str(tmp_path / "calibrated")
    bias = ["--bias", "necklace=-2.5", "hat=1"]
    assert main(["average", str(tmp_path / "plain"), "--out", out, *bias]) == 0
    loaded, pixels = SegFace.from_pretrained(out), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        moved = (loaded.logits(pixels) - plain.logits(pixels)).mean((0, 2, 3))
    labels = plain.config.labels
    expected = torch.zeros(labels.num_classes)
    expected[labels.id_of("necklace")], expected[labels.id_of("hat")] = -2.5, 1.0
    assert torch.allclose(moved, expected, atol=1e-5)
    assert loaded.state_dict().keys() == plain.state_dict().keys()


def biased(seed, **constants):
    plain = model(seed)
    return with_class_bias(plain, constants)


def test_a_new_class_bias_keeps_those_of_other_classes(tmp_path, capsys):
    biased(1, necklace=-0.5, hat=2).save_pretrained(tmp_path / "biased")
    out = str(tmp_path / "out")
    assert main(["average", str(tmp_path / "biased"), "--out", out, "--bias", "hat=-1"]) == 0
    labels = model(1).config.labels
    held = dict(zip(labels.names, SegFace.from_pretrained(out).config.class_bias, strict=True))
    assert {name: value for name, value in held.items() if value} == {"necklace": -0.5, "hat": -1}
    assert "added to logits: hat -1, necklace -0.5" in capsys.readouterr().out


def test_constants_of_several_models_are_averaged_as_their_weights_are():
    mean = mean_of([biased(1, necklace=-2), model(2)], [1, 3])
    assert mean.config.class_bias[mean.config.labels.id_of("necklace")] == -0.5


def test_an_invalid_class_bias_is_refused(tmp_path, capsys):
    model(1).save_pretrained(tmp_path / "plain")
    command = ["average", str(tmp_path / "plain"), "--out", str(tmp_path / "out"), "--bias"]
    assert main([*command, "crown=1"]) != 0
    assert "crown" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "necklace"])
    assert "expected NAME=NUMBER, got necklace" in capsys.readouterr().err


def test_a_scaled_head_gives_the_same_labels_by_every_path_and_survives_saving(tmp_path, capsys):
    plain, pixels = model(1), torch.randn(1, 3, 64, 64)
    plain.save_pretrained(tmp_path / "plain")
    command = ["average", str(tmp_path / "plain"), "--out", str(tmp_path / "out"), "--head"]
    assert main([*command, "L0.cross.1=3", "L0.image.0=-2", "L0.self.0=0", "final.1=0.5"]) == 0
    assert "heads: L0.self.0 x 0, L0.cross.1 x 3, L0.image.0 x -2" in capsys.readouterr().out
    scaled = SegFace.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        logits = scaled(pixels)
        assert not torch.allclose(logits, plain(pixels), atol=1e-2)
        assert torch.allclose(infer(scaled, pixels, logits=True).logits, logits, atol=1e-4)
        again = with_head_scales(scaled, dict.fromkeys(scaled.config.head_names, 1))
        assert torch.equal(again(pixels), plain(pixels))
    assert "Scaled heads (`head_scales`): L0.self.0 x 0" in (tmp_path / "out/README.md").read_text()
    with pytest.raises(ConfigError, match=r"no head is named 'L7.cross.0': heads are L0.self.0 to"):
        with_head_scales(plain, {"L7.cross.0": 0.5})
    with pytest.raises(ConfigError, match="scale different heads"):
        mean_of([plain, scaled], [1, 1])


def test_the_card_names_what_was_averaged_and_claims_no_score(tmp_path):
    biased(1, hat=2).save_pretrained(tmp_path / "a")
    model(2).save_pretrained(tmp_path / "b")
    (tmp_path / "a" / "README.md").write_text("Mean F1 0.9")
    names, out = [str(tmp_path / name) for name in "ab"], tmp_path / "deep" / "out"
    assert main(["average", *names, "--out", str(out), "--shares", "3", "1"]) == 0
    card = (out / "README.md").read_text()
    assert f"| `{names[0]}` | 3 |\n| `{names[1]}` | 1 |" in card
    assert "Added to logits (`class_bias`): hat +1.5." in card
    assert "Mean F1" not in card
    with pytest.raises(CheckpointError, match="write in place of that sentence"):
        plan(out, "ada/face", build=SegFace)


@pytest.mark.parametrize("held", ["model.safetensors", "config.json", "README.md"])
def test_a_folder_with_another_checkpoint_is_not_changed(tmp_path, held, capsys):
    model(1).save_pretrained(tmp_path / "plain")
    out = tmp_path / "out"
    out.mkdir()
    (out / held).write_text("Mean F1 0.9")
    assert main(["average", str(tmp_path / "plain"), "--out", str(out)]) == 2
    assert f"holds {held}: choose another --out" in capsys.readouterr().err
    assert [path.read_text() for path in out.iterdir()] == ["Mean F1 0.9"]
