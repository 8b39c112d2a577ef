"""Every published backbone against torchvision's own, feature by feature, at many sizes."""

from __future__ import annotations

import pytest
import timm
import torch

from segface_hf import SegFace, SegFaceConfig
from segface_hf.checkpoints.upstream_keys import is_rebuilt, published_names, taken
from segface_hf.errors import ConfigError
from segface_hf.modeling.backbones import PUBLISHED, build_backbone
from segface_hf.modeling.swin import exact_swin
from tests.segface_hf.published import BACKBONES, pixels, reference_backbone

SIZES = [(96, 160), (224, 192)]


def both(name):
    """Our backbone and torchvision's with the same weights."""
    reference = reference_backbone(name)
    state = {f"backbone.{key}": value for key, value in reference.inner.state_dict().items()}
    ours, pyramid = build_backbone(name)
    own = {f"backbone.{key}": value for key, value in ours.state_dict().items()}
    tensors = {key: value for key, value in own.items() if is_rebuilt(key)}
    for key, theirs in published_names(name, own.keys()).items():
        tensors[key] = taken(key, state[theirs])
    ours.load_state_dict({key.removeprefix("backbone."): v for key, v in tensors.items()})
    return ours.eval(), pyramid, reference


def worst(features, expected):
    errors = [
        ((a - b).abs().max() / b.abs().max()).item()
        for a, b in zip(features, expected, strict=True)
    ]
    return max(errors)


def test_every_published_backbone_is_compared():
    assert set(BACKBONES) == set(PUBLISHED)
    assert PUBLISHED["convnext_tiny"] == PUBLISHED["convnext_small"]


@torch.inference_mode()
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BACKBONES if name != "convnext_tiny"])
def test_features_equal_torchvisions_at_whole_and_odd_sizes(name):
    ours, pyramid, reference = both(name)
    for height, width in SIZES:
        features, _ = pyramid.features(ours, pixels(height, width))
        expected = reference(pixels(height, width))
        assert [f.shape for f in features] == [f.shape for f in expected]
        assert worst(features, expected) < 2e-5, (height, width)


@torch.inference_mode()
def test_stock_swin_differs_if_the_map_is_not_a_multiple_of_the_window():
    ours, pyramid, reference = both("swinv2_tiny")
    stock = timm.create_model(
        "swinv2_tiny_window8_256", features_only=True, img_size=224, strict_img_size=False
    ).eval()
    stock.load_state_dict(ours.state_dict())
    expected = reference(pixels(224, 224))
    assert worst([f.permute(0, 3, 1, 2) for f in stock(pixels(224, 224))], expected) > 0.05
    assert worst(pyramid.features(ours, pixels(224, 224))[0], expected) < 2e-5


@torch.inference_mode()
def test_one_swin_takes_pictures_of_changing_sizes_in_any_order():
    ours, pyramid, reference = both("swinv2_tiny")
    for size in (96, 163, 96):
        features, _ = pyramid.features(ours, pixels(size, size))
        assert worst(features, reference(pixels(size, size))) < 2e-5


def test_swin_keeps_its_tensor_names_and_can_be_copied():
    import copy

    net = timm.create_model("swin_tiny_patch4_window7_224", features_only=True)
    names = list(net.state_dict())
    exact_swin(net, 7)
    assert list(net.state_dict()) == names
    twin = copy.deepcopy(net).eval()
    with torch.inference_mode():
        same = [
            torch.equal(a, b)
            for a, b in zip(twin(pixels(224, 224)), net.eval()(pixels(224, 224)), strict=True)
        ]
    assert all(same)


def test_swin_trains_with_partial_windows():
    ours, pyramid = build_backbone("swinv2_tiny")
    features, _ = pyramid.features(ours, pixels(96, 96))
    features[-1].square().mean().backward()
    assert all(p.grad is not None for n, p in ours.named_parameters() if "blocks" in n)


def test_another_network_or_window_is_refused():
    with pytest.raises(ConfigError, match="expected a timm Swin network, got FeatureListNet"):
        exact_swin(timm.create_model("resnet18", features_only=True), 7)
    with pytest.raises(ConfigError, match="windows of 8 x 8, got"):
        exact_swin(timm.create_model("swin_tiny_patch4_window7_224", features_only=True), 8)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv3_small_050",
        "resnet10t",
        "convnext_atto",
        "edgenext_xx_small",
        "hrnet_w18_small",
        "efficientvit_b0",
        "swin_tiny_patch4_window7_224",
        "repvit_m0_9",
        "fastvit_t8",
        "pvt_v2_b0",
    ],
)
def test_any_timm_backbone_with_a_pyramid_gives_its_own_strides_and_channels(name):
    backbone, pyramid = build_backbone(name)
    with torch.inference_mode():
        features, detail = pyramid.features(backbone.eval(), pixels(128, 192))
    assert [tuple(f.shape[2:]) for f in features] == [(32, 48), (16, 24), (8, 12), (4, 6)]
    assert [f.shape[1] for f in features] == list(pyramid.channels)
    assert detail is None


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "no_such_model"])
def test_a_backbone_without_a_pyramid_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=name):
        build_backbone(name)


@pytest.mark.parametrize("name", ["edgenext_xx_small", "hrnet_w18_small", "pvt_v2_b0"])
def test_any_backbone_with_a_pyramid_trains(name):
    config = SegFaceConfig(
        backbone=name, width=16, heads=2, mlp_dim=16, depth=1, upscale_dims=(8,), resolution=64
    )
    model = SegFace(config)
    loss = torch.nn.functional.cross_entropy(
        model(pixels(64, 64, batch=2)), torch.zeros(2, 64, 64, dtype=torch.long)
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.weight.grad.abs().sum() > 0 for p in model.fusion.projections)
    assert next(model.backbone.parameters()).grad is not None
