"""bfloat16 with the faster backward pass gives the same gradients."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from timm.layers import create_conv2d
from torch.nn import functional as F

from segface_hf.modeling.decoder import Attention
from segface_hf.training.optim import autocast, faster_precision


def gradients(model, inputs, *, context):
    """The gradients of everything that a small loss touches, as one vector."""
    model.zero_grad(set_to_none=True)
    with context:
        outputs = model(*inputs)
    outputs.float().square().mean().backward()
    return torch.cat([value.grad.flatten() for value in model.parameters()])


def depthwise():
    convolution = create_conv2d(6, 6, 3, stride=2, padding="same", depthwise=True)
    return convolution, (torch.randn(2, 6, 9, 9),)


def attention():
    few, many = torch.randn(2, 3, 16), torch.randn(2, 40, 16)
    return Attention(16, heads=2), (few, many, many)


def test_auto_precision_is_one_of_the_two_and_opens_a_context():
    chosen = faster_precision(torch.device("cpu"))
    assert chosen in ("fp32", "bf16")
    matrix = torch.ones(4, 4)
    with autocast("bf16"):
        assert (matrix @ matrix).dtype == torch.bfloat16
    with autocast("fp32"):
        assert (matrix @ matrix).dtype == torch.float32


@pytest.mark.parametrize("build", [depthwise, attention])
def test_the_faster_backward_pass_has_the_gradients_of_float32_up_to_rounding(build):
    torch.manual_seed(0)
    model, inputs = build()
    exact = gradients(model, inputs, context=autocast("fp32"))
    quick = gradients(model, inputs, context=autocast("bf16"))
    plain = gradients(model, inputs, context=torch.autocast("cpu", dtype=torch.bfloat16))
    error = float((quick - exact).norm() / exact.norm())
    assert 0 <= error < 0.02
    assert error <= 1.5 * float((plain - exact).norm() / exact.norm())


def test_depthwise_convolutions_stay_in_float32_and_others_do_not():
    images, each, mixed = torch.ones(1, 4, 5, 5), torch.ones(4, 1, 3, 3), torch.ones(4, 4, 3, 3)
    with autocast("bf16"):
        assert F.conv2d(images, each, groups=4).dtype == torch.float32
        assert F.conv2d(images, mixed).dtype == torch.bfloat16
    assert F.conv2d(images.bfloat16(), each.bfloat16(), groups=4).dtype == torch.bfloat16


def test_the_context_applies_to_its_own_thread_only():
    images, each = torch.ones(1, 4, 5, 5), torch.ones(4, 1, 3, 3)
    with autocast("bf16"), ThreadPoolExecutor(1) as pool:
        other = pool.submit(F.conv2d, images.bfloat16(), each.bfloat16(), groups=4).result()
    assert other.dtype == torch.bfloat16
