"""The training loop learns, is repeatable, and resumes bit for bit after a kill."""

import json

import numpy as np
import pytest
import torch

from segface_hf.cli.program import main
from segface_hf.data.folder import find_pairs
from segface_hf.errors import CheckpointError, ConfigError, DivergedError, OutputError
from segface_hf.evaluation.scores import Scores
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.modeling.segface import SegFace
from segface_hf.training.loop import STOP_FILE, start, train
from segface_hf.training.optim import learning_rate
from segface_hf.training.parallel import ThreadReplicas
from segface_hf.training.prepare import prepare
from segface_hf.training.run import BEST, LAST, Run
from segface_hf.training.state import STATE_FILE, load_state, save_state
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair


def new_run(folder, out, recipe, *, evaluate=True):
    pairs = find_pairs(folder) if evaluate else ()
    run = Run(recipe, prepare(folder, recipe), out, pairs)
    start(run)
    return run


def weights_of(folder):
    return SegFace.from_pretrained(folder).state_dict()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_killed_run_resumes_bit_for_bit(folder, tmp_path, recipe):
    whole = new_run(folder, tmp_path / "whole", recipe)
    assert train(whole)
    killed = new_run(folder, tmp_path / "killed", recipe)
    for _ in range(2):
        killed.advance()
    killed.save()
    killed.advance()  # Work after the last saved state is lost, as in a kill.
    del killed
    resumed = new_run(folder, tmp_path / "killed", recipe)
    assert resumed.step == 2
    assert train(resumed)
    assert same(whole.model.state_dict(), resumed.model.state_dict())
    assert same(weights_of(tmp_path / "whole" / LAST), weights_of(tmp_path / "killed" / LAST))
    whole_moments = whole.optimizer.state_dict()["state"]
    resumed_moments = resumed.optimizer.state_dict()["state"]
    assert all(
        torch.equal(whole_moments[k]["exp_avg"], resumed_moments[k]["exp_avg"])
        for k in whole_moments
    )


def test_a_diverged_loss_ends_the_run_and_keeps_the_saved_state(folder, tmp_path):
    recipe = tiny_recipe(learning_rate=1e30, backbone_rate=1e30, checkpoint_every=1, warmup_steps=0)
    run = new_run(folder, tmp_path / "run", recipe, evaluate=False)
    run.save()
    with pytest.raises(DivergedError, match="lower learning_rate and backbone_rate"):
        train(run)
    state = load_state(tmp_path / "run" / STATE_FILE)
    assert state["step"] == run.step < recipe.steps
    assert all(
        torch.isfinite(value).all() for value in weights_of(tmp_path / "run" / LAST).values()
    )


def test_two_workers_give_the_same_weights_every_time(folder, tmp_path):
    recipe = tiny_recipe(workers=2, batch_size=4, steps=2)
    runs = [new_run(folder, tmp_path / name, recipe, evaluate=False) for name in "ab"]
    assert all(train(run) for run in runs)
    assert same(runs[0].model.state_dict(), runs[1].model.state_dict())


def test_replicas_give_the_gradient_of_the_whole_batch():
    images, masks = torch.randn(3, 4), torch.randn(3, 2)
    gradients = []
    for workers in (1, 2, 3):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 2)
        loss = ThreadReplicas(model, workers).backward(
            images, masks, lambda member, x, y: (member(x) - y).square().mean()
        )
        gradients.append((loss, model.weight.grad))
    for loss, gradient in gradients[1:]:
        assert loss == pytest.approx(gradients[0][0], abs=1e-6)
        assert torch.allclose(gradient, gradients[0][1], atol=1e-6)


def test_training_learns_drawn_faces(folder, tmp_path):
    recipe = tiny_recipe(
        steps=60,
        evaluate_every=0,
        checkpoint_every=100,
        batch_size=6,
        ema=0.8,
        augment={
            "rotation": 0,
            "scale_min": 1,
            "scale_max": 1,
            "shift": 0,
            "gray": 0,
            "saturation": 0,
            "low_resolution": 0,
        },
    )
    run = new_run(folder, tmp_path / "run", recipe)
    before = run.evaluate()
    train(run)
    after = run.evaluate()
    hair = CELEBAMASK_HQ.id_of("hair")
    assert after.f1[hair] > 0.7
    assert after.accuracy() > max(0.75, before.accuracy())


def test_metrics_are_written_by_class_and_the_best_model_is_kept(folder, tmp_path, recipe):
    run = new_run(folder, tmp_path / "run", recipe)
    rows = []
    train(run, log=rows.append)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]
    assert [row["step"] for row in rows] == [2, 4]
    assert set(rows[0]["f1"]) == set(CELEBAMASK_HQ.names)
    assert weights_of(tmp_path / "run" / BEST).keys() == run.model.state_dict().keys()
    card = (tmp_path / "run" / BEST / "README.md").read_text()
    assert "Trained on 6 photos" in card
    assert "| eyeglasses |" in card


