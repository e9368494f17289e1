"""Export-ready modules, one file per architecture family, in one visible table.

A family file offers `unsupported(config) -> str | None` and `build(config, state, max_length) -> Module`.
"""

from __future__ import annotations

import importlib
from typing import Any

from edgekit.errors import ExportError

FAMILIES = {"bert": "edgekit.models.families.bert"}  # config.model_type → file


def family_of(config: Any) -> Any | None:
    """The family file that can express this configuration, or None."""
    name = FAMILIES.get(config.model_type)
    if name is None:
        return None
    family = importlib.import_module(name)
    return None if family.unsupported(config) else family


def export_module(module: Any, *, max_length: int | None = None) -> Any:
    """The family's export-ready twin of a transformers model, carrying the same weights.

    Args:
        module: a transformers `*ForSequenceClassification`.
        max_length: tokens; rows of a position table beyond it can't be reached and are left out.

    Returns:
        A module in evaluation mode, fp32, on the CPU: `(input_ids, attention_mask, …) → logits [B, C]`. An
        architecture without a family gets its own transformers module behind that interface, which ONNX
        usually takes and Core ML often doesn't.

    Raises:
        ExportError: the weights do not fit the twin one to one.
    """
    import torch

    family = family_of(module.config)
    if family is None:
        from edgekit.models.families.generic import Transformers

        return Transformers(module.to("cpu", torch.float32)).eval()
    state = {k: v.detach().to("cpu", torch.float32) for k, v in module.state_dict().items()}
    try:
        return family.build(module.config, state, max_length).eval()
    except (RuntimeError, KeyError) as error:
        raise ExportError(
            f"The weights of this {module.config.model_type} model do not fit its export module: {error}",
            remedy="Check that config.json belongs to these weights.",
        ) from error
