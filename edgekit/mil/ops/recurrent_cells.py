"""What the recurrent operations share: activations by name, and running a cell over time."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgekit.mil.call import Call
from edgekit.mil.ops.attributes import flag, text

Activation = Callable[[torch.Tensor], torch.Tensor]
State = tuple[torch.Tensor, ...]
Step = Callable[
    [torch.Tensor, State], State
]  # (input projection at t, state) → state; state[0] is the output

# MIL gives the recurrent operations no parameters for these, so they run with their defaults: scaled_tanh is
# tanh (α = β = 1), linear is the identity (α = 1, β = 0), and sigmoid_hard has α = 0.2, β = 0.5.
_ACTIVATIONS: dict[str, Activation] = {
    "hard_sigmoid": lambda x: (0.2 * x + 0.5).clamp(0, 1),
    "linear": lambda x: x,
    "relu": torch.relu,
    "scaled_tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sigmoid_hard": lambda x: (0.2 * x + 0.5).clamp(0, 1),
    "tanh": torch.tanh,
}


def activation(call: Call, parameter: str, default: str) -> Activation:
    """The function that `parameter` names.

    Raises:
        ModelError: an unknown name.
    """
    name = text(call, parameter, default).lower()
    if name not in _ACTIVATIONS:
        raise call.unsupported(f"{parameter} {name!r}")
    return _ACTIVATIONS[name]


def project(x: torch.Tensor, weight: torch.Tensor, *biases: torch.Tensor | None) -> torch.Tensor:
    """x (s, b, I) times weight (gates · H, I), plus the biases, for all steps at once: (s, b, gates · H)."""
    projected = x @ weight.to(x.dtype).T
    for bias in biases:
        if bias is not None:
            projected = projected + bias.to(x.dtype)
    return projected


def run(
    call: Call,
    projected: torch.Tensor,
    state: State,
    step: Step,
    *,
    backward: bool = False,
    in_time: bool = False,
) -> tuple[torch.Tensor, State]:
    """The cell over all steps, last step first if `backward`.

    Args:
        call: read for `output_sequence`.
        projected: (s, b, gates · H), the inputs as `project` gives them.
        state: what the first step starts from, each (b, H).
        step: the cell.
        backward: run from the last step to the first.
        in_time: with `backward`, store the output of step t at t. MIL's bidirectional form does that; its
            `reverse` direction stores outputs in the order in which they were computed.

    Returns:
        (s, b, H), or (1, b, H) of the last step computed without output_sequence; and the last state.
    """
    order = range(projected.shape[0] - 1, -1, -1) if backward else range(projected.shape[0])
    outputs = []
    for moment in order:
        state = step(projected[moment], state)
        outputs.append(state[0])
    if not flag(call, "output_sequence") or not outputs:
        return state[0].unsqueeze(0), state
    return torch.stack(outputs[::-1] if in_time and backward else outputs), state


def is_reverse(call: Call) -> bool:
    """Whether the one direction of a `gru` or `rnn` is `reverse`.

    Raises:
        ModelError: neither that nor `forward`.
    """
    direction = text(call, "direction", "forward").lower()
    if direction not in ("forward", "reverse"):
        raise call.unsupported(f"direction {direction!r}")
    return direction == "reverse"
