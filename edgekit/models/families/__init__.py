"""Export-ready modules, one file per architecture family, in one visible table.

A family file offers `unsupported(config) -> str | None`, why a configuration can't be expressed, and
`build(config, state, max_length, task) -> Module`.
"""

from __future__ import annotations

import importlib
from typing import Any

from edgekit.errors import ExportError

FAMILIES = {  # config.model_type → file
    "bert": "edgekit.models.families.bert",
    "camembert": "edgekit.models.families.roberta",
    "deberta-v2": "edgekit.models.families.deberta",  # v3 too
    "distilbert": "edgekit.models.families.distilbert",
    "edgekit-efficientnet-lite": "edgekit.models.families.efficientnet_lite",
    "edgekit-efficientnet-lite-audio": "edgekit.models.families.efficientnet_lite",
    "edgekit-low-rank-bert": "edgekit.models.families.small_low_rank",
    "edgekit-low-rank-distilbert": "edgekit.models.families.small_low_rank",
    "edgekit-low-rank-electra": "edgekit.models.families.small_low_rank",
    "edgekit-low-rank-mpnet": "edgekit.models.families.small_low_rank",
    "edgekit-low-rank-roberta": "edgekit.models.families.small_low_rank",
    "electra": "edgekit.models.families.electra",
    "modernbert": "edgekit.models.families.modernbert",
    "mpnet": "edgekit.models.families.mpnet",
    "roberta": "edgekit.models.families.roberta",
    "xlm-roberta": "edgekit.models.families.roberta",
}


def family_of(config: Any) -> Any | None:
    """The family file that can express this configuration, or None."""
    name = FAMILIES.get(config.model_type)
    if name is None:
        return None
    family = importlib.import_module(name)
    return None if family.unsupported(config) else family


def export_module(module: Any, *, max_length: int | None = None, task: str = "text-classification") -> Any:
    """The family's export-ready twin of a transformers model, carrying the same weights.

    Args:
        module: a transformers model with the head of `task`; for sentence embeddings an encoder, bare or
            inside another module, beside an optional Linear named `projection`.
        max_length: tokens; rows of a position table beyond it can't be reached and are left out.
        task: edgekit's name of it.

    Returns:
        A module in evaluation mode, fp32, on the CPU: `(input_ids, attention_mask, …) → [B, C]`, or
        `[B, L, C]` for a task that answers per token; `(array) → [B, C]` of images or sounds. An architecture
        without a family gets its own transformers module behind that interface, which ONNX usually takes and
        Core ML often doesn't.

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
        return family.build(module.config, state, max_length, task).eval()
    except (RuntimeError, KeyError) as error:
        raise ExportError(
            f"The weights of this {module.config.model_type} model do not fit its export module: {error}",
            remedy="Check that config.json belongs to these weights.",
        ) from error
