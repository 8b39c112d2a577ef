"""Several data folders: the share of each, what a run records of them, and what is refused."""

import pytest
import torch

from segface_hf.cli.program import main
from segface_hf.cli.train import path_and_weight
from segface_hf.errors import ConfigError
from segface_hf.training.prepare import DataFolder, prepare
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.run import Run
from segface_hf.training.sampling import step_generator
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair


@pytest.fixture
def small(tmp_path):
    """Two drawn faces, one with a name of the other folder and a swapped mask."""
    root = tmp_path / "small"
    for seed in range(2):
        image, mask = draw_face(50 + seed)
        write_pair(root, f"face{seed}", image, mask[:, ::-1] if seed else mask)
    return root


def drawn_share(data, recipe, start, stop):
    """How often photos at these positions are drawn."""
    batches = [data.choose(recipe, step_generator(0, step)) for step in range(1500)]
    chosen = torch.cat(batches)
    return ((chosen >= start) & (chosen < stop)).double().mean().item()


def test_a_weight_is_the_share_of_a_folder_however_many_photos_it_has(folder, small):
    recipe = tiny_recipe(tail={"sampling": "uniform"})
    data = prepare([DataFolder(folder, 1.0), DataFolder(small, 3.0)], recipe)
    assert drawn_share(data, recipe, 6, 8) == pytest.approx(0.75, abs=0.03)
    weights = data.weights / data.weights.sum()
    assert weights[:6].sum().item() == pytest.approx(0.25)
    assert torch.allclose(weights[6:], torch.full((2,), 0.375, dtype=torch.float64))


def test_without_weights_every_photo_counts_alike(folder, small):
    recipe = tiny_recipe(tail={"sampling": "uniform"})
    data = prepare([DataFolder(folder), DataFolder(small)], recipe)
    assert data.weights.tolist() == [1.0] * 8
    assert drawn_share(data, recipe, 6, 8) == pytest.approx(0.25, abs=0.03)


def test_a_folder_keeps_its_share_of_the_photos_beside_synthetic_pictures(folder, small):
    recipe = tiny_recipe(tail={"sampling": "balanced", "synthetic": 0.5})
    folders = [DataFolder(folder, 1.0), DataFolder(small, 1.0)]
    data = prepare(folders, recipe, synthetic=folder)
    shares = [drawn_share(data, recipe, *ends) for ends in ((0, 6), (6, 8), (8, 14))]
    assert shares == pytest.approx([0.25, 0.25, 0.5], abs=0.03)


def test_only_the_swapped_mask_of_its_own_folder_is_repaired(folder, small):
    data = prepare([DataFolder(folder), DataFolder(small)], tiny_recipe())
    assert data.swapped == ("face1",)
    alone = prepare(folder, tiny_recipe())
    assert torch.equal(data.photos.masks[:6], alone.photos.masks)


def test_a_run_resumes_with_the_same_weights_only(folder, small, tmp_path):
    def resumed(*weights):
        folders = [DataFolder(path, w) for path, w in zip((folder, small), weights, strict=True)]
        run = Run(tiny_recipe(), prepare(folders, tiny_recipe()), tmp_path / "run")
        return run.resume() or run.save()

    resumed(1.0, 3.0)
    assert resumed(1.0, 3.0)
    with pytest.raises(ConfigError, match="8 photos, folders drawn 1:3, and these are 8 photos: "):
        resumed(None, None)


def test_the_command_takes_several_folders(folder, small, tmp_path, capsys):
    write_recipe(tiny_recipe(steps=1), tmp_path / "recipe.yaml")
    words = ["train", "--out", str(tmp_path / "run"), "--config", str(tmp_path / "recipe.yaml")]
    assert main([*words, "--data", f"{folder}:2", f"{small}:1"]) == 0
    assert "8 photos, folders drawn 2:1, 0 to evaluate" in capsys.readouterr().out
    assert main([*words, "--data", f"{folder}:2", str(small)]) == 2
    assert "small has no weight and other folders have one" in capsys.readouterr().err


def test_a_weight_is_split_from_the_end_of_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set:7").mkdir()
    assert path_and_weight("faces:0.5") == ("faces", 0.5)
    assert path_and_weight("set:7") == ("set:7", None)
    assert path_and_weight("set:7:2") == ("set:7", 2.0)
    assert path_and_weight("C:/faces") == ("C:/faces", None)
    for wrong in ("faces:0", "faces:-1", "faces:nan", "faces:inf"):
        with pytest.raises(ConfigError, match="expected a finite weight above 0"):
            path_and_weight(wrong)
