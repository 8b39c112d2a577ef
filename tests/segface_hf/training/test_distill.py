"""Distillation: the loss on hand-computed cases, and runs with teachers of other kinds."""

import math
from dataclasses import replace

import pytest
import torch

from segface_hf.errors import ConfigError
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.training.distill import Distiller, distillation_loss
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe import Distill
from segface_hf.training.run import LAST, Run
from tests.segface_hf.training.drawn import tiny_recipe
from tests.segface_hf.training.test_loop import same


@pytest.fixture
def case():
    """Two by two pixels of three classes: logits of both, and known pixels, one of them unknown."""
    teacher = torch.tensor([0.5, 0.25, 0.25]).log()[None, :, None, None].repeat(1, 1, 2, 2)
    teacher[0, :, 1, 1] = torch.tensor([50.0, -50.0, 0.0])
    known = torch.tensor([[[True, True], [True, False]]])
    return torch.zeros(1, 3, 2, 2, requires_grad=True), teacher, known


def test_the_loss_is_the_divergence_from_the_teacher_at_known_pixels(case):
    logits, teacher, known = case
    loss = distillation_loss(logits, teacher, known, temperature=1.0)
    assert loss.item() == pytest.approx(0.5 * math.log(1.5) + 0.5 * math.log(0.75), abs=1e-6)
    loss.backward()
    # (student - teacher) / known pixels.
    expected = torch.tensor([1 / 3 - 1 / 2, 1 / 3 - 1 / 4, 1 / 3 - 1 / 4]) / 3
    assert torch.allclose(logits.grad[0, :, 0, 0], expected, atol=1e-6)
    assert (logits.grad[0, :, 1, 1] == 0).all()


def test_the_temperature_softens_both_and_scales_by_its_square(case):
    logits, teacher, known = case
    root = math.sqrt(2)
    p, q = root / (root + 2), 1 / (root + 2)
    divergence = p * math.log(3 * p) + 2 * q * math.log(3 * q)
    loss = distillation_loss(logits, teacher, known, temperature=2.0)
    assert loss.item() == pytest.approx(4 * divergence, abs=1e-6)


def test_a_model_that_equals_its_teacher_and_one_without_known_pixels_have_no_loss(case):
    _, teacher, known = case
    assert distillation_loss(teacher, teacher, known, temperature=3.0).item() == 0
    assert distillation_loss(teacher * 0, teacher, known & False, temperature=1.0).item() == 0


def saved_teacher(folder, **model):
    torch.manual_seed(7)
    config = tiny_recipe(model={**tiny_recipe().model_options(), **model}).model_config()
    SegFace(config).save_pretrained(folder)
    return str(folder)


def test_a_teacher_of_another_side_and_normalization_sees_the_same_photo(tmp_path):
    options = {"resolution": 64, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.2)}
    name = saved_teacher(tmp_path / "teacher", **options)
    recipe = tiny_recipe(distill={"teacher": name})
    distiller = Distiller.of(recipe, torch.device("cpu"))
    images = torch.rand(2, 3, 32, 32)
    seen = []
    original = distiller.teacher.logits
    distiller.teacher.logits = lambda pixels: seen.append(pixels) or original(pixels)
    masks = torch.full((2, 32, 32), 2)
    masks[:, :16] = IGNORED
    student = recipe.model_config()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (student.mean, student.std))
    loss = distiller.loss(torch.zeros(2, 19, 8, 8), (images - mean) / std, masks)
    assert loss.item() > 0
    assert seen[0].shape == (2, 3, 64, 64)
    mean, std = (torch.tensor(options[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    shown = seen[0] * std + mean
    assert shown.mean((2, 3)).allclose(images.mean((2, 3)), atol=0.02)


def test_a_run_with_a_teacher_resumes_bit_for_bit_and_names_it(folder, tmp_path):
    name = saved_teacher(tmp_path / "teacher", resolution=64)
    recipe = tiny_recipe(distill={"teacher": name, "weight": 0.5})
    data = prepare(folder, recipe)

    def run(out):
        current = Run(recipe, data, tmp_path / out)
        start(current)
        return current

    whole, cut = run("whole"), run("cut")
    train(whole)
    cut.advance()
    cut.save()
    resumed = run("cut")
    assert resumed.step == 1
    train(resumed)
    assert same(whole.model.state_dict(), resumed.model.state_dict())
    assert f"- distillation: `{name}`" in (tmp_path / "whole" / LAST / "README.md").read_text()
    plain = Run(replace(recipe, distill=Distill()), data, tmp_path / "plain")
    train(plain)
    assert not same(whole.model.state_dict(), plain.model.state_dict())


def test_a_teacher_of_other_classes_and_impossible_factors_are_refused(tmp_path):
    torch.manual_seed(0)
    model = {**tiny_recipe().model_options(), "schema": "lapa"}
    SegFace(tiny_recipe(model=model, tail={}).model_config()).save_pretrained(tmp_path / "lapa")
    recipe = tiny_recipe(distill={"teacher": str(tmp_path / "lapa")})
    with pytest.raises(ConfigError, match="has other classes than the recipe's model"):
        Distiller.of(recipe, torch.device("cpu"))
    for options in ({"weight": 0.0}, {"temperature": -1.0}):
        with pytest.raises(ConfigError, match=r"distill\.(weight|temperature) is above 0"):
            Distill(**options)
