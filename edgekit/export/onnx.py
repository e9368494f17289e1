"""ONNX by torch.export: dynamic batch and sequence, named outputs, labels and provenance inside."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.export.exportable import Exportable, artifact
from edgekit.files import atomic, require_space
from edgekit.metadata import describe
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact

OPSET = 20  # the first with Gelu as one operator; ONNX Runtime 1.17 and newer run it


def export_onnx(model: Exportable, path: Path) -> Artifact:
    """Writes `model` as one fp32 ONNX file, atomically.

    Raises:
        ExportError: the module can't be traced; the message names where.
        DiskFull: nothing was overwritten.
    """
    hush()
    import torch

    from edgekit.export.onnx_rules import PORTABLE_RULES, apply_rules

    require_space(path.parent, model.parameters * 4 + 1_000_000, purpose=f"Writing {path.name}")
    dims = {
        "batch": torch.export.Dim("batch", min=1, max=65536),
        "sequence": torch.export.Dim("sequence", min=2, max=model.signature.max_length or 512),
    }
    shapes = tuple(
        {i: dims[d] for i, d in enumerate(spec.shape) if isinstance(d, str)}
        for spec in model.signature.inputs
    )
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                model.module,
                tuple(model.example[spec.name] for spec in model.signature.inputs),
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=[spec.name for spec in model.signature.inputs],
                output_names=[spec.name for spec in model.signature.outputs],
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:
        raise ExportError(
            f"{model.name} can't be exported to ONNX: {_reason(error)}",
            remedy="Use an architecture that edgekit has an export module for, or report this one.",
        ) from error
    assert program is not None  # torch returns None only for its old exporter
    _name_weights(program.model, model.module)
    apply_rules(program.model, PORTABLE_RULES)
    metadata = describe(model.signature, model.provenance, precision="fp32", parameters=model.parameters)
    program.model.metadata_props.update(metadata)
    program.model.doc_string = f"{model.name}, {model.signature.task}"
    with atomic(path) as temporary:
        import onnx

        # save() decides by size whether weights go to a second file; below 2 GB one file is what apps want.
        program.save(temporary, external_data=False)
        onnx.checker.check_model(temporary, full_check=False)
    return artifact(
        path,
        name=f"{model.name}-onnx-fp32",
        target="onnx",
        precision="fp32",
        signature=model.signature,
        parameters=model.parameters,
    )


def _name_weights(ir_model: Any, module: Any) -> None:
    """Gives folded constants the names of the parameters they came from.

    The exporter transposes each Linear's weight at export time and calls the result `val_17`; precision
    plans and error messages need the parameter's own name.
    """
    by_content = {}
    for name, parameter in module.state_dict().items():
        if parameter.ndim == 2:
            by_content[_digest(parameter.t().contiguous().numpy())] = name
    taken = set(ir_model.graph.initializers)
    for old, value in list(ir_model.graph.initializers.items()):
        if value.const_value is None or len(value.const_value.shape) != 2:
            continue
        new = by_content.get(_digest(value.const_value.numpy()))
        if new is not None and new not in taken:
            del ir_model.graph.initializers[old]
            value.name = new
            ir_model.graph.initializers[new] = value
            taken.add(new)


def _digest(array: Any) -> tuple[tuple[int, ...], str]:
    import numpy as np

    return tuple(array.shape), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__
