"""Cuts a student from its teacher: some of its layers, everything else copied (Sanh et al., 2019)."""

from __future__ import annotations

import copy
from typing import Any

from edgekit.errors import ModelError
from edgekit.models import tasks
from edgekit.types import Model, Source


def select_layers(teacher_layers: int, layers: int, select: str | tuple[int, ...]) -> tuple[int, ...]:
    """Which teacher layers (0-based) a student of `layers` layers copies.

    "uniform" spreads them from the first to the last layer: 6 → 3 gives 0, 2, 5.

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
    if layers == 1:
        return (0,)
    step = (teacher_layers - 1) / (layers - 1)
    return tuple(int(i * step) for i in range(layers))


def build_student(teacher: Model, *, layers: int, select: str | tuple[int, ...], name: str) -> Model:
    """A new model with some of the teacher's layers and copies of all its other weights.

    Raises:
        ModelError: the architecture keeps its layers somewhere unexpected.
    """
    import torch

    config = copy.deepcopy(teacher.module.config)
    field, count = tasks.layer_count(config)
    chosen = select_layers(count, layers, select)
    stack = _layer_stack(teacher.module, count)
    setattr(config, field, layers)
    # Model-type-specific lists with one entry per layer would no longer fit.
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in chosen]
    with torch.random.fork_rng(devices=[]):
        module = type(teacher.module)(config)
    state = {}
    for key, value in teacher.module.state_dict().items():
        if key.startswith(stack + "."):
            index, rest = key[len(stack) + 1 :].split(".", 1)
            if int(index) not in chosen:
                continue
            key = f"{stack}.{chosen.index(int(index))}.{rest}"
        state[key] = value.detach().cpu().clone()
    missing, unexpected = module.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ModelError(
            f"Layers of a {config.model_type} model could not be copied: {[*missing, *unexpected][:3]}.",
            remedy="This architecture is not supported as a student yet; use a BERT-like encoder.",
        )
    source = Source(
        uri=f"layers {list(chosen)} of {teacher.name}", sha256=teacher.source.sha256, path=teacher.source.path
    )
    return Model(
        name=name,
        module=module.float().eval(),
        processor=teacher.processor,
        signature=teacher.signature,
        source=source,
    )


def _layer_stack(module: Any, count: int) -> str:
    """Dotted name of the ModuleList that holds the encoder's layers."""
    import torch

    found = [n for n, m in module.named_modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count]
    if not found:
        raise ModelError(
            f"No stack of {count} layers was found in {type(module).__name__}.",
            remedy="Use a teacher whose layers are repeated blocks, such as BERT.",
        )
    return min(found, key=len)
