"""Fused inference equals the plain model: logits to 1e-5, labels on 99.99 % of pixels."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame

from segface_hf import SegFace, SegFaceConfig
from segface_hf.errors import ConfigError, LabelError, LandmarksRequiredError
from segface_hf.inference.backbone import PaddedWithin, folded
from segface_hf.inference.engine import TorchEngine
from segface_hf.inference.infer import derived, infer
from segface_hf.modeling.backbones import PUBLISHED, Pyramid

# Of the largest logit; float32 keeps seven digits of sums of a thousand terms.
TOLERANCE = 1e-5
AGREEMENT = 0.9999
SMALL = SegFaceConfig(
    backbone="mobilenetv3_small_050", width=32, heads=4, mlp_dim=32, upscale_dims=(16, 8)
)
LIGHT = ("mobilenet", "swinv2_tiny")


def build(config, seed=0):
    """Random weights that spread the logits as trained ones do; plain ones tie everywhere."""
    torch.manual_seed(seed)
    model = SegFace(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bn3.weight"):  # a deep sum of untrained branches explodes
                parameter.fill_(0.1)
            if not name.startswith("backbone.") and parameter.ndim == 1:
                parameter.normal_(1.0 if "norm" in name and "weight" in name else 0.0, 0.2)
            if name.startswith("decoder.added"):
                parameter.normal_()
            if name.startswith(("decoder.token_mlp", "decoder.upscaling", "fusion.mix")):
                parameter.mul_(4.0)
        if model.fusion.refine is not None:
            for norm in (model.fusion.refine.norm, model.fusion.refine.residual[1]):
                norm.running_mean.normal_(0.0, 0.2)
                norm.running_var.uniform_(0.5, 2.0)
    return model


def with_added_classes(config):
    """Two classes more, whose rows don't come from class tokens."""
    names = ("beard", "collar")
    return replace(
        config,
        label_names=(*config.label_names, *names),
        label_colors=(*config.label_colors, (1, 2, 3), (4, 5, 6)),
        added_classes=tuple((name, 5, "logistic") for name in names),
    )


def picture(*shape, seed=1, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def assert_same_as_plain(model, pixels, landmarks=None, *, tolerance=TOLERANCE):
    with torch.inference_mode():
        plain = model(pixels, landmarks)
    fused = infer(model, pixels, landmarks=landmarks, logits=True).logits
    assert fused.shape == plain.shape
    assert fused.dtype == plain.dtype
    assert (fused - plain).abs().max() <= tolerance * plain.abs().max()
    found = infer(model, pixels, landmarks=landmarks)
    assert found.labels.dtype == torch.uint8
    assert found.confidence is None
    assert_same_labels(found.labels, plain)


def assert_same_labels(labels, plain):
    wrong = labels != plain.argmax(1)
    # A small picture has no ten thousand pixels: one of them may be a tie in float32.
    assert int(wrong.sum()) <= max(2, (1 - AGREEMENT) * wrong.numel())
    best = plain.topk(2, dim=1).values
    gap = (best[:, 0] - best[:, 1])[wrong]
    assert (gap <= 2 * TOLERANCE * plain.abs().max()).all(), "only ties may differ"


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    height=st.integers(9, 24),
    width=st.integers(9, 24),
    batch=st.integers(1, 3),
    doublings=st.sampled_from([(16, 8), (16,)]),
    refine=st.booleans(),
    detail=st.booleans(),
    depth=st.integers(1, 3),
    schema=st.sampled_from(["celebamask_hq", "lapa"]),
    biased=st.booleans(),
    added=st.booleans(),
)
def test_fused_equals_plain_for_any_size_batch_and_option(
    height, width, batch, doublings, refine, detail, depth, schema, biased, added
):
    config = replace(
        SMALL,
        upscale_dims=doublings,
        refine=refine,
        detail=detail,
        depth=depth,
        schema=schema,
        label_names=(),
        label_colors=(),
        label_mirror_pairs=(),
        label_families=(),
    )
    if added:
        config = with_added_classes(config)
    if biased:
        bias = tuple(index % 3 - 1.0 for index in range(config.labels.num_classes))
        config = replace(config, class_bias=bias)
    assert_same_as_plain(build(config), picture(batch, 3, 4 * height, 4 * width + width % 3))


