"""Recipes round-trip through YAML and refuse what can't work."""

from dataclasses import replace

import pytest

from segface_hf.errors import ConfigError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe
from segface_hf.training.recipe_file import read_recipe, write_recipe
from tests.segface_hf.training.drawn import tiny_recipe


def test_a_recipe_survives_yaml(tmp_path):
    recipe = tiny_recipe(resolutions=[[0.0, 32], [0.5, 64]], loss={"dice": 0.5})
    write_recipe(recipe, tmp_path / "run.yaml")
    assert read_recipe(tmp_path / "run.yaml") == recipe


def test_absent_options_take_their_defaults(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert read_recipe(tmp_path / "empty.yaml") == Recipe()


def test_numbers_like_1e_3_are_read_as_numbers(tmp_path):
    (tmp_path / "run.yaml").write_text("learning_rate: 1e-3\ntail: {paste: {hat: 2e-1}}\n")
    recipe = read_recipe(tmp_path / "run.yaml")
    assert (recipe.learning_rate, recipe.tail.paste) == (0.001, {"hat": 0.2})


def test_one_field_of_the_model_is_changed_by_naming_it(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "model: {resolution: 96, label_names: [background, face], label_colors: [[0, 0, 0], "
        "[9, 9, 9]]}\n"
    )
    recipe = read_recipe(tmp_path / "own.yaml")
    own, default = recipe.model_config(), Recipe().model_config()
    assert (own.resolution, own.labels.names) == (96, ("background", "face"))
    kept = ("backbone", "width", "mlp_dim", "upscale_dims", "refine", "detail", "mean", "std")
    assert [getattr(own, name) for name in kept] == [getattr(default, name) for name in kept]
    write_recipe(recipe, tmp_path / "run.yaml")
    assert read_recipe(tmp_path / "run.yaml") == recipe


def test_a_run_that_starts_from_a_checkpoint_has_its_model(tmp_path):
    (tmp_path / "own.yaml").write_text("initial: embedded\n")
    shipped = SegFace.from_pretrained("embedded").config
    own = read_recipe(tmp_path / "own.yaml").model_config()
    assert any(shipped.class_bias)
    assert own == replace(shipped, class_bias=(), source="", source_digest="", license="")
    (tmp_path / "own.yaml").write_text("initial: embedded\nmodel: {resolution: 96}\n")
    changed = read_recipe(tmp_path / "own.yaml")
    assert changed.model_config() == replace(own, resolution=96)
    write_recipe(changed, tmp_path / "run.yaml")
    text = (tmp_path / "run.yaml").read_text().replace("embedded", str(tmp_path / "gone"))
    (tmp_path / "run.yaml").write_text(text)
    assert read_recipe(tmp_path / "run.yaml").model_config() == changed.model_config()


SIDED = {
    "label_names": ["background", "left ear", "Right Ear", "l_eye", "r_eye"],
    "label_colors": [[index] * 3 for index in range(5)],
}


@pytest.mark.parametrize(
    "given",
    [
        {"label_mirror_pairs": [[1, 2], [3, 4]]},
        {"schema": "mine"},
        {
            "label_mirror_pairs": [[4, 5], [6, 7], [8, 9]],
            "label_names": [*CELEBAMASK_HQ.names, "moustache"],
            "label_colors": [[1, 2, 3]] * 20,
        },
    ],
)
def test_classes_of_its_own_survive_yaml(tmp_path, given):
    recipe = Recipe.from_dict({"model": {**SIDED, **given}, "augment": {"flip": 0.0}})
    write_recipe(recipe, tmp_path / "run.yaml")
    assert read_recipe(tmp_path / "run.yaml") == recipe
    assert recipe.model_config().schema == given.get("schema", "own")


def test_a_flip_without_mirror_pairs_is_refused():
    message = r"swaps 'l_eye' and 'r_eye', .*label_mirror_pairs: \[\[1, 2\], \[3, 4\]\], or set"
    with pytest.raises(ConfigError, match=message):
        Recipe.from_dict({"model": {**SIDED, "label_mirror_pairs": [[1, 2]]}})
    with pytest.raises(ConfigError, match="'left ear' and 'Right Ear', 'l_eye' and 'r_eye', but"):
        Recipe.from_dict({"model": SIDED})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tail": {"paste": {"hat": 0.1}}}, r"tail\.paste\.hat .* l_eye, mouth or l_lip or u_lip:"),
        ({"tail": {"drawn": {"hat": 0.1}}}, r"tail\.drawn\.hat locates the face"),
        ({"tail": {"drawn": {"earring": 0.1}}}, r"tail\.drawn\.earring .* lacks, l_ear or r_ear:"),
        ({"augment": {"occluded": 0.1}}, r"augment\.occluded .* upper lip\), or remove"),
    ],
)
def test_parts_that_cannot_be_located_by_the_classes_are_refused(options, message):
    names = ["background", "Right Eye", "nose", "hat", "earring"]
    model = {"label_names": names, "label_colors": [[1, 2, 3]] * 5}
    with pytest.raises(ConfigError, match=message):
        Recipe.from_dict({"model": model, **options})
    off = {"tail": {"paste": {"hat": 0}, "drawn": {"hat": 0, "earring": 0}}}
    assert Recipe.from_dict({"model": model, **off}).tail.paste == {"hat": 0}


