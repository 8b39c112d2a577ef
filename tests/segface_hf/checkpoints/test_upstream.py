"""Telling published checkpoints by their tensors, and accounting for every tensor of each."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torchvision import models

from segface_hf import SegFace, SegFaceConfig
from segface_hf.checkpoints.upstream import BACKBONES, DATASETS, recognize, spellings
from segface_hf.checkpoints.upstream_keys import (
    CLASS_TOKENS,
    is_rebuilt,
    is_unused,
    published_names,
    token_keys,
)
from segface_hf.errors import ConversionError
from tests.segface_hf.published import BACKBONES as BUILT
from tests.segface_hf.published import ReferenceBackbone, head_shapes


@cache
def shapes_of(backbone, dataset="celeb"):
    """A published state dict without values: names and shapes only."""
    with torch.device("meta"):
        network = ReferenceBackbone(backbone)
        state = {f"backbone.{key}": value for key, value in network.inner.state_dict().items()}
        shapes = head_shapes(dataset, network.channels)
        return state | {key: torch.empty(shape) for key, shape in shapes.items()}


def test_every_built_backbone_is_recognized():
    assert set(BACKBONES) == set(BUILT)


@pytest.mark.parametrize("backbone", BUILT)
def test_a_backbone_is_recognized_by_its_tensors_alone(backbone):
    known = recognize(shapes_of(backbone))
    assert known.backbone == ("convnext_small" if backbone == "convnext_tiny" else backbone)
    assert known.dataset == "celeb"


@pytest.mark.parametrize("backbone", BUILT)
def test_options_are_accepted_only_if_the_tensors_agree(backbone):
    for said in BUILT:
        alike = {backbone, said} <= {"convnext_small", "convnext_tiny"} or backbone == said
        if alike:
            assert recognize(shapes_of(backbone), backbones=(said,)).backbone == said
            continue
        with pytest.raises(ConversionError, match=rf"this is not {said}: tensor 'backbone\.\d"):
            recognize(shapes_of(backbone), backbones=(said,))


@pytest.mark.parametrize("backbone", BUILT)
def test_every_published_tensor_is_used_once_or_known_to_be_unused(backbone):
    with torch.device("meta"):
        own = SegFace(SegFaceConfig(backbone=backbone)).state_dict()
    names = published_names(backbone, own)
    state = shapes_of(backbone)
    tokens = set(token_keys(DATASETS["celeb"].tokens))
    leftover = set(state) - set(names.values()) - tokens
    assert set(names.values()) | tokens <= set(state)
    assert all(is_unused(key, backbone) for key in leftover)
    assert {key for key in own if key not in names} == {
        key for key in own if is_rebuilt(key) or key == CLASS_TOKENS
    }
    twice = len(names) - len(set(names.values()))
    assert twice == (sum("q_bias" in key for key in names) if "v2" in backbone else 0)


@pytest.mark.parametrize(
    "build", [models.swin_t, models.swin_s, models.convnext_tiny, models.convnext_large]
)
def test_unpublished_sizes_are_not_mistaken_for_published_ones(build):
    with torch.device("meta"):
        inner = torch.nn.Sequential(*list(build(weights=None).children())[:-1])
    state = {f"backbone.{key}": value for key, value in inner.state_dict().items()}
    head = {key: v for key, v in shapes_of("mobilenet").items() if not key.startswith("backbone.")}
    with pytest.raises(ConversionError, match="no published architecture"):
        recognize(state | head)


def test_a_convnext_folder_may_hold_any_convnext_and_nothing_else():
    family = ("convnext_base", "convnext_small", "convnext_tiny")
    assert recognize(shapes_of("convnext_base"), backbones=family).backbone == "convnext_base"
    assert recognize(shapes_of("convnext_tiny"), backbones=family).backbone == "convnext_small"
    with pytest.raises(ConversionError, match="this is not convnext_base or convnext_small or"):
        recognize(shapes_of("resnet"), backbones=family)


def test_a_dataset_is_recognized_by_its_tokens_or_must_be_named():
    eleven = shapes_of("mobilenet", "lapa")
    assert recognize(eleven, dataset="lapa").dataset == "lapa"
    assert recognize(eleven, dataset="helen").dataset == "helen"
    with pytest.raises(ConversionError, match="say which dataset this one is of"):
        recognize(eleven)
    with pytest.raises(
        ConversionError, match=r"not a celeb checkpoint: tensor '.*cloth_token.*' is miss"
    ):
        recognize(eleven, dataset="celeb")
    with pytest.raises(ConversionError, match="no published dataset 'celebs'"):
        recognize(eleven, dataset="celebs")


def test_tokens_of_an_unknown_dataset_are_refused():
    state = dict(shapes_of("mobilenet"))
    state["face_decoder.beard_token.weight"] = torch.zeros(1, 256)
    with pytest.raises(ConversionError, match="no published dataset has the class tokens"):
        recognize(state)


def test_tokens_use_the_pictures_left_and_labels_the_subjects_left():
    order = DATASETS["celeb"].tokens
    names = SegFaceConfig(schema="celebamask_hq").labels.names
    assert (order[4], names[4]) == ("rightear", "l_ear")
    assert (order[9], names[9]) == ("lefteye", "r_eye")
    for dataset in ("lapa", "helen"):
        eleven = SegFaceConfig(schema=dataset).labels.names
        assert DATASETS[dataset].tokens[2:6] == ("leftbro", "rightbro", "lefteye", "righteye")
        assert eleven[2:6] == ("r_brow", "l_brow", "r_eye", "l_eye")


def test_both_spellings_are_tried_as_given_first():
    assert spellings("swinb_celeb_512") == ("swinb_celeb_512", "swinb_celeba_512")
    assert spellings("swinb_celeba_512") == ("swinb_celeba_512", "swinb_celeb_512")
    assert spellings("swinb_lapa_512") == ("swinb_lapa_512",)