@pytest.mark.parametrize(
    "backbone",
    [name if name in LIGHT else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED],
)
def test_fused_equals_plain_for_every_published_backbone(backbone):
    model = build(SegFaceConfig(backbone=backbone))
    for batch, height, width in ((1, 128, 128), (2, 64, 96)):
        pixels = picture(batch, 3, height, width)
        assert_same_as_plain(model, pixels)
        assert infer(model, pixels).labels.unique().numel() > 1, "one class would prove nothing"


def test_fused_equals_plain_at_the_published_size():
    assert_same_as_plain(build(SegFaceConfig(backbone="mobilenet")), picture(1, 3, 512, 512))


def test_double_precision_agrees_to_its_own_digits():
    model = build(SMALL).double()
    pixels = picture(1, 3, 64, 96, dtype=torch.float64)
    assert_same_as_plain(model, pixels, tolerance=1e-13)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_at_least_as_accurate_as_the_plain_path(dtype):
    model = build(SMALL)
    pixels = picture(1, 3, 64, 96)
    with torch.inference_mode():
        truth = model(pixels)
    half, pixels = copy.deepcopy(model).to(dtype), pixels.to(dtype)
    with torch.inference_mode():
        plain = (half(pixels) - truth).abs().mean()
    fused = infer(half, pixels, logits=True).logits
    assert fused.dtype == dtype
    assert (fused - truth).abs().mean() <= 1.2 * plain


@pytest.mark.parametrize("warp", ["tanh", "identity"])
def test_fused_equals_plain_for_models_that_warp_by_landmarks(warp):
    model = build(replace(SMALL, warp=warp))
    places = torch.tensor([[24.0, 28], [40, 28], [32, 36], [27, 45], [37, 45]])
    landmarks = torch.stack([places, places + 3.0])
    assert_same_as_plain(model, picture(2, 3, 64, 64), landmarks)
    with pytest.raises(LandmarksRequiredError):
        infer(model, picture(1, 3, 64, 64))


@pytest.mark.parametrize("size", [(64, 64), (64, 70)])
@pytest.mark.parametrize("doublings", [(16, 8), (16,)])
def test_confidence_and_runner_up_are_those_of_the_resized_logits(size, doublings):
    model = build(replace(SMALL, upscale_dims=doublings))
    pixels = picture(2, 3, *size)
    with torch.inference_mode():
        plain = model(pixels)
    found = infer(model, pixels, confidence=True)
    assert_same_labels(found.labels, plain)
    second = plain.topk(2, dim=1).indices[:, 1]
    assert int((found.runner_up != second).sum()) <= 2
    expected = (plain.softmax(1).amax(1) * 255).round()
    assert (found.confidence.float() - expected).abs().max() <= 1


def test_requested_classes_keep_their_pixels_and_the_rest_become_background():
    model = build(SMALL)
    pixels = picture(1, 3, 64, 64)
    everything = infer(model, pixels).labels
    wanted = int(everything.flatten().mode().values)
    name = model.config.labels.names[wanted]
    found = infer(model, pixels, classes=(name,), logits=True)
    assert torch.equal(found.labels, torch.where(everything == wanted, everything, 0))
    assert torch.equal(found.logits[:, 0], infer(model, pixels, logits=True).logits[:, wanted])


def test_a_class_that_does_not_exist_is_refused():
    with pytest.raises(LabelError, match="monocle"):
        infer(build(SMALL), picture(1, 3, 64, 64), classes=("monocle",))


def test_a_model_in_training_mode_is_refused():
    with pytest.raises(ConfigError, match=r"model\.eval\(\)"):
        infer(build(SMALL).train(), picture(1, 3, 64, 64))


def test_derived_weights_are_kept_while_nothing_changes():
    model = build(SMALL)
    assert derived(model) is derived(model)


