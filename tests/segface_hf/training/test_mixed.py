"""Synthetic pictures: their share of batches, and statistics that depend on photos only."""

from dataclasses import replace

import pytest
import torch

from segface_hf.cli.program import main
from segface_hf.errors import ConfigError, DataError
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe import Tail
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.run import Run
from segface_hf.training.sampling import SamplingGroup, step_generator
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair


@pytest.fixture
def pictures(tmp_path):
    """Forty pictures with glasses, whose left and right are swapped on purpose in the first."""
    root = tmp_path / "rendered"
    for seed in range(40):
        image, mask = draw_face(100 + seed, glasses=True)
        write_pair(root, f"rendered{seed:02}", image, mask[:, ::-1] if seed == 0 else mask)
    return root


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_the_share_of_pictures_in_batches_does_not_depend_on_their_number(folder, pictures, share):
    recipe = tiny_recipe(tail={"synthetic": share, "sampling": "balanced"})
    data = prepare(folder, recipe, synthetic=pictures)
    few = replace(
        data,
        weights=data.weights[:7],
        groups=(SamplingGroup(0, 6, 1 - share), SamplingGroup(6, 7, share)),
    )
    for mixture in (data, few):
        batches = [mixture.choose(recipe, step_generator(0, step)) for step in range(1000)]
        assert (torch.cat(batches) >= 6).double().mean() == pytest.approx(share, abs=0.04)


def test_weights_and_donors_depend_on_photos_only(folder, pictures):
    recipe = tiny_recipe()
    alone, data = prepare(folder, recipe), prepare(folder, recipe, synthetic=pictures)
    assert torch.equal(data.share, alone.share)
    assert data.bank.donors == alone.bank.donors
    assert len(data.bank.anchors) == len(data.photos) == 46
    assert torch.allclose(data.weights[:6] / data.weights[:6].mean(), alone.weights)


def test_pictures_change_no_class_weight(folder, pictures, tmp_path):
    recipe = tiny_recipe(loss={"class_weights": "effective_number", "weight_limit": 1000.0})
    run = Run(recipe, prepare(folder, recipe), tmp_path / "run")
    images, masks = run.data.batch(recipe, side=32, generator=step_generator(0, 0))
    alone = run._loss(run.model, images, masks)
    run.data = prepare(folder, recipe, synthetic=pictures)
    assert len(run.data.photos) == 46
    assert run._loss(run.model, images, masks).item() == pytest.approx(alone.item())


def test_masks_of_pictures_are_never_repaired(folder, pictures):
    recipe = tiny_recipe(tail={"swapped": "repair"})
    data = prepare(folder, recipe, synthetic=pictures)
    assert data.swapped == ()
    assert data.photos.stems[6] == "rendered00"


def test_a_run_trains_on_both_and_says_how_many_there_are(folder, pictures, tmp_path, capsys):
    write_recipe(tiny_recipe(evaluate_every=0), tmp_path / "recipe.yaml")
    code = main(
        [
            "train",
            "--data",
            str(folder),
            "--synthetic",
            str(pictures),
            "--out",
            str(tmp_path / "run"),
            "--config",
            str(tmp_path / "recipe.yaml"),
        ]
    )
    assert code == 0
    assert "6 photos, 40 synthetic pictures, " in capsys.readouterr().out


def test_a_share_of_zero_or_one_and_an_empty_folder_are_refused(folder, tmp_path):
    for share in (0.0, 1.0):
        with pytest.raises(ConfigError, match=r"tail\.synthetic is a share between 0 and 1"):
            Tail(synthetic=share)
    with pytest.raises(DataError, match="is not a folder"):
        prepare(folder, tiny_recipe(), synthetic=tmp_path / "none")
