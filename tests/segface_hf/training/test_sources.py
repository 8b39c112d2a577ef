"""A run resumes only with the masks that it was trained and evaluated on."""

import shutil

import numpy as np
import pytest
from PIL import Image

from segface_hf.data.folder import find_pairs
from segface_hf.errors import ConfigError
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import prepare
from segface_hf.training.run import Run
from segface_hf.training.state import STATE_FILE, load_state, save_state
from tests.segface_hf.training.drawn import tiny_recipe
from tests.segface_hf.training.test_loop import new_run


def redraw(folder, change):
    """Changes every mask of a data folder."""
    for path in (folder / "masks").iterdir():
        Image.fromarray(change(np.array(Image.open(path)))).save(path)


def test_a_run_resumes_with_its_own_masks_only(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe, evaluate=False).save()
    redraw(folder, np.copy)
    new_run(folder, tmp_path / "run", recipe, evaluate=False)
    redraw(folder, lambda mask: (mask > 0) * np.uint8(2))
    with pytest.raises(ConfigError, match=r"other masks of 6 photos, .*name the same --data"):
        new_run(folder, tmp_path / "run", recipe, evaluate=False)


def test_a_run_resumes_with_its_own_pictures_only(folder, tmp_path):
    recipe = tiny_recipe(steps=1, tail={})
    rendered = shutil.copytree(folder, tmp_path / "rendered")

    def run():
        data = prepare(folder, recipe, synthetic=rendered)
        started = Run(recipe, data, tmp_path / "run")
        start(started)
        return started

    run().save()
    run()
    redraw(rendered, lambda mask: (mask > 0) * np.uint8(2))
    with pytest.raises(ConfigError, match=r"other masks of 6 photos, 6 synthetic pictures"):
        run()


def test_an_evaluated_run_resumes_with_the_same_val_only(folder, tmp_path, recipe):
    val = shutil.copytree(folder, tmp_path / "val")

    def run(validation=()):
        started = Run(recipe, prepare(folder, recipe), tmp_path / "run", validation)
        start(started)
        return started

    run().save()
    first = run(find_pairs(val))
    first.record(first.evaluate(), loss=1.0)
    first.save()
    run(find_pairs(val))
    redraw(val, lambda mask: (mask > 0) * np.uint8(2))
    with pytest.raises(ConfigError, match=r"evaluated on other masks of 6 photos.*the same --val"):
        run(find_pairs(val))
    with pytest.raises(ConfigError, match="evaluated on 6 photos, and these are 2 photos"):
        run(find_pairs(val)[:2])
    with pytest.raises(ConfigError, match="evaluated on 6 photos, and these are 0 photos"):
        run()


def test_a_state_without_a_digest_of_masks_is_resumed(folder, tmp_path, recipe):
    first = new_run(folder, tmp_path / "run", recipe)
    first.record(first.evaluate(), loss=1.0)
    first.save()
    state = load_state(tmp_path / "run" / STATE_FILE)
    del state["sources"]["masks"], state["validation"]
    save_state(tmp_path / "run" / STATE_FILE, state)
    assert train(new_run(folder, tmp_path / "run", recipe))
