"""An exportable model with its answer after it, as `torch.export` traces it for Apple's formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgekit.batches import is_padded
from edgekit.errors import ExportError, first_line
from edgekit.export.coreml_heads import answering
from edgekit.export.exportable import Exportable
from edgekit.quiet import quiet


def trace(
    model: Exportable, *, target: str, decompositions: Mapping[Any, Any], fixed: int | None = None
) -> Any:
    """Traces a batch of one; see `answering` for what the program gives.

    Args:
        target: the format's name, for errors.
        decompositions: operation → what is written instead of it.
        fixed: tokens, where a program takes one length alone; None: 2 to the model's limit.

    Raises:
        ExportError: the module can't be traced.
    """
    import torch

    limit = model.signature.max_length or 512
    length = fixed or min(limit, 17)
    example = tuple(
        torch.ones((1, length), dtype=torch.int32) if is_padded(spec) else model.example[spec.name][:1]
        for spec in model.signature.inputs
    )
    sequence = torch.export.Dim("sequence", min=2, max=limit)
    flexible = tuple({1: sequence} if is_padded(spec) else {} for spec in model.signature.inputs)
    dynamic = (flexible,) if not fixed and any(flexible) else None
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(answering(model), example, dynamic_shapes=dynamic)
            return program.run_decompositions(dict(decompositions))
    except Exception as error:
        raise ExportError(
            f"{model.name} can't be traced for {target}: {first_line(error)}",
            remedy="Use an architecture that edgekit has an export module for, or export to ONNX.",
        ) from error
