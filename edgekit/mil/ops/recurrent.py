"""Recurrent layers: `lstm`, `gru`, `rnn` (MIL iOS15, iOS17; iOS18 gives `gru` input_bias and reset_after)."""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import flag, number, text
from edgekit.mil.ops.recurrent_cells import State, activation, is_reverse, project, run


def rnn(call: Call) -> tuple[torch.Tensor, torch.Tensor]:
    """h_t = activation(W_ih x_t + W_hh h_{t−1} + b). Returns the sequence (or last step) and the last h."""
    x = call["x"]
    act = activation(call, "activation", "tanh")
    recurrent = call["weight_hh"].to(x.dtype).T

    def step(projected: torch.Tensor, state: State) -> State:
        return (act(projected + state[0] @ recurrent),)

    projected = project(x, call["weight_ih"], call["bias"])
    sequence, (last,) = run(call, projected, (call["initial_h"],), step, backward=is_reverse(call))
    return sequence, last


def gru(call: Call) -> tuple[torch.Tensor, torch.Tensor]:
    """h_t = (1 − z) · o + z · h_{t−1}; the weights' rows are the gates [r | o | z].

    o = act(W_io x + b_o + W_ho (r · h)): the reset gate acts on the state before the matrix product, which is
    what Core ML computes although the documentation's formula has r · (W_ho h). That formula is iOS18's
    reset_after, o = act(W_io x + b_io + r · (W_ho h + b_ho)), with b_i = input_bias and b_h = bias.
    """
    x, bias = call["x"], call["bias"]
    act = activation(call, "activation", "tanh")
    gate = activation(call, "recurrent_activation", "sigmoid")
    weight = call["weight_hh"].to(x.dtype)
    hidden = weight.shape[1]
    reset_after = flag(call, "reset_after")
    offset = x.new_zeros(3 * hidden) if bias is None or not reset_after else bias.to(x.dtype)
    into_reset, into_output, into_update = weight.T.split(hidden, dim=1)

    def step(projected: torch.Tensor, state: State) -> State:
        (h,) = state
        for_reset, for_output, for_update = projected.split(hidden, dim=1)
        off_reset, off_output, off_update = offset.split(hidden)
        r = gate(for_reset + h @ into_reset + off_reset)
        z = gate(for_update + h @ into_update + off_update)
        recalled = r * (h @ into_output + off_output) if reset_after else (r * h) @ into_output
        return ((1 - z) * act(for_output + recalled) + z * h,)

    projected = project(x, call["weight_ih"], call["input_bias"], None if reset_after else bias)
    sequence, (last,) = run(call, projected, (call["initial_h"],), step, backward=is_reverse(call))
    return sequence, last


def lstm(call: Call) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Long short-term memory; the weights' rows are the gates [i | f | o | z].

    With peepholes [i | f | o], i and f also see c_{t−1} and o sees c_t; `clip` bounds c_t before that. Both
    directions: states and outputs are [forward | backward] along the last axis, and without output_sequence
    the backward half is that of the first step. Returns the sequence (or the last step), the last h and c.
    """
    x = call["x"]
    direction = text(call, "direction", "forward").lower()
    h, c = call["initial_h"], call["initial_c"]
    if direction in ("forward", "reverse"):
        sequence, (last_h, last_c) = _lstm_direction(call, x, (h, c), "", backward=direction == "reverse")
        return sequence, last_h, last_c
    if direction != "bidirectional":
        raise call.unsupported(f"direction {direction!r}")
    half = h.shape[1] // 2
    ahead, (ahead_h, ahead_c) = _lstm_direction(call, x, (h[:, :half], c[:, :half]), "", in_time=True)
    back, (back_h, back_c) = _lstm_direction(
        call, x, (h[:, half:], c[:, half:]), "_back", backward=True, in_time=True
    )
    return torch.cat((ahead, back), 2), torch.cat((ahead_h, back_h), 1), torch.cat((ahead_c, back_c), 1)


def _lstm_direction(
    call: Call, x: torch.Tensor, state: State, suffix: str, *, backward: bool = False, in_time: bool = False
) -> tuple[torch.Tensor, State]:
    gate = activation(call, "recurrent_activation", "sigmoid")
    cell = activation(call, "cell_activation", "tanh")
    act = activation(call, "activation", "tanh")
    recurrent = call[f"weight_hh{suffix}"].to(x.dtype).T
    hidden = recurrent.shape[0]
    peephole = call[f"peephole{suffix}"]
    peep = None if peephole is None else peephole.to(x.dtype).split(hidden)
    clip = None if call["clip"] is None else number(call, "clip", 0.0)

    def step(projected: torch.Tensor, state: State) -> State:
        h, c = state
        i, f, o, z = (projected + h @ recurrent).split(hidden, dim=1)
        if peep is not None:
            i, f = i + c * peep[0], f + c * peep[1]
        c = gate(f) * c + gate(i) * cell(z)
        if clip is not None:
            c = c.clamp(-clip, clip)
        if peep is not None:
            o = o + c * peep[2]
        return gate(o) * act(c), c

    projected = project(x, call[f"weight_ih{suffix}"], call[f"bias{suffix}"])
    return run(call, projected, state, step, backward=backward, in_time=in_time)


OPS: dict[str, Kernel] = {"gru": gru, "lstm": lstm, "rnn": rnn}
