"""Weights that come from others carry their sources, and the strictest of their terms."""

from dataclasses import replace

import pytest
from huggingface_hub import metadata_load

from segface_hf.checkpoints.licenses import strictest
from segface_hf.checkpoints.publish import plan
from segface_hf.cli.program import main
from segface_hf.data.folder import find_pairs
from segface_hf.errors import CheckpointError
from segface_hf.modeling.segface import SegFace
from segface_hf.training.average import mean_of
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import prepare
from segface_hf.training.run import LAST, Run
from tests.segface_hf.training.drawn import tiny_recipe

RESEARCH = {"license": "other", "source": "segface train on 745 CelebAMask-HQ photos"}
FREE = {"license": "apache-2.0", "source": "segface train on rendered faces"}
PUBLISHED = {"license": "mit", "source": "swinb/model.pt", "source_digest": "sha256:ab"}
TERMS = "non-commercial research and education only"


def saved(folder, **fields):
    SegFace(replace(tiny_recipe().model_config(), **fields)).save_pretrained(folder)
    return str(folder)


def trained(folder, out, **options):
    """A run of one step: its last checkpoint's folder and configuration, and its card."""
    recipe = tiny_recipe(steps=1, **options)
    run = Run(recipe, prepare(folder, recipe), out, find_pairs(folder)[:1])
    start(run)
    train(run)
    card = (out / LAST / "README.md").read_text(encoding="utf-8")
    return out / LAST, SegFace.from_pretrained(out / LAST).config, card


@pytest.mark.parametrize("role", ["initial", "decoder"])
def test_the_terms_of_the_start_pass_to_every_later_run(folder, tmp_path, role):
    first = saved(tmp_path / "first", **RESEARCH)
    first_run, config, card = trained(folder, tmp_path / "a", **{role: first})
    assert (config.license, config.source) == ("other", f"from {RESEARCH['source']}")
    assert f"{'start' if role == 'initial' else 'decoder'}: `{first}`" in card
    assert metadata_load(first_run / "README.md")["license"] == "other"
    assert TERMS in card
    _, again, card = trained(folder, tmp_path / "b", initial=str(first_run))
    assert (again.license, again.source) == (config.license, config.source)
    assert TERMS in card


def test_a_teacher_is_an_origin_only_if_it_labels(folder, tmp_path):
    teacher = {"pseudo": {"teacher": saved(tmp_path / "teacher", **RESEARCH)}}
    _, config, card = trained(folder, tmp_path / "a", **teacher)
    assert (config.license, "- teacher: `" in card) == ("", False)
    _, config, card = trained(folder, tmp_path / "b", tail={"missing": "ignore"}, **teacher)
    assert config.license == "other"
    assert "- teacher: `" in card
    assert TERMS in card


def test_a_converted_start_passes_on_the_terms_of_its_data(folder, tmp_path):
    first = saved(tmp_path / "first", **PUBLISHED)
    _, config, card = trained(folder, tmp_path / "a", initial=first)
    expected = ("other", "from swinb/model.pt (CelebAMask-HQ)", "")
    assert (config.license, config.source, config.source_digest) == expected
    assert TERMS in card


def test_a_free_start_leaves_the_license_to_the_owner_of_the_photos(folder, tmp_path):
    first = saved(tmp_path / "first", **FREE)
    first_run, config, card = trained(folder, tmp_path / "a", initial=first)
    assert (config.license, config.source) == ("", f"from {FREE['source']}")
    assert "license" not in metadata_load(first_run / "README.md")
    with pytest.raises(CheckpointError, match="says no license: write `license:`"):
        plan(first_run, "ada/face", build=SegFace)
    (first_run / "README.md").write_text(card.replace("---\n", "---\nlicense: cc-by-4.0\n", 1))
    with pytest.raises(CheckpointError, match="still reads 'say so here before you publish them'"):
        plan(first_run, "ada/face", build=SegFace)
    finished = (
        (first_run / "README.md").read_text().replace("say so here before you publish them", "ok")
    )
    (first_run / "README.md").write_text(finished)
    assert plan(first_run, "ada/face", build=SegFace).config == config


def test_a_license_that_the_recipe_states_is_the_photos_own(folder, tmp_path):
    model = {**tiny_recipe().model_options(), "license": "apache-2.0", "source": "my photos"}
    first = saved(tmp_path / "first", **FREE)
    first_run, config, _ = trained(folder, tmp_path / "a", model=model, initial=first)
    assert (config.license, config.source) == ("apache-2.0", f"my photos; from {FREE['source']}")
    assert plan(first_run, "ada/face", build=SegFace).config == config


def test_a_card_says_if_a_run_started_from_imagenet_or_random_weights(folder, tmp_path):
    assert "- start: random weights" in trained(folder, tmp_path / "a")[2]


def test_the_mean_of_models_has_the_sources_of_all_and_the_strictest_license():
    def mean(*fields):
        models = [SegFace(replace(tiny_recipe().model_config(), **values)) for values in fields]
        config = mean_of(models, [1] * len(models)).config
        return config.license, config.source, config.source_digest

    both = f"from {FREE['source']}; from {RESEARCH['source']}"
    assert mean(FREE, RESEARCH) == ("other", both, "")
    assert mean(FREE, {}) == ("", f"from {FREE['source']}", "")
    assert mean(FREE, FREE) == ("apache-2.0", f"from {FREE['source']}", "")
    assert mean(PUBLISHED) == ("other", "from swinb/model.pt (CelebAMask-HQ)", "")


def test_the_embedded_checkpoint_with_another_constant_keeps_its_terms(tmp_path):
    out = str(tmp_path / "out")
    assert main(["average", "embedded", "--bias", "necklace=-2", "--out", out]) == 0
    assert SegFace.from_pretrained(out).config.license == "other"
    assert TERMS in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (["mit"], "mit"),
        (["mit", "mit"], "mit"),
        (["mit", ""], ""),
        (["mit", "cc-by-nc-4.0"], "other"),
        (["other", ""], "other"),
    ],
)
def test_the_strictest_license_wins(licenses, expected):
    assert strictest(licenses) == expected
