"""Puts an encoder and the head of a task together, under transformers' own parameter names.

An encoder is a module `(input_ids, attention_mask, token_type_ids | None) → last hidden state [B, L, D]`,
with `adapt(transformers' weights) → its own`: tables cut to what can be reached, constants worked out. A head
is data: how to pool, then what to apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.tasks import get_task

Step = tuple[str, nn.Module] | Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Head:
    """What a task makes of the last hidden state.

    `pool(hidden [B, L, D], attention_mask [B, L])`, then each step: a module with its dotted name in
    transformers, or a function.
    """

    pool: Callable[[Tensor, Tensor], Tensor]
    steps: tuple[Step, ...]


def every_token(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """`[B, L, D]`, as it is."""
    return hidden


def first_token(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """`[B, D]`: [CLS] or <s>."""
    return hidden[:, 0]


def mean_token(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """`[B, D]`: the mean over real tokens."""
    mask = attention_mask.to(hidden.dtype)
    # Weights first, then the sum: a sum of hundreds of states could leave fp16.
    weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1.0)
    return (weights.unsqueeze(1) @ hidden).squeeze(1)


def unit_length(x: Tensor) -> Tensor:
    """`[B, D]` with L2 norm 1."""
    # Scaled by the largest entry first, so that the squares fit fp16.
    x = x / x.abs().amax(dim=-1, keepdim=True).clamp(min=1e-4)
    return x / (x * x).sum(dim=-1, keepdim=True).clamp(min=1e-6).sqrt()


class Twin(nn.Module):
    """An encoder with a head.

    Args of `forward`:
        input_ids, attention_mask, token_type_ids: `[B, L]`, integers, padded on the right.

    Returns of `forward`:
        `[B, C]`, or `[B, L, C]` for a task that answers per token; float32.
    """

    def __init__(self, prefix: str, encoder: nn.Module, head: Head) -> None:
        super().__init__()
        self.prefix = prefix
        self.pool = head.pool
        self.steps: list[str | Callable[[Tensor], Tensor]] = []
        self.add_module(prefix, encoder)
        for step in head.steps:
            if isinstance(step, tuple):
                _place(self, *step)
                self.steps.append(step[0])
            else:
                self.steps.append(step)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        hidden = self.get_submodule(self.prefix)(input_ids, attention_mask, token_type_ids)
        x = self.pool(hidden, attention_mask)
        for step in self.steps:
            x = self.get_submodule(step)(x) if isinstance(step, str) else step(x)
        return x


def _place(root: nn.Module, name: str, module: nn.Module) -> None:
    *path, last = name.split(".")
    for part in path:
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = getattr(root, part)
    root.add_module(last, module)


def token_head(config: Any) -> Head:
    """A linear layer on every token, as almost every family has it."""
    return Head(every_token, (("classifier", nn.Linear(config.hidden_size, config.num_labels)),))


def dense_head(
    config: Any, dense: str, activation: Callable[[Tensor], Tensor], out: str, *, size: int | None = None
) -> Head:
    """The first token through a dense layer, an activation and the output layer."""
    size = size or config.hidden_size
    layers = nn.Linear(size, size), nn.Linear(size, config.num_labels)
    return Head(first_token, ((dense, layers[0]), activation, (out, layers[1])))


def vocabulary_head(
    config: Any,
    dense: str,
    activation: Callable[[Tensor], Tensor],
    norm: str,
    decoder: str,
    *,
    size: int | None = None,
    eps: float | None = None,
) -> Head:
    """Every token through a dense layer, an activation, LayerNorm and the decoder to the vocabulary."""
    size = size or config.hidden_size
    return Head(
        every_token,
        (
            (dense, nn.Linear(config.hidden_size, size)),
            activation,
            (norm, nn.LayerNorm(size, eps=config.layer_norm_eps if eps is None else eps)),
            (decoder, nn.Linear(size, config.vocab_size)),
        ),
    )


def sentence_head(state: Mapping[str, Tensor]) -> Head:
    """The mean of real tokens, through `projection` when the weights have one, at length 1."""
    steps: tuple[Step, ...] = (unit_length,)
    if "projection.weight" in state:
        rows, columns = state["projection.weight"].shape
        steps = (("projection", nn.Linear(columns, rows, bias="projection.bias" in state)), *steps)
    return Head(mean_token, steps)


Heads = Mapping[str, Callable[[Any], Head]]  # optimum's task name → what makes the head


def assemble(
    prefix: str,
    encoder: nn.Module,
    heads: Heads,
    *,
    config: Any,
    state: Mapping[str, Tensor],
    task: str,
    words: str = "embeddings.word_embeddings.weight",
    unused: tuple[str, ...] = (),
) -> Twin:
    """The encoder and the task's head, with the weights of a transformers model in them.

    Args:
        prefix: the encoder's name inside transformers' model; weights under another name are found too.
        words: the token table's name inside the encoder.
        unused: endings of weights that have no part in the answer: unread poolers, biases kept twice.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
        KeyError: there is no token table, or no head for this task.
    """
    kind = get_task(task).optimum
    inside, outside = _encoder_weights(state, words)
    head = sentence_head(outside) if kind == "feature-extraction" else heads[kind](config)
    twin = Twin(prefix, encoder, head)
    adapted = {f"{prefix}.{name}": value for name, value in encoder.adapt(inside).items()}  # type: ignore[operator]
    given = {**adapted, **outside}
    wanted = twin.state_dict().keys()
    twin.load_state_dict({n: v for n, v in given.items() if n in wanted or not n.endswith(unused)})
    _tie(twin, encoder.get_parameter(words))
    return twin


def _encoder_weights(state: Mapping[str, Tensor], words: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The encoder's weights under the encoder's own names, and all others under theirs.

    Raises:
        KeyError: there is no token table.
    """
    table = next((name for name in state if name.endswith(words)), None)
    if table is None:
        raise KeyError(f"no weight is named …{words}")
    where = table.removesuffix(words)
    # An encoder that was saved bare has no name of its own; beside it stands a projection at most.
    inside = {n for n in state if n.startswith(where) and (where or not n.startswith("projection."))}
    return (
        {n.removeprefix(where): v for n, v in state.items() if n in inside},
        {n: v for n, v in state.items() if n not in inside},
    )


def _tie(twin: Twin, words: nn.Parameter) -> None:
    """Lets a decoder with the token table's values share its memory, so that both are stored once."""
    last = twin.steps[-1]
    if isinstance(last, str):
        decoder = twin.get_submodule(last)
        if decoder.weight.shape == words.shape and torch.equal(decoder.weight, words):  # type: ignore[arg-type]
            decoder.weight = words
