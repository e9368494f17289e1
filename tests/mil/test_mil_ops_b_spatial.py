"""conv and pool kernels against torch, numpy and values worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgekit.errors import ModelError
from edgekit.mil.call import Call
from edgekit.mil.ops import conv, pool


def run(kernel: Any, **inputs: Any) -> torch.Tensor:
    op = SimpleNamespace(op_type=kernel.__name__, name="op")
    return kernel(Call(op, inputs, (), lambda *_: (), {}, torch.Generator().manual_seed(0)))


def ramp(*shape: int) -> torch.Tensor:
    return torch.arange(1, int(np.prod(shape)) + 1, dtype=torch.float32).reshape(shape)


def correlate(x: np.ndarray, weight: np.ndarray, stride: int, dilation: int, groups: int) -> np.ndarray:
    """1-D cross-correlation by its definition; x (C, d), weight (C_out, C/groups, k)."""
    reach = (weight.shape[2] - 1) * dilation + 1
    steps = (x.shape[1] - reach) // stride + 1
    result = np.zeros((weight.shape[0], steps))
    inputs, outputs = weight.shape[1], weight.shape[0] // groups
    for channel in range(weight.shape[0]):
        first = channel // outputs * inputs
        for step in range(steps):
            window = x[first : first + inputs, step * stride : step * stride + reach : dilation]
            result[channel, step] = (window * weight[channel]).sum()
    return result


@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    lower=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_conv_same_pads_to_ceil_of_size_over_stride(
    size: int, kernel: int, stride: int, dilation: int, groups: int, lower: bool
) -> None:
    generator = np.random.default_rng(size * 100 + kernel)
    x, weight = generator.normal(size=(4, size)), generator.normal(size=(6, 4 // groups, kernel))
    result = run(
        conv.conv,
        x=torch.tensor(x, dtype=torch.float32)[None],
        weight=torch.tensor(weight, dtype=torch.float32),
        pad_type="same_lower" if lower else "same",
        strides=torch.tensor([stride]),
        dilations=torch.tensor([dilation]),
        groups=groups,
    )
    count = -(-size // stride)
    total = max(0, (count - 1) * stride + (kernel - 1) * dilation + 1 - size)
    before = total - total // 2 if lower else total // 2
    padded = np.pad(x, ((0, 0), (before, total - before)))
    expected = correlate(padded, weight, stride, dilation, groups)
    assert result.shape[2] == count
    np.testing.assert_allclose(result[0].numpy(), expected[:, :count], atol=1e-4)


def test_conv_pads_each_side_by_its_own_amount() -> None:
    result = run(conv.conv, x=ramp(1, 1, 3), weight=torch.ones(1, 1, 2), pad_type="custom", pad=[2, 0])
    assert result.tolist() == [[[0.0, 1.0, 3.0, 5.0]]]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_conv_without_a_pad_type_is_valid_in_every_rank(rank: int) -> None:
    x, weight = ramp(2, 2, *(4,) * rank), ramp(3, 2, *(2,) * rank) / 10
    bias = torch.tensor([1.0, -1.0, 0.5])
    reference = (F.conv1d, F.conv2d, F.conv3d)[rank - 1](x, weight, bias)
    assert torch.equal(run(conv.conv, x=x, weight=weight, bias=bias), reference)


def test_conv_quantized_dequantizes_per_output_channel() -> None:
    weight = torch.tensor([[[1, 2]], [[3, 4]]], dtype=torch.uint8)
    result = run(
        conv.conv_quantized,
        x=torch.ones(1, 1, 2),
        weight=weight,
        quantization_type="linear",
        quant_scale=torch.tensor([0.5, 2.0]),
        quant_bias=torch.tensor([0.0, 1.0]),
    )
    assert result.flatten().tolist() == [1.5, 16.0]


def test_conv_names_what_it_cannot_do() -> None:
    with pytest.raises(ModelError, match=r"'op' of type 'conv' uses pad_type 'wrapped'"):
        run(conv.conv, x=ramp(1, 1, 3), weight=torch.ones(1, 1, 2), pad_type="wrapped")
    with pytest.raises(ModelError, match="quantization_type 'lut'"):
        run(conv.conv_quantized, x=ramp(1, 1, 3), weight=torch.ones(1, 1, 2), quantization_type="lut")


@given(
    size=st.integers(1, 5),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    pad=st.integers(0, 2),
    extra=st.integers(0, 2),
)
@settings(max_examples=40, deadline=None)
def test_conv_transpose_is_the_gradient_of_conv(
    size: int, kernel: int, stride: int, dilation: int, pad: int, extra: int
) -> None:
    target = (size - 1) * stride + (kernel - 1) * dilation + 1 - 2 * pad + min(extra, stride - 1)
    if target < 1:
        return
    torch.manual_seed(size)
    weight = torch.randn(2, 3, kernel)  # (C_in of the transpose, C_out, k): conv maps 3 channels to 2
    upstream = torch.randn(1, 2, size)
    image = torch.zeros(1, 3, target, requires_grad=True)
    F.conv1d(image, weight, stride=stride, dilation=dilation, padding=pad).backward(upstream)
    result = run(
        conv.conv_transpose,
        x=upstream,
        weight=weight,
        strides=[stride],
        dilations=[dilation],
        pad_type="custom",
        pad=[pad, pad],
        output_shape=torch.tensor([1, 3, target]),
    )
    assert image.grad is not None
    torch.testing.assert_close(result, image.grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kernel", "expected"), [(3, [1.0, 1.0, 3.0, 2.0]), (1, [1.0, 0.0, 2.0, 0.0])])
def test_conv_transpose_same_has_stride_times_the_size(kernel: int, expected: list[float]) -> None:
    # kernel 3: the full result is 1 1 3 2 2, whose odd element is cut at the end; kernel 1 leaves a gap there
    result = run(
        conv.conv_transpose, x=ramp(1, 1, 2), weight=torch.ones(1, 1, kernel), strides=[2], pad_type="same"
    )
    assert result.flatten().tolist() == expected


def test_conv_transpose_adds_the_bias_where_no_input_reaches() -> None:
    result = run(
        conv.conv_transpose,
        x=ramp(1, 1, 1),
        weight=torch.ones(1, 1, 1),
        bias=torch.tensor([5.0]),
        output_shape=[1, 1, 3],
    )
    assert result.flatten().tolist() == [6.0, 5.0, 5.0]


def windows(size: int, kernel: int, stride: int, before: int, count: int) -> list[list[int]]:
    starts = [i * stride - before for i in range(count)]
    return [[j for j in range(start, start + kernel) if 0 <= j < size] for start in starts]


@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    pad_type=st.sampled_from(["valid", "same", "same_lower"]),
)
@settings(max_examples=60, deadline=None)
def test_pools_by_their_definition(size: int, kernel: int, stride: int, pad_type: str) -> None:
    if pad_type == "valid" and kernel > size:
        return
    x = torch.randn(1, 1, size)
    values = x.flatten().tolist()
    if pad_type == "valid":
        count, before = (size - kernel) // stride + 1, 0
    else:
        count = -(-size // stride)
        total = max(0, (count - 1) * stride + kernel - size)
        before = total // 2 if pad_type == "same" else total - total // 2
    cells = [[values[j] for j in window] for window in windows(size, kernel, stride, before, count)]
    arguments = {"x": x, "kernel_sizes": [kernel], "strides": [stride], "pad_type": pad_type}
    expected = {
        "max": [max(cell) for cell in cells],
        "mean": [sum(cell) / kernel for cell in cells],
        "inner": [sum(cell) / len(cell) for cell in cells],
        "l2": [sum(v * v for v in cell) ** 0.5 for cell in cells],
    }
    result = {
        "max": run(pool.max_pool, **arguments),
        "mean": run(pool.avg_pool, **arguments),
        "inner": run(pool.avg_pool, **arguments, exclude_padding_from_average=True),
        "l2": run(pool.l2_pool, **arguments),
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(result[name].flatten().numpy(), numbers, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"), [(6, 3, 2, 1), (5, 2, 2, 1), (7, 3, 3, 1), (5, 2, 2, 0)]
)
def test_ceil_mode_is_torchs(size: int, kernel: int, stride: int, pad: int, exclude: bool) -> None:
    x = torch.randn(2, 3, size, size + 1)
    arguments = {
        "x": x,
        "kernel_sizes": [kernel] * 2,
        "strides": [stride] * 2,
        "pad_type": "custom",
        "pad": [pad] * 4,
        "ceil_mode": True,
    }
    average = F.avg_pool2d(x, kernel, stride, pad, ceil_mode=True, count_include_pad=not exclude)
    torch.testing.assert_close(run(pool.avg_pool, **arguments, exclude_padding_from_average=exclude), average)
    assert torch.equal(run(pool.max_pool, **arguments), F.max_pool2d(x, kernel, stride, pad, ceil_mode=True))


def test_max_pool_of_negative_values_ignores_the_padding() -> None:
    result = run(pool.max_pool, x=-ramp(1, 1, 2, 2), kernel_sizes=[2, 2], pad_type="custom", pad=[1, 0, 0, 1])
    assert result.tolist() == [[[[-1.0, -2.0], [-1.0, -2.0]]]]
