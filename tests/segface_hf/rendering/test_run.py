"""A set of rendered pictures is a data folder, can be resumed, and is never mixed."""

import json

import numpy as np
import pytest
from PIL import Image

from segface_hf.data.folder import find_pairs, read_mask
from segface_hf.errors import ConfigError, OutputError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.options import RenderOptions
from segface_hf.rendering.plan import plan_picture
from segface_hf.rendering.run import claim, missing, places, render_pictures
from tests.segface_hf.rendering.simple import flat_renderer

FEW = RenderOptions(count=3, side=32)


def test_the_folder_is_what_training_reads(tmp_path):
    assert render_pictures(tmp_path, FEW, flat_renderer([])) == 3
    pairs = find_pairs(tmp_path)
    assert [pair.stem for pair in pairs] == [f"rendered-0-{i:06d}" for i in range(3)]
    for number, pair in enumerate(pairs):
        mask = read_mask(pair.mask, CELEBAMASK_HQ)
        assert mask.shape == (32, 32)
        assert (mask == number).all()
        with Image.open(pair.image) as photo:
            assert (photo.size, photo.mode) == ((32, 32), "RGB")


def test_a_second_run_renders_only_what_is_missing(tmp_path):
    render_pictures(tmp_path, FEW, flat_renderer([]))
    places(tmp_path, plan_picture(FEW, 1))[0].unlink()
    calls = []
    more = RenderOptions(count=5, side=32)
    assert render_pictures(tmp_path, more, flat_renderer(calls)) == 3
    assert calls == [1, 3, 4]


def test_an_interrupted_run_leaves_complete_files_and_resumes(tmp_path):
    calls = []

    def tired(plan, options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        return flat_renderer(calls)(plan, options)

    with pytest.raises(KeyboardInterrupt):
        render_pictures(tmp_path, FEW, tired)
    assert len(find_pairs(tmp_path)) == 2
    assert [plan.number for plan in missing(tmp_path, FEW)] == [2]
    assert list(tmp_path.rglob("*.part")) == []


def test_the_callback_runs_after_each_picture_is_written(tmp_path):
    there = []

    def on_picture(plan):
        there.append(all(path.is_file() for path in places(tmp_path, plan)))

    render_pictures(tmp_path, FEW, flat_renderer([]), on_picture=on_picture)
    assert there == [True] * 3


def test_more_pictures_and_other_seeds_can_be_added_to_a_folder(tmp_path):
    claim(tmp_path, FEW, ["b.exr", "a.exr"])
    claim(tmp_path, RenderOptions(count=9, seed=4, side=32), ["a.exr", "b.exr"])
    assert json.loads((tmp_path / "render.json").read_text())["lights"] == ["a.exr", "b.exr"]


@pytest.mark.parametrize(
    ("options", "lights", "named"),
    [(RenderOptions(side=64), ["a.exr"], "side"), (RenderOptions(side=32), ["b.exr"], "lights")],
)
def test_pictures_of_other_options_are_not_mixed(tmp_path, options, lights, named):
    claim(tmp_path, FEW, ["a.exr"])
    with pytest.raises(ConfigError, match=f"holds pictures with another {named}"):
        claim(tmp_path, options, lights)


@pytest.mark.parametrize("noted", [{"revision": 1}, {}])
def test_pictures_of_an_older_renderer_are_not_mixed_with_new_ones(tmp_path, noted):
    claim(tmp_path, FEW, ["a.exr"])
    record = tmp_path / "render.json"
    kept = json.loads(record.read_text())
    del kept["revision"]
    record.write_text(json.dumps({**kept, **noted}))
    with pytest.raises(ConfigError, match=r"another revision .*: choose another folder"):
        claim(tmp_path, FEW, ["a.exr"])


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "render.json").write_text("{")
    with pytest.raises(ConfigError, match=r"render\.json' is damaged"):
        claim(tmp_path, FEW, [])


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "masks").write_text("a file where a folder has to be")
    with pytest.raises(OutputError, match="can't write"):
        render_pictures(tmp_path, FEW, flat_renderer([]))


def test_saved_photos_keep_their_gray_values(tmp_path):
    def gray(plan, options):
        return np.full((32, 32, 3), 120, np.uint8), np.zeros((32, 32), np.uint8)

    render_pictures(tmp_path, RenderOptions(count=1, side=32), gray)
    with Image.open(next((tmp_path / "images").iterdir())) as photo:
        assert np.abs(np.asarray(photo, int) - 120).max() <= 2
