"""lstm, gru and rnn kernels against torch's layers, and against cells written out in numpy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Call
from edgekit.mil.ops.recurrent import OPS

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 3, 5


def run(op_type: str, **inputs: Any) -> tuple[torch.Tensor, ...]:
    op = SimpleNamespace(op_type=op_type, name="op")
    return OPS[op_type](Call(op, inputs, (), lambda *_: (), {}, torch.Generator()))


def rows(tensor: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    """torch's gates in MIL's order."""
    gates = tensor.detach().chunk(len(order))
    return torch.cat([gates[i] for i in order])


LSTM_ORDER = (0, 1, 3, 2)  # torch i f z o → MIL i f o z
GRU_ORDER = (0, 2, 1)  # torch r z n → MIL r o z


def weights(layer: torch.nn.RNNBase, order: tuple[int, ...], suffix: str = "") -> dict[str, torch.Tensor]:
    get = {name: rows(value, order) for name, value in layer.state_dict().items()}
    return {
        "weight_ih": get[f"weight_ih_l0{suffix}"],
        "weight_hh": get[f"weight_hh_l0{suffix}"],
        "bias": get[f"bias_ih_l0{suffix}"] + get[f"bias_hh_l0{suffix}"],
    }


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


@pytest.mark.parametrize("output_sequence", [True, False])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_one_direction_runs_over_time_or_against_it(direction: str, output_sequence: bool) -> None:
    x = torch.randn(STEPS, BATCH, INPUTS)
    seen = x if direction == "forward" else x.flip(0)
    h, c = torch.randn(BATCH, HIDDEN), torch.randn(BATCH, HIDDEN)
    settings = {"x": x, "initial_h": h, "direction": direction, "output_sequence": output_sequence}

    lstm = torch.nn.LSTM(INPUTS, HIDDEN)
    rnn = torch.nn.RNN(INPUTS, HIDDEN, nonlinearity="relu")
    with torch.no_grad():
        sequence, (last_h, last_c) = lstm(seen, (h[None], c[None]))
        plain, plain_h = rnn(seen, h[None])
    result = run("lstm", initial_c=c, **weights(lstm, LSTM_ORDER), **settings)
    # without output_sequence: the last step computed, as a sequence of one
    expected = (sequence if output_sequence else sequence[-1:], last_h[0], last_c[0])
    for mine, torchs in zip(result, expected, strict=True):
        torch.testing.assert_close(mine, torchs, atol=1e-5, rtol=1e-5)
    result = run("rnn", activation="relu", **weights(rnn, (0,)), **settings)
    for mine, torchs in zip(result, (plain if output_sequence else plain[-1:], plain_h[0]), strict=True):
        torch.testing.assert_close(mine, torchs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("output_sequence", [True, False])
def test_a_bidirectional_lstm_keeps_both_halves_in_time(output_sequence: bool) -> None:
    layer = torch.nn.LSTM(INPUTS, HIDDEN, bidirectional=True)
    x = torch.randn(STEPS, BATCH, INPUTS)
    h, c = torch.randn(2, BATCH, HIDDEN), torch.randn(2, BATCH, HIDDEN)
    with torch.no_grad():
        sequence, (last_h, last_c) = layer(x, (h, c))
    back = {f"{name}_back": value for name, value in weights(layer, LSTM_ORDER, "_reverse").items()}
    result = run(
        "lstm",
        x=x,
        initial_h=torch.cat((h[0], h[1]), 1),
        initial_c=torch.cat((c[0], c[1]), 1),
        direction="bidirectional",
        output_sequence=output_sequence,
        **weights(layer, LSTM_ORDER),
        **back,
    )
    if not output_sequence:
        sequence = torch.cat((sequence[-1:, :, :HIDDEN], sequence[:1, :, HIDDEN:]), 2)
    expected = (sequence, torch.cat((last_h[0], last_h[1]), 1), torch.cat((last_c[0], last_c[1]), 1))
    for mine, torchs in zip(result, expected, strict=True):
        torch.testing.assert_close(mine, torchs, atol=1e-5, rtol=1e-5)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_lstm_peepholes_clip_and_activations() -> None:
    generator = np.random.default_rng(0)
    x, w, u = (
        generator.normal(size=(STEPS, INPUTS)),
        generator.normal(size=(8, INPUTS)),
        generator.normal(size=(8, 2)),
    )
    peep, clip = generator.normal(size=6), 0.3
    h, c = np.zeros(2), np.full(2, 0.25)
    for step in x:
        i, f, o, z = np.split(w @ step + u @ h, 4)
        i, f = sigmoid(i + peep[:2] * c), sigmoid(f + peep[2:4] * c)  # they see the old cell state
        c = np.clip(f * c + i * np.clip(0.2 * z + 0.5, 0, 1), -clip, clip)
        h = sigmoid(o + peep[4:] * c) * np.maximum(c, 0)  # o sees the new one, clipped
    tensors = {"x": x[:, None], "weight_ih": w, "weight_hh": u, "peephole": peep}
    _, last_h, last_c = run(
        "lstm",
        initial_h=torch.zeros(1, 2),
        initial_c=torch.full((1, 2), 0.25),
        clip=torch.tensor(clip),
        cell_activation="hard_sigmoid",
        activation="ReLU",
        **{name: torch.tensor(value, dtype=torch.float32) for name, value in tensors.items()},
    )
    np.testing.assert_allclose(last_h[0].numpy(), h, atol=1e-5)
    np.testing.assert_allclose(last_c[0].numpy(), c, atol=1e-5)


def test_gru_with_reset_after_is_torchs() -> None:
    layer = torch.nn.GRU(INPUTS, HIDDEN)
    x, h = torch.randn(STEPS, BATCH, INPUTS), torch.randn(BATCH, HIDDEN)
    with torch.no_grad():
        sequence, last = layer(x, h[None])
    parameters = {name: rows(value, GRU_ORDER) for name, value in layer.state_dict().items()}
    result = run(
        "gru",
        x=x,
        initial_h=h,
        weight_ih=parameters["weight_ih_l0"],
        weight_hh=parameters["weight_hh_l0"],
        input_bias=parameters["bias_ih_l0"],
        bias=parameters["bias_hh_l0"],
        reset_after=True,
        output_sequence=True,
    )
    torch.testing.assert_close(result[0], sequence, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(result[1], last[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_gru_resets_the_state_before_the_product(direction: str) -> None:
    generator = np.random.default_rng(1)
    x, w, u = (
        generator.normal(size=(STEPS, INPUTS)),
        generator.normal(size=(6, INPUTS)),
        generator.normal(size=(6, 2)),
    )
    bias, input_bias, h = generator.normal(size=6), generator.normal(size=6), generator.normal(size=2)
    states = []
    start = h
    for step in x if direction == "forward" else x[::-1]:
        for_r, for_o, for_z = np.split(w @ step + bias + input_bias, 3)
        r, z = sigmoid(for_r + u[:2] @ h), sigmoid(for_z + u[4:] @ h)
        h = (1 - z) * np.tanh(for_o + u[2:4] @ (r * h)) + z * h
        states.append(h)
    tensors = {"x": x[:, None], "initial_h": start[None], "weight_ih": w, "weight_hh": u, "bias": bias}
    tensors["input_bias"] = input_bias
    sequence, last = run(
        "gru",
        direction=direction,
        output_sequence=True,
        **{name: torch.tensor(value, dtype=torch.float32) for name, value in tensors.items()},
    )
    np.testing.assert_allclose(sequence[:, 0].numpy(), states, atol=1e-5)
    np.testing.assert_allclose(last[0].numpy(), h, atol=1e-5)


def test_unknown_directions_and_activations_are_named() -> None:
    one = torch.zeros(1, 1, 1)
    state = {"x": one, "initial_h": one[0], "weight_ih": one[0], "weight_hh": one[0]}
    with pytest.raises(ModelError, match="direction 'bidirectional'"):
        run("rnn", direction="bidirectional", **state)
    with pytest.raises(ModelError, match="activation 'softplus'"):
        run("rnn", activation="softplus", **state)
    with pytest.raises(ModelError, match="direction 'sideways'"):
        run("lstm", direction="sideways", initial_c=one[0], **state)
