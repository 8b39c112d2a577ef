"""Fused Swin blocks equal the plain ones on maps of any size, and share their parameters."""

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from timm.models.swin_transformer import SwinTransformerBlock
from timm.models.swin_transformer_v2 import SwinTransformerV2Block

from segface_hf.inference.swin import FusedSwinBlock, FusedSwinV2Block, fused_swin, window_layout
from segface_hf.modeling.backbones import build_backbone
from segface_hf.modeling.swin import ExactSwinBlock, ExactSwinV2Block

KINDS = {
    "v1": (SwinTransformerBlock, ExactSwinBlock, FusedSwinBlock),
    "v2": (SwinTransformerV2Block, ExactSwinV2Block, FusedSwinV2Block),
}


def blocks(kind, *, window, shift):
    """A plain block with weights that matter everywhere, and the fused one."""
    stock, exact, fused = KINDS[kind]
    torch.manual_seed(0)
    block = stock(32, (4 * window, 4 * window), 4, window_size=window, shift_size=shift).eval()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_(0.0, 0.3)
    block.__class__ = exact
    block.attn_mask = None
    return block, fused(block)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    batch=st.integers(1, 3),
    window=st.sampled_from([3, 4]),
    shifted=st.booleans(),
)
def test_a_fused_block_equals_the_plain_one(kind, height, width, batch, window, shifted):
    plain, fused = blocks(kind, window=window, shift=window // 2 if shifted else 0)
    x = torch.randn(batch, height, width, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before, expected = x.clone(), plain(x)
        found = fused(x)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert torch.equal(x, before), "the input belongs to the caller"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_map_processed_in_parts_gives_the_same_result(kind):
    plain, _ = blocks(kind, window=4, shift=2)
    fused = KINDS[kind][2](plain.double())
    x = torch.randn(1, 130, 128, 32, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), plain(x), rtol=0, atol=1e-12)


def test_windows_that_share_a_mask_are_adjacent():
    layout = window_layout((2, 6, 6), (3, 3), (1, 1), torch.float32)
    counts = sorted(stop - start for start, stop, _ in layout.groups)
    assert counts == [2, 2, 2, 2], "inner, right, lower and corner windows of both pictures"
    assert layout.padding.numel() == 0
    assert torch.equal(layout.tokens[layout.places], torch.arange(72))


def test_positions_without_a_token_are_marked_as_padding():
    layout = window_layout((1, 2, 4), (3, 3), (0, 0), torch.float32)
    assert layout.tokens.numel() == 18
    assert layout.padding.numel() == 18 - 8


@pytest.mark.parametrize("name", ["swin_base", "swinv2_tiny"])
def test_every_block_is_fused_and_no_weight_is_copied(name):
    backbone, _ = build_backbone(name)
    fast = fused_swin(backbone.eval())
    kinds = [type(module) for module in fast.modules()]
    fused = sum(kinds.count(kind) for kind in (FusedSwinBlock, FusedSwinV2Block))
    assert fused == sum(
        isinstance(m, SwinTransformerBlock | SwinTransformerV2Block) for m in backbone.modules()
    )
    own = {parameter.data_ptr() for parameter in backbone.parameters()}
    assert {parameter.data_ptr() for parameter in fast.parameters()} == own


def test_a_network_without_swin_blocks_is_used_as_it_is():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1))
    assert fused_swin(net) is net
