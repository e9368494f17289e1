"""Blocks of 4 and 8 bits: exact codes, and who loses less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.export.onnx_schemes.blocks import packed, round_to_nearest
from edgekit.export.onnx_schemes.gptq import Hessian, error_feedback
from edgekit.export.onnx_schemes.hqq import half_quadratic


def test_codes_scales_and_zeros_by_hand() -> None:
    weight = np.array([[-1.0], [0.0], [0.5], [2.0], [3.0], [1.5]], np.float32)
    blocks = round_to_nearest(weight, bits=4, size=4)
    # Block 1 spans −1 … 2: a step of 0.2, the zero point 5. Block 2 spans 0 … 3 (0 is always inside), and is
    # filled up with two zeros.
    assert np.allclose(blocks.scales, [[0.2], [0.2]]) and blocks.zeros.tolist() == [[5], [0]]
    # 0.5 / 0.2 = 2.5 is rounded to even, 2.
    assert blocks.codes[0, :, 0].tolist() == [0, 5, 7, 15]
    assert blocks.codes[1, :, 0].tolist()[0] == 15 and blocks.codes[1, 2:, 0].tolist() == [0, 0]
    assert blocks.dequantized().shape == (6, 1)
    assert np.allclose(blocks.dequantized()[:4, 0], [-1, 0, 0.4, 2], atol=1e-6)


def test_symmetric_blocks_by_hand() -> None:
    weight = np.array([[0.25], [-2.0], [1.0], [1.75]], np.float32)
    blocks = round_to_nearest(weight, bits=4, size=4, symmetric=True)
    # −2 has the largest magnitude and gets code 0, eight steps below the middle.
    assert blocks.scales.tolist() == [[0.25]] and blocks.zeros.tolist() == [[8]]
    assert blocks.codes[0, :, 0].tolist() == [9, 0, 12, 15]
    assert blocks.dequantized()[:, 0].tolist() == [0.25, -2.0, 1.0, 1.75]
    turned = round_to_nearest(-weight, bits=4, size=4, symmetric=True)
    assert turned.scales.tolist() == [[-0.25]], "+2 gets code 0 too, with a negative scale"
    assert turned.dequantized()[:, 0].tolist() == [-0.25, 2.0, -1.0, -1.75]


def test_two_codes_to_a_byte_the_first_below() -> None:
    codes = np.array([[1, 2, 3], [15, 0, 9]], np.uint8)
    assert packed(codes, 4).tolist() == [[0x21, 0x03], [0x0F, 0x09]]
    assert packed(codes, 8).tolist() == codes.tolist()


@given(
    st.sampled_from([4, 8]), st.integers(1, 70), st.sampled_from([16, 32]), st.booleans(), st.integers(0, 99)
)
def test_no_weight_moves_by_more_than_half_a_step(
    bits: int, inputs: int, size: int, symmetric: bool, seed: int
) -> None:
    weight = np.random.default_rng(seed).normal(size=(inputs, 3)).astype(np.float32)
    blocks = round_to_nearest(weight, bits=bits, size=size, symmetric=symmetric)
    steps = np.repeat(np.abs(blocks.scales), size, 0)[:inputs]
    # A symmetric grid has one value less on the side of the smaller extreme.
    room = 1.0 if symmetric else 0.5
    assert (np.abs(blocks.dequantized() - weight) <= room * steps * (1 + 1e-4)).all()


def test_an_empty_block_stays_zero() -> None:
    for symmetric in (False, True):
        blocks = round_to_nearest(np.zeros((32, 2), np.float32), bits=4, size=32, symmetric=symmetric)
        assert not blocks.dequantized().any()


@pytest.mark.parametrize("symmetric", [False, True])
def test_half_quadratic_splitting_loses_less_than_rounding(symmetric: bool) -> None:
    random = np.random.default_rng(3)
    weight = random.standard_t(4, size=(128, 96)).astype(np.float32)  # heavy tails
    inputs = random.normal(size=(500, 128)).astype(np.float32)
    plain = round_to_nearest(weight, bits=4, size=32, symmetric=symmetric)
    fitted = half_quadratic(weight, bits=4, size=32, symmetric=symmetric)
    assert fitted.codes.shape == plain.codes.shape and fitted.codes.max() <= 15
    lost = [np.square(b.dequantized() - weight).reshape(4, 32, -1).sum(1) for b in (plain, fitted)]
    assert (lost[1] <= lost[0] * (1 + 1e-5)).all(), "no block may get worse"
    errors = [np.square(inputs @ (b.dequantized() - weight)).mean() for b in (plain, fitted)]
    assert errors[1] < 0.96 * errors[0]


def test_error_feedback_loses_less_at_the_layer_s_output() -> None:
    random = np.random.default_rng(5)
    weight = random.normal(size=(96, 40)).astype(np.float32)
    # Inputs that go together, as activations do, and one that never speaks.
    inputs = (random.normal(size=(2000, 24)) @ random.normal(size=(24, 96))).astype(np.float32)
    inputs += random.normal(size=inputs.shape).astype(np.float32) / 4
    inputs[:, 7] = 0
    hessian = Hessian()
    for start in range(0, 1500, 30):
        hessian.add(inputs[start : start + 30])
    assert np.allclose(hessian.value, inputs[:1500].T.astype(np.float64) @ inputs[:1500], rtol=1e-3, atol=1)
    plain = round_to_nearest(weight, bits=4, size=32)
    fed = error_feedback(weight, hessian.value, bits=4, size=32)
    held_out = inputs[1500:]
    errors = [np.square(held_out @ (b.dequantized() - weight)).mean() for b in (plain, fed)]
    assert errors[1] < 0.5 * errors[0]
    assert fed.dequantized()[7].max() == 0, "the weights of a silent input are free"


def test_error_feedback_by_hand() -> None:
    # Two inputs that are always equal: what the first weight loses, the second makes up for.
    weight = np.array([[0.44], [1.5]], np.float32)
    inputs = np.ones((10, 2), np.float32)
    blocks = error_feedback(weight, inputs.T.astype(np.float64) @ inputs, bits=4, size=2)
    # The step is 0.1 and 0.44 becomes 0.4; the second weight then wants 1.54, is rounded to 1.5.
    assert np.allclose(blocks.dequantized()[:, 0], [0.4, 1.5], atol=1e-6)
    weight = np.array([[0.44], [0.44], [1.5]], np.float32)
    inputs = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32)
    blocks = error_feedback(weight, inputs.T.astype(np.float64) @ inputs, bits=4, size=4)
    assert np.allclose(blocks.dequantized()[:, 0], [0.4, 0.5, 1.5], atol=1e-6), "0.4 + 0.5 is nearest to 0.88"
