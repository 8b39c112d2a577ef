"""Model cards: whose figures, whose rights, and usage that fits the model."""

from __future__ import annotations

import pytest
import yaml

from segface_hf.checkpoints.card import model_card
from segface_hf.config import SegFaceConfig

UPSTREAM = "kartiknarayan/SegFace"


def card(folder, **options):
    source = f"{UPSTREAM}/{folder}/model_299.pt"
    options = {"source": source, "source_digest": "sha256:ab", "license": "mit"} | options
    return model_card(SegFaceConfig(backbone="swin_base", **options))


@pytest.mark.parametrize(
    ("folder", "schema", "warp", "figure"),
    [
        ("swinb_celeba_512", "celebamask_hq", "none", "88.96"),
        ("swinb_lapa_448", "lapa", "tanh", "93.03"),
    ],
)
def test_reported_figures_are_marked_as_upstreams(folder, schema, warp, figure):
    text = card(folder, schema=schema, warp=warp)
    assert f"| upstream's README, for `{folder}` |" in text
    assert figure in text
    assert "The figure is upstream's; it was not measured again" in text


@pytest.mark.parametrize(
    "source",
    [
        f"{UPSTREAM}/swinb_helen_512/model_299.pt",
        "model_299.pt",
        "somebody/else/swinb_celeba_512/model_299.pt",
    ],
)
def test_a_figure_without_a_source_is_left_out(source):
    text = card("", source=source)
    assert "none is repeated here" in text
    assert "88.96" not in text


def test_a_model_of_our_own_repeats_no_upstream_figure():
    text = model_card(SegFaceConfig(source="trained here", license="other"))
    assert "## Scores" not in text
    assert "trained here" in text
    assert yaml.safe_load(text.split("---")[1])["license_name"] == "see-the-card"


def test_weights_from_celebamask_hq_are_for_research_only():
    source = "segface train on 745 CelebAMask-HQ photos, ImageNet start"
    text = model_card(SegFaceConfig(source=source, license="other"))
    assert f"- Weights: for non-commercial research only. Source: {source}.\n" in text
    assert "non-commercial research and education only" in text
    assert "lee2020maskgan" in text


def test_weights_of_another_source_name_it_and_no_unstated_limit():
    text = model_card(SegFaceConfig(source="trained here", license="other"))
    assert "- Weights: under the terms of their source: trained here.\n" in text
    assert "non-commercial" not in text
    assert "- Weights: apache-2.0.\n" in model_card(SegFaceConfig(license="apache-2.0"))


@pytest.mark.parametrize("source", ["", "segface train on 300 rendered pictures"])
def test_default_classes_alone_imply_no_training_data(source):
    text = model_card(SegFaceConfig(source=source))
    assert "CelebAMask-HQ" not in text
    assert ("What the source above names" in text) == bool(source)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("celebamask_hq", "non-commercial research and education only"),
        ("lapa", "non-commercial purposes"),
        ("helen", "Flickr"),
    ],
)
def test_a_card_states_the_licenses_of_code_weights_and_data(schema, words):
    text = card("swinb_celeba_512", schema=schema)
    assert "Apache-2.0" in text
    assert "- Weights: MIT, as the authors' model card states." in text
    assert words in text
    assert text.count("@inproceedings") == 2


def test_usage_asks_for_landmarks_only_where_the_model_does():
    assert "mask = model(pixels).argmax(1)" in card("swinb_celeba_512")
    for warp in ("tanh", "identity"):
        text = card("swinb_lapa_512", schema="lapa", warp=warp)
        assert "mask = model(pixels, landmarks).argmax(1)" in text
        assert "image-left eye" in text


def test_the_code_in_a_card_is_python():
    import ast

    blocks = card("swinb_celeba_512").split("```python\n")[1:]
    assert len(blocks) == 2
    for block in blocks:
        ast.parse(block.split("```")[0])
