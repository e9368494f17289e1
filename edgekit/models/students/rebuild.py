"""The one way weights move into a student: a fresh module of the new shape, filled from the old one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from edgekit.errors import ModelError


def rebuilt(
    module: Any,
    config: Any,
    *,
    rename: Callable[[str], str | None] = lambda key: key,
    choose: Callable[[str, int], Any] | None = None,
    added: Mapping[str, Any] | None = None,
) -> Any:
    """A new module of the same class under `config`, its weights copied from `module`.

    Args:
        rename: a weight's name in the new module; None leaves the weight out.
        choose: `(name in the old module, axis) → indices [n] int64`, asked for every axis whose size changes.
        added: weights that only the new module has.

    Returns:
        The module in evaluation mode, fp32, on the CPU; it shares no memory with `module`.

    Raises:
        ModelError: a weight is missing or left over, so the architecture is not built as assumed.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        fresh = type(module)(config)
    shapes = {key: value.shape for key, value in fresh.state_dict().items()}
    state = dict(added or {})
    for key, value in module.state_dict().items():
        new = rename(key)
        if new is None:
            continue
        value = value.detach().cpu()
        for axis, size in enumerate(shapes.get(new, value.shape)):
            if choose is not None and size != value.shape[axis]:
                value = value.index_select(axis, choose(key, axis))
        state[new] = value.clone()
    try:
        missing, unexpected = fresh.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise _unfit(config, str(error).splitlines()[-1].strip()) from error
    if missing or unexpected:
        raise _unfit(config, ", ".join([*missing, *unexpected][:3]))
    if getattr(module, "generation_config", None) is not None:
        fresh.generation_config = copy.deepcopy(module.generation_config)
    return fresh.float().eval()


def _unfit(config: Any, what: str) -> ModelError:
    return ModelError(
        f"Weights of a {config.model_type} model could not be copied: {what}.",
        remedy="This architecture is not supported as a student yet; use a BERT-like encoder.",
    )
