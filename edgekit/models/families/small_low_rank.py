"""Transformers models with a token table of low rank, for export: the base family's twin with that table."""

from __future__ import annotations

import copy
import importlib
from typing import Any

from torch import Tensor, nn

from edgekit.errors import ExportError
from edgekit.models import families
from edgekit.models.small.low_rank import PREFIX, LowRankEmbedding
from edgekit.tasks import get_task


def _base(config: Any) -> tuple[Any, Any]:
    """The base family's file, and the configuration under the base's own type."""
    plain = copy.deepcopy(config)
    plain.__class__ = type(config).__mro__[1]
    file = families.FAMILIES.get(config.model_type.removeprefix(PREFIX))
    if file is None:
        raise ExportError(
            f"A {config.model_type} model has no export module.",
            remedy="Leave student.embedding_rank out, or use bert, roberta, mpnet, distilbert or electra.",
        )
    return importlib.import_module(file), plain


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    family, plain = _base(config)
    return family.unsupported(plain)


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> nn.Module:
    """The base family's twin, its token table replaced by the two factors.

    Raises:
        ExportError: a masked language model, whose output layer is a second table.
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    if get_task(task).optimum == "fill-mask":
        raise ExportError(
            "A masked language model with a token table of low rank has no export module.",
            remedy="Export the model after it was fine-tuned for a task.",
        )
    family, plain = _base(config)
    name = next(
        k.removesuffix(".projection.weight") for k in state if k.endswith("word_embeddings.projection.weight")
    )
    rows, axes = state[f"{name}.weight"], state[f"{name}.projection.weight"]
    rest = {k: v for k, v in state.items() if k != f"{name}.projection.weight"}
    twin = family.build(plain, rest | {f"{name}.weight": rows @ axes.t()}, max_length, task)
    place = next(k.removesuffix(".weight") for k in twin.state_dict() if k.endswith("word_embeddings.weight"))
    table = LowRankEmbedding(rows.shape[0], rows.shape[1], axes.shape[0])
    table.load_state_dict({"weight": rows, "projection.weight": axes}, strict=True)
    twin.set_submodule(place, table)
    return twin