def test_scores_are_measured_at_the_side_of_the_checkpoint_in_every_stage(folder, tmp_path):
    recipe = tiny_recipe(resolutions=[[0.0, 96], [0.5, 64]])
    run, rows = new_run(folder, tmp_path / "run", recipe), []
    train(run, log=rows.append)
    assert [row["side"] for row in rows] == [32, 32]
    best = max(row["mean_f1"] for row in rows)
    card = (tmp_path / "run" / BEST / "README.md").read_text()
    assert f"Mean F1 {best:.4f}" in card
    assert "6 photos at 32 pixels." in card
    out, options = tmp_path / "e.json", ["--no-boundary", "--bootstrap", "0", "--threads", "1"]
    model = str(tmp_path / "run" / BEST)
    words = ["--model", model, "--data", str(folder), "--json", str(out)]
    assert main(["evaluate", *words, *options]) == 0
    assert json.loads(out.read_text())["mean_f1"] == pytest.approx(best, abs=1e-5)


def test_a_stray_pixel_of_a_class_in_no_mask_does_not_decide_the_best_model(
    folder, tmp_path, recipe
):
    run = new_run(folder, tmp_path / "run", recipe)
    skin, necklace = CELEBAMASK_HQ.id_of("skin"), CELEBAMASK_HQ.id_of("necklace")
    counts = np.zeros((19, 19), np.int64)
    counts[0, 0] = counts[skin, skin] = 100
    worse, better = counts.copy(), counts.copy()
    worse[skin, 0], better[skin, necklace] = 40, 1
    for step, confusion in enumerate((worse, better)):
        run.step = step
        row = run.record(Scores(confusion, CELEBAMASK_HQ), loss=1.0)
    assert row["mean_f1"] == pytest.approx(200 / 201 / 2, abs=1e-4)
    assert "for 1 steps" in (tmp_path / "run" / BEST / "README.md").read_text()


def test_evaluations_after_the_saved_state_are_not_written_twice(folder, tmp_path, recipe):
    run = new_run(folder, tmp_path / "run", recipe)
    run.advance()
    run.save()
    run.advance()
    run.record(run.evaluate(), loss=1.0)
    resumed = new_run(folder, tmp_path / "run", recipe)
    train(resumed)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]


def test_evaluations_before_the_first_saved_state_are_not_written_twice(folder, tmp_path, recipe):
    killed = new_run(folder, tmp_path / "run", recipe)
    killed.advance()
    killed.record(killed.evaluate(), loss=1.0)
    train(new_run(folder, tmp_path / "run", recipe))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]


def test_a_run_resumes_with_its_own_photos_only(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe).save()
    write_pair(folder, "later", *draw_face(9))
    with pytest.raises(ConfigError, match="holds a run on 6 photos, and these are 7 photos: name"):
        new_run(folder, tmp_path / "run", recipe)
    for kind in ("images", "masks"):
        (folder / kind / "later.png").rename(folder / kind / "face00.png")
        (folder / kind / "face0.png").unlink()
    with pytest.raises(ConfigError, match="6 photos of other names"):
        new_run(folder, tmp_path / "run", recipe)


def test_a_stop_file_ends_the_run_after_its_step_and_it_resumes(folder, tmp_path, recipe):
    run = new_run(folder, tmp_path / "run", recipe, evaluate=False)
    (tmp_path / "run" / STOP_FILE).touch()
    assert not train(run)
    assert run.step == 1
    assert not (tmp_path / "run" / STOP_FILE).exists()
    resumed = new_run(folder, tmp_path / "run", recipe, evaluate=False)
    assert resumed.step == 1
    assert train(resumed)


def test_another_recipe_is_not_resumed(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe).save()
    with pytest.raises(ConfigError, match=r"other values of \['seed'\]"):
        new_run(folder, tmp_path / "run", tiny_recipe(seed=1))


def test_a_state_without_newer_options_resumes(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe).save()
    state = load_state(tmp_path / "run" / STATE_FILE)
    del state["recipe"]["augment"]["occluded"], state["recipe"]["decoder"], state["sources"]
    save_state(tmp_path / "run" / STATE_FILE, state)
    assert train(new_run(folder, tmp_path / "run", recipe))
    state["recipe"]["seed"] = 1
    save_state(tmp_path / "run" / STATE_FILE, state)
    with pytest.raises(ConfigError, match=r"other values of \['seed'\]"):
        new_run(folder, tmp_path / "run", recipe)


def test_more_steps_may_be_asked_for_on_resume(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe, evaluate=False).save()
    longer = new_run(folder, tmp_path / "run", tiny_recipe(steps=6), evaluate=False)
    assert train(longer)
    assert longer.step == 6


def test_a_damaged_state_is_refused(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe).save()
    state = tmp_path / "run" / STATE_FILE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="remove it to start"):
        new_run(folder, tmp_path / "run", recipe)


def test_a_run_can_start_from_a_checkpoint(folder, tmp_path, recipe):
    first = new_run(folder, tmp_path / "first", recipe, evaluate=False)
    train(first)
    start_from = str(tmp_path / "first" / LAST)
    second = new_run(folder, tmp_path / "second", tiny_recipe(initial=start_from), evaluate=False)
    assert same(second.model.state_dict(), weights_of(start_from))


def test_an_invalid_output_folder_is_named(folder, tmp_path, recipe):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write to"):
        new_run(folder, tmp_path / "file" / "run", recipe)


def test_the_rate_warms_up_and_ends_at_zero():
    recipe = tiny_recipe(steps=100, warmup_steps=10)
    assert learning_rate(recipe, 0) == pytest.approx(0.1)
    assert learning_rate(recipe, 10) == pytest.approx(0.9755, abs=1e-3)
    assert learning_rate(recipe, 100) == pytest.approx(0)
