"""Fewer layers: which ones to keep, and how little some of them do (Men et al., 2024)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from edgekit.errors import ModelError
from edgekit.models import tasks
from edgekit.models.students.measure import BLOCKS, ROWS, padded_batches
from edgekit.models.students.rebuild import rebuilt
from edgekit.tasks import TEXT_GENERATION
from edgekit.types import Model, Rows


def select_layers(
    teacher_layers: int,
    layers: int,
    select: str | tuple[int, ...],
    *,
    influence: Sequence[float] | None = None,
) -> tuple[int, ...]:
    """Which teacher layers (0-based) a student of `layers` layers copies.

    "uniform" spreads them from the first to the last layer: 6 → 3 gives 0, 2, 5. "importance" leaves out
    those of the lowest `influence`, one number per teacher layer.

    Raises:
        ModelError: more layers than the teacher has, or an index it doesn't have.
    """
    if layers > teacher_layers:
        raise ModelError(
            f"The student asks for {layers} layers; its teacher has {teacher_layers}.",
            remedy=f"Set student.layers to {teacher_layers} or fewer.",
        )
    if isinstance(select, tuple):
        wrong = [i for i in select if not 0 <= i < teacher_layers]
        if wrong or len(set(select)) != len(select):
            raise ModelError(
                f"student.select {list(select)} doesn't fit a teacher with layers 0 to {teacher_layers - 1}.",
                remedy="List different layers of the teacher, 0-based.",
            )
        return select
    if select == "first":
        return tuple(range(layers))
    if select == "last":
        return tuple(range(teacher_layers - layers, teacher_layers))
    if select == "importance":
        if influence is None:
            raise ModelError(
                "Layers can't be chosen by importance without rows to measure it on.",
                remedy="Give training rows, or set student.select to uniform.",
            )
        strongest = sorted(range(teacher_layers), key=lambda i: -influence[i])[:layers]
        return tuple(sorted(strongest))
    if layers == 1:
        return (0,)
    step = (teacher_layers - 1) / (layers - 1)
    return tuple(int(i * step) for i in range(layers))


def block_influence(model: Model, rows: Rows) -> tuple[float, ...]:
    """How much each layer turns its input: mean of 1 − cosine(input, output) over real tokens.

    "Block influence" of Men et al. (2024), *ShortGPT*. A layer near 0 passes its input on.

    Args:
        rows: token rows; the first 256 are read, of a decoder's blocks the first 16.

    Returns:
        One number per layer, in [0, 2].
    """
    import torch

    _, count = tasks.layer_count(model.module.config)
    totals, tokens = torch.zeros(count, dtype=torch.float64), 0
    # A decoder's logits over whole blocks would not fit into memory, and nobody looks at them.
    decoder = model.signature.task == TEXT_GENERATION.name
    reader = model.module.base_model if decoder else model.module
    for batch in padded_batches(model, rows, limit=BLOCKS if decoder else ROWS):
        with torch.no_grad():
            hidden = reader(**batch, output_hidden_states=True).hidden_states
        real = batch["attention_mask"].bool()
        tokens += int(real.sum())
        for i in range(count):
            cosine = torch.cosine_similarity(hidden[i][real], hidden[i + 1][real], dim=-1).clamp(-1, 1)
            totals[i] += (1 - cosine).sum()
    return tuple((totals / tokens).tolist())


def with_layers(module: Any, chosen: tuple[int, ...]) -> Any:
    """A copy of `module` that has only the `chosen` layers, in that order.

    Raises:
        ModelError: the architecture keeps its layers somewhere unexpected, or can't begin with that one.
    """
    config = copy.deepcopy(module.config)
    if config.model_type == "modernbert" and chosen[0] != 0:
        raise ModelError(
            f"A ModernBERT student can't begin with layer {chosen[0]}: only layer 0 takes the embeddings "
            "without a norm of its own.",
            remedy="Set student.select to uniform or first, or to a list that begins with 0.",
        )
    field, count = tasks.layer_count(config)
    stack = layer_stack(module, count)
    setattr(config, field, len(chosen))
    # Model-type-specific lists with one entry per layer would no longer fit.
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in chosen]

    def rename(key: str) -> str | None:
        if not key.startswith(stack + "."):
            return key
        index, rest = key[len(stack) + 1 :].split(".", 1)
        return f"{stack}.{chosen.index(int(index))}.{rest}" if int(index) in chosen else None

    return rebuilt(module, config, rename=rename)


def layer_stack(module: Any, count: int) -> str:
    """Dotted name of the ModuleList that holds the encoder's layers.

    Raises:
        ModelError: there is none of that length.
    """
    import torch

    found = [n for n, m in module.named_modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count]
    if not found:
        raise ModelError(
            f"No stack of {count} layers was found in {type(module).__name__}.",
            remedy="Use a teacher whose layers are repeated blocks, such as BERT.",
        )
    return min(found, key=len)