@pytest.mark.parametrize(
    "plain", [{"refine": False}, {"width": 256}, {"mean": [0.485, 0.456, 0.406]}]
)
def test_a_model_without_optional_parts_survives_yaml(tmp_path, plain):
    recipe = tiny_recipe(model={"backbone": "mobilenet", **plain})
    write_recipe(recipe, tmp_path / "run.yaml")
    assert read_recipe(tmp_path / "run.yaml") == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 3", "no options \\['stepps'\\]"),
        ("loss: {dise: 1}", "recipe.loss has no options"),
        ("loss: {class_weights: lots}", "class_weights is one of"),
        ("augment: {flip: 2}", "flip is a probability"),
        ("steps: 0", "steps is >= 1"),
        ("steps: soon", "recipe.steps is of type int"),
        ("precision: fp8", "precision is one of"),
        ("resolutions: [[0.5, 64]]", "start at 0.0"),
        ("resolutions: [[0.0, 50]]", "multiples of 32"),
        ("resolutions: [[0.0, 64], [1.0, 96]]", "fractions of the run below 1"),
        ("loss: {dice: -1, cross_entropy: 2}", "loss.dice is at least 0, got -1"),
        ("loss: {cross_entropy: -1, dice: 2}", "loss.cross_entropy is at least 0"),
        ("loss: {logit_adjustment: -9}", "loss.logit_adjustment is at least 0"),
        ("tail: {sampling_power: -3}", "tail.sampling_power is at least 0"),
        ("learning_rate: fast", "learning_rate is a number"),
        ("model: {backbone: x, widht: 3}", "unknown configuration keys"),
        ("tail: {sampling: odd}", "sampling is one of"),
        ("tail: {swapped: burn}", "swapped is one of"),
        ("tail: {paste: [hat]}", "recipe.tail.paste is a mapping"),
        ("tail: {paste: {hat: often}}", "recipe.tail.paste.hat is a number"),
        ("tail: {drawn: {hat: null}}", "recipe.tail.drawn.hat is a number"),
        ("model: 5", "recipe.model is a mapping"),
        ("resolutions: 192", "recipe.resolutions is a list"),
        ("resolutions: [192]", "recipe.resolutions\\[0\\] is a list"),
        ("resolutions: [[0.0]]", "recipe.resolutions\\[0\\] is a list of 2"),
        ("resolutions: [[0.0, 0]]", "multiples of 32"),
        ("learning_rate: .nan", "learning_rate is a number"),
        ("learning_rate: -1", "learning_rate is above 0"),
        ("clip: 0", "clip is above 0"),
        ("evaluate_every: -5", "evaluate_every is at least 0"),
        ("augment: {noise: -1}", "noise is at least 0"),
        ("- a list", "must be a mapping"),
        ("a: [1", "can't read the recipe"),
    ],
)
def test_a_bad_option_is_named(tmp_path, text, message):
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_recipe(tmp_path / "run.yaml")


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"can't read the recipe .*none\.yaml"):
        read_recipe(tmp_path / "none.yaml")


def test_resolution_follows_the_stages():
    recipe = tiny_recipe(resolutions=[[0.0, 32], [0.5, 64]])
    assert [recipe.resolution_at(p) for p in (0.0, 0.49, 0.5, 1.0)] == [32, 32, 64, 64]
    assert tiny_recipe().resolution_at(0.3) == 32
