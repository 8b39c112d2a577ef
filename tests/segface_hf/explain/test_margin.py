"""Explanations are of the model itself: its parts sum to the margin, its heads are its own."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segface_hf.config import SegFaceConfig
from segface_hf.explain.margin import Subject, margin_of, patch, rival_of
from segface_hf.explain.probe import Probe
from segface_hf.modeling.calibration import with_head_scales
from segface_hf.modeling.segface import SegFace

TARGET, RIVAL = 5, 3


@pytest.fixture(
    scope="module",
    params=[{"upscale_dims": (16,), "refine": True, "detail": True}, {"upscale_dims": (16, 8)}],
    ids=["one doubling", "two doublings"],
)
def model(request):
    torch.manual_seed(3)
    bias = tuple(0.1 * i for i in range(19))
    config = SegFaceConfig(width=32, heads=4, mlp_dim=64, class_bias=bias, **request.param)
    return SegFace(config).eval()


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def region():
    region = np.zeros((64, 64), bool)
    region[20:30, 10:25] = True
    return region


def test_a_probe_that_changes_nothing_gives_the_models_own_logits_bit_for_bit(model, pixels):
    seen = []
    probe = Probe(model.config, lambda attended: seen.append(attended.block) or attended.read)
    with torch.no_grad():
        assert torch.equal(Subject(model, pixels).logits(probe), model(pixels)[0])
    names = dict.fromkeys(name.rpartition(".")[0] for name in model.config.head_names)
    assert seen == list(names)


def test_the_parts_sum_to_the_margin(model, pixels, region):
    for some in (model, with_head_scales(model, {"L1.cross.2": -1.5, "L0.image.1": 0.3})):
        with torch.no_grad():
            logits = some(pixels)[0]
        margin = margin_of(Subject(some, pixels), region, TARGET, RIVAL)
        expected = (logits[TARGET] - logits[RIVAL])[torch.from_numpy(region)].mean()
        assert margin.value == pytest.approx(float(expected), abs=1e-5)
        assert margin.total == pytest.approx(margin.value, abs=1e-4)
        assert {vote.name for vote in margin.heads} == set(some.config.head_names)


def test_what_heads_read_among_tokens_is_split_by_token(model, pixels, region):
    margin = margin_of(Subject(model, pixels), region, TARGET, RIVAL)
    among = [v.vote for v in margin.heads if v.name.split(".")[-2] in ("self", "image")]
    assert sum(margin.tokens.values()) == pytest.approx(sum(among), abs=1e-4)


def test_attention_is_where_the_class_token_looks(model, pixels, region):
    margin = margin_of(Subject(model, pixels), region, TARGET, RIVAL)
    maps = {vote.name: vote.attention for vote in margin.heads}
    assert maps["L0.self.0"] is None
    decoder, fused = model.decoder, Subject(model, pixels).fused
    tokens = decoder.class_tokens[None]
    first = decoder.transformer.layers[0]
    looking, keys = first.attend_self(tokens, tokens), fused.flatten(2).transpose(1, 2)
    attention, place = first.cross_attn_token_to_image, decoder.position(*fused.shape[-2:])
    q = attention._split(attention.q_proj(looking + tokens))
    k = attention._split(attention.k_proj(keys + place))
    identity = torch.eye(k.shape[2]).expand(1, 4, -1, -1)
    weights = F.scaled_dot_product_attention(q, k, identity)[0, 2, TARGET]
    assert np.allclose(maps["L0.cross.2"].ravel(), weights.detach(), atol=1e-5)
    assert all(np.isclose(found.sum(), 1) for found in maps.values() if found is not None)


def test_the_strongest_heads_say_the_margin_without_them(model, pixels, region):
    margin = margin_of(Subject(model, pixels), region, TARGET, RIVAL)
    tried = [vote for vote in margin.heads if vote.without is not None]
    assert tried == list(margin.heads[:5])
    with torch.no_grad():
        off = with_head_scales(model, {tried[0].name: 0})(pixels)[0]
    assert tried[0].without == pytest.approx(
        float((off[TARGET] - off[RIVAL])[torch.from_numpy(region)].mean()), abs=1e-5
    )


def test_all_heads_patched_together_bring_back_the_whole_difference(model, pixels, region):
    # The fused features differ too, so equal ones are given to both crops.
    first, second = Subject(model, pixels), Subject(model, pixels)
    second.fused = first.fused * 0.5
    every = len(model.config.head_names)
    patched = patch(first, second, region, TARGET, RIVAL, count=every)
    assert len(patched.recovered) == every
    assert patched.random == pytest.approx([patched.together] * 20)
    assert list(patched.recovered.values()) == sorted(patched.recovered.values(), reverse=True)
    same = patch(first, second, region, TARGET, RIVAL, count=1)
    assert same.together == pytest.approx(next(iter(same.recovered.values())))


def test_the_rival_is_the_next_class_of_the_region():
    logits = torch.zeros(4, 2, 2)
    logits[2], logits[1, 0], logits[3, 1] = 9, 4, 5
    region = np.array([[True, True], [False, False]])
    assert rival_of(logits, region, 2) == 1
