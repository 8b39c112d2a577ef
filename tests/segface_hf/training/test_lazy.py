"""Photos that don't fit in memory give the batches of those that do, in bounded memory."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.data.folder import find_pairs
from segface_hf.data.photo_set import load_photos
from segface_hf.data.stacks import LazyImages, PackedMasks, StackSource
from segface_hf.errors import DataError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.modeling.segface import SegFace
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import DataFolder, prepare, step_batch
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.run import Run
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair
from tests.segface_hf.training.test_loop import same

# Python 3.12 warns of forks beside other threads, which these processes don't touch.
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def more(tmp_path):
    """Two further faces, one with a swapped mask, and one whole photo of two faces."""
    root = tmp_path / "more"
    for seed in range(2):
        image, mask = draw_face(50 + seed)
        write_pair(root, f"more{seed}", image, mask[:, ::-1] if seed else mask)
    both = [draw_face(seed) for seed in (60, 61)]
    write_pair(root, "wide", *(np.concatenate(parts, 1) for parts in zip(*both, strict=True)))
    return root


@pytest.mark.parametrize("how", ["repair", "set_aside"])
def test_lazy_photos_give_the_same_batches(folder, more, tmp_path, how):
    torch.manual_seed(0)
    SegFace(tiny_recipe().model_config()).save_pretrained(tmp_path / "teacher")
    recipe = tiny_recipe(
        tail={"paste": {"eyeglasses": 0.9}, "swapped": how, "missing": "complete"},
        pseudo={"teacher": str(tmp_path / "teacher"), "confidence": 0.0},
    )
    folders = [DataFolder(folder, 1.0), DataFolder(more, 1.0)]
    options = {"unlabeled": folder, "synthetic": more}
    held, lazy = (prepare(folders, recipe, **options, memory=m) for m in (None, 0))
    assert isinstance(held.photos.images, torch.Tensor)
    assert isinstance(lazy.photos.images, LazyImages)
    assert isinstance(lazy.photos.masks, PackedMasks)
    assert (lazy.sources(), lazy.swapped, lazy.missing) == (
        held.sources(),
        held.swapped,
        held.missing,
    )
    assert lazy.missing
    assert torch.equal(lazy.weights, held.weights)
    assert lazy.bank.donors == held.bank.donors
    for step in range(4):
        for ours, theirs in zip(*(step_batch(d, recipe, step) for d in (lazy, held)), strict=True):
            assert torch.equal(ours, theirs)


@FORKS
def test_a_lazy_run_in_processes_has_the_weights_of_one_in_memory_and_resumes(folder, tmp_path):
    recipe = tiny_recipe()

    def run(name, **options):
        data = prepare(folder, recipe, memory=options.pop("memory", None))
        current = Run(recipe, data, tmp_path / name, **options)
        start(current)
        return current

    held = run("held")
    train(held)
    lazy = run("lazy", memory=0, loaders=2)
    lazy.advance()
    lazy.save()
    lazy.advance()
    lazy = run("lazy", memory=0, loaders=1)
    assert lazy.step == 1
    train(lazy)
    assert same(held.model.state_dict(), lazy.model.state_dict())


def test_a_hundred_large_photos_are_read_in_the_memory_of_a_few(tmp_path):
    image, mask = draw_face(0)
    for number in range(100):
        write_pair(tmp_path / "many", f"f{number:03}", image, mask)
    pairs = find_pairs(tmp_path / "many")
    tracemalloc.start()
    photos = load_photos(pairs, CELEBAMASK_HQ, side=512, aligned=True, lazy=True)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    in_memory = 100 * 4 * 512 * 512
    assert kept < in_memory / 50
    assert most < in_memory / 5
    assert photos.images[torch.tensor([3, 99])].shape == (2, 3, 512, 512)


def test_a_photo_that_was_deleted_meanwhile_is_named(tmp_path):
    path = tmp_path / "gone.png"
    Image.new("RGB", (8, 8)).save(path)
    images = LazyImages((StackSource(path),), 8)
    assert images[0].shape == (3, 8, 8)
    path.unlink()
    with pytest.raises(DataError, match=r"gone\.png can't be read as a photo"):
        images[torch.tensor([0])]


@FORKS
def test_the_command_takes_memory_and_loaders(folder, tmp_path, capsys):
    write_recipe(tiny_recipe(steps=1), tmp_path / "recipe.yaml")
    words = ["train", "--data", str(folder), "--out", str(tmp_path / "run")]
    words += ["--config", str(tmp_path / "recipe.yaml"), "--memory", "0", "--loaders", "1"]
    assert main(words) == 0
    assert "6 photos decoded when needed, 0 to evaluate" in capsys.readouterr().out