def test_derived_weights_follow_an_optimizer_step():
    model = build(SMALL)
    pixels = picture(1, 3, 64, 64)
    before = infer(model, pixels, logits=True).logits
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model(pixels).square().mean().backward()
    optimizer.step()
    after = infer(model, pixels, logits=True).logits
    assert (after - before).abs().max() > 1e-2
    assert_same_as_plain(model, pixels)


def test_derived_weights_follow_a_step_of_a_fused_optimizer():
    model = build(SMALL)
    pixels = picture(1, 3, 64, 64)
    infer(model, pixels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)
    model(pixels).square().mean().backward()
    optimizer.step()
    assert_same_as_plain(model, pixels)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_derived_weights_follow_an_average_and_a_low_rank_merge_through_data(layout):
    model, other = build(SMALL).to(memory_format=layout), build(SMALL, seed=5)
    pixels = picture(1, 3, 64, 64)
    infer(model, pixels)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        ours.data.lerp_(theirs.data, 0.5)
    assert_same_as_plain(model, pixels)
    weight = model.fusion.projections[0].weight
    weight.data += torch.randn(len(weight), 2) @ torch.randn(2, weight.shape[1])
    assert_same_as_plain(model, pixels)


def test_nan_weights_are_not_derived_again_at_each_inference():
    model = build(replace(SMALL, backbone="swinv2_tiny"))
    model.fusion.mix.weight.data.fill_(torch.nan)
    assert derived(model) is derived(model)


def test_an_engine_sees_single_weights_that_changed_before_it_was_made():
    model = build(SMALL)
    engine = TorchEngine(model)
    crops = np.zeros((1, 64, 64, 3), np.uint8)
    before = engine.run(crops, landmarks=None, confidence=False)[0].logits
    # Elements that lie between those that are compared at every inference.
    model.fusion.mix.weight.data.flatten()[1:20] += 5.0
    after = TorchEngine(model).run(crops, landmarks=None, confidence=False)[0].logits
    assert np.abs(after - before).max() > 1e-3


def test_derived_weights_follow_a_loaded_state_and_a_change_of_type():
    model, other = build(SMALL), build(SMALL, seed=5)
    pixels = picture(1, 3, 64, 64)
    infer(model, pixels)
    model.load_state_dict(other.state_dict())
    assert_same_as_plain(model, pixels)
    assert infer(model.double(), pixels.double(), logits=True).logits.dtype == torch.float64


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "tf_efficientnet_lite0"])
def test_every_batch_norm_of_a_backbone_is_folded_into_its_convolution(backbone):
    model = build(replace(SMALL, backbone=backbone))
    norms = [m for m in derived(model).backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms == []
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in model.backbone.modules())


def test_a_backbone_that_cannot_be_folded_exactly_is_used_as_it_is():
    class Twice(torch.nn.Module):
        """Uses a convolution's output beside its norm."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)
            self.norm.running_mean.fill_(2.0)

        def forward(self, x):
            x = self.conv(x)
            return [x + self.norm(x)]

    net = Twice().eval()
    assert folded(net, Pyramid(channels=(4,), indices=(0,))) is net


def test_inference_leaves_the_model_and_its_checkpoint_alone():
    model = build(SMALL)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    infer(model, picture(1, 3, 64, 64))
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("size", [(1, 3), (2, 5), (4, 7)], ids=str)
@pytest.mark.parametrize("sides", [(16, 24), (15, 24), (16, 17)], ids=str)
def test_asymmetric_padding_within_the_kernel_equals_that_of_tensorflow(size, sides):
    groups, kernel = size
    conv = Conv2dSame(4, 4, kernel, stride=2, groups=groups).eval()
    x = picture(2, 4, *sides)
    with torch.inference_mode():
        torch.testing.assert_close(PaddedWithin(conv)(x), conv(x), atol=1e-6, rtol=1e-5)


def test_no_padded_copy_is_made_in_the_embedded_backbone():
    model = build(replace(SMALL, backbone="tf_efficientnet_lite0"))
    modules = dict(derived(model).backbone.named_modules())
    assert sum(isinstance(module, PaddedWithin) for module in modules.values()) == 5
    assert_same_as_plain(model, picture(1, 3, 64, 96))
