"""Core ML by coremltools, on Linux or a Mac: an ML Program with class labels in an `.mlpackage`."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError, first_line
from edgekit.export.exportable import Exportable, artifact
from edgekit.files import atomic, require_space
from edgekit.metadata import describe
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact, Signature, TensorSpec

LABEL_OUTPUT = "label"  # coremltools names the dictionary after it: `label_probs`


def export_coreml(
    model: Exportable,
    path: Path,
    *,
    precision: str = "fp16",
    minimum_deployment_target: str = "iOS17",
    shapes: str = "range",
    lengths: Sequence[int] = (16, 32, 64, 128),
) -> Artifact:
    """Writes `model` as a classifier package: token ids in, a label and label probabilities out.

    Args:
        precision: "fp16" or "fp32", of weights and arithmetic.
        shapes: "range" (1…max_length tokens), "enumerated" (`lengths`) or "fixed" (the largest of them).

    Raises:
        ExportError: an operation can't be converted (named, with its module), or the shapes need a newer iOS.
    """
    hush()
    limit = model.signature.max_length or 512
    usable = sorted({length for length in lengths if length <= limit}) or [limit]
    if shapes == "enumerated" and len(model.signature.inputs) > 1 and minimum_deployment_target != "iOS18":
        raise ExportError(
            f"Enumerated shapes on {len(model.signature.inputs)} inputs need iOS 18; the target is "
            f"{minimum_deployment_target}.",
            remedy="Use shapes: range, or --minimum-deployment-target iOS18.",
        )
    require_space(path.parent, model.parameters * 6, purpose=f"Writing {path.name}")
    with quiet():
        import coremltools as ct
    program = _trace(model, fixed=usable[-1] if shapes == "fixed" else None, limit=limit)
    notes = _Notes()
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.addHandler(notes)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        with quiet():
            converted = ct.convert(
                program,
                convert_to="mlprogram",
                minimum_deployment_target=ct.target[minimum_deployment_target],
                compute_precision=ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32,
                inputs=_inputs(ct, model.signature, shapes=shapes, lengths=usable, limit=limit),
                # Without the probabilities' name coremltools takes the last operation, a cast, and fails.
                classifier_config=ct.ClassifierConfig(
                    list(model.signature.labels), LABEL_OUTPUT, program.graph_signature.user_outputs[0]
                ),
            )
    except Exception as error:
        raise _explained(model, program, error, notes.texts) from error
    finally:
        logger.removeHandler(notes)
        logger.setLevel(level)
        logger.propagate = True
    signature = coreml_signature(model.signature)
    converted.short_description = f"{model.name}: {model.signature.task}"
    converted.version = "1"
    told = describe(signature, model.provenance, precision=precision, parameters=model.parameters)
    for key, value in told.items():
        converted.user_defined_metadata[key] = value
    converted.user_defined_metadata["edgekit.minimum_deployment_target"] = minimum_deployment_target
    save_package(converted, path)
    return artifact(
        path,
        name=f"{model.name}-coreml-{precision}",
        target="coreml",
        precision=precision,
        signature=signature,
        parameters=model.parameters,
    )


def coreml_signature(signature: Signature) -> Signature:
    """The same interface as Core ML states it: int32 ids, batch 1, probabilities instead of logits."""
    return Signature(
        task=signature.task,
        inputs=tuple(TensorSpec(s.name, (1, *s.shape[1:]), "int32") for s in signature.inputs),
        outputs=(TensorSpec("probabilities", (1, len(signature.labels)), "float32"),),
        labels=signature.labels,
        max_length=signature.max_length,
    )


def save_package(package: Any, path: Path) -> None:
    """Writes an `.mlpackage` folder atomically."""
    with atomic(path) as temporary, quiet():
        package.save(str(temporary))


def _trace(model: Exportable, *, fixed: int | None, limit: int) -> Any:
    import torch

    class Probabilities(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model.module

        def forward(self, *inputs: Any) -> Any:
            return torch.softmax(self.model(*inputs), dim=-1)

    length = fixed or min(limit, 17)
    example = tuple(torch.ones((1, length), dtype=torch.int32) for _ in model.signature.inputs)
    sequence = torch.export.Dim("sequence", min=2, max=limit)
    dynamic = None if fixed else (tuple({1: sequence} for _ in example),)
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(
                Probabilities().eval(), example, dynamic_shapes=dynamic
            ).run_decompositions({})
    except Exception as error:
        raise ExportError(
            f"{model.name} can't be traced for Core ML: {first_line(error)}",
            remedy="Use an architecture with an export module (bert); others go to ONNX.",
        ) from error


def _inputs(ct: Any, signature: Signature, *, shapes: str, lengths: list[int], limit: int) -> list[Any]:
    import numpy as np

    default = min(32, limit)
    if shapes == "fixed":
        shape: Any = (1, lengths[-1])
    elif shapes == "enumerated":
        shape = ct.EnumeratedShapes(shapes=[(1, n) for n in lengths], default=(1, lengths[0]))
    else:
        shape = (1, ct.RangeDim(lower_bound=1, upper_bound=limit, default=default))
    return [ct.TensorType(name=spec.name, shape=shape, dtype=np.int32) for spec in signature.inputs]


class _Notes(logging.Handler):
    """Collects what coremltools logs while it fails: only there does it name the place."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def _explained(model: Exportable, program: Any, error: Exception, notes: list[str]) -> ExportError:
    """Names the operation and the PyTorch module that could not be converted."""
    text = " ".join([*notes, str(error)])
    found = re.search(
        r"converting '([\w.]+)' op|function for op '([\w.]+)'|fx node ([\w.]+)|for op[: ]+'?([\w.]+)'?", text
    )
    operation = next((g for g in found.groups() if g), "") if found else ""
    where = _module_of(program, operation)
    named = f" at operation {operation!r}" if operation else ""
    inside = f" in module {where!r}" if where else ""
    reason = first_line(error)
    return ExportError(
        f"{model.name} can't be converted to Core ML{named}{inside}: {reason}",
        remedy="Core ML has no such operation. Replace it in the model, or export to ONNX instead.",
    )


def _module_of(program: Any, operation: str) -> str:
    """Dotted path of the module whose code made an operation of the traced graph."""
    wanted = operation.replace("aten::", "").split(".")[0].rstrip("_")
    for node in program.graph.nodes:
        named = wanted in str(node.target) or node.name == wanted
        if wanted and node.op == "call_function" and named:
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            if stack:
                return str(stack[-1][0]).removeprefix("model.")
    return ""
