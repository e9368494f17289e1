"""Core ML by coremltools, on Linux or a Mac: an ML Program of any of edgekit's tasks in an `.mlpackage`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.export.coreml_convert import convert, save_package, write_out_gelu
from edgekit.export.coreml_heads import LABEL_OUTPUT, coreml_signature, predicts_a_label
from edgekit.export.coreml_inputs import array_inputs, chosen_lengths
from edgekit.export.exportable import Exportable, artifact
from edgekit.export.traced import trace
from edgekit.files import require_space
from edgekit.metadata import describe
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact


def export_coreml(
    model: Exportable,
    path: Path,
    *,
    precision: str = "fp16",
    minimum_deployment_target: str = "iOS17",
    shapes: str = "range",
    lengths: Sequence[int] = (16, 32, 64, 128),
) -> Artifact:
    """Writes `model` as a package: token ids or pixels in, its task's answer out (see `coreml_signature`).

    Args:
        precision: "fp16" or "fp32", of weights and arithmetic.
        shapes: "range" (1…max_length tokens), "enumerated" (`lengths`) or "fixed" (the largest of them);
            lengths beyond the model's maximum count as that.

    Raises:
        ExportError: an operation can't be converted (named, with its module), the shapes need a newer iOS,
            or they don't reach the model's maximum length.
    """
    hush()
    usable = chosen_lengths(model.signature, shapes, lengths)
    if shapes == "enumerated" and len(model.signature.inputs) > 1 and minimum_deployment_target != "iOS18":
        raise ExportError(
            f"Enumerated shapes on {len(model.signature.inputs)} inputs need iOS 18; the target is "
            f"{minimum_deployment_target}.",
            remedy="Use shapes: range, or --minimum-deployment-target iOS18.",
        )
    require_space(path.parent, model.parameters * 6, purpose=f"Writing {path.name}")
    with quiet():
        import coremltools as ct
        import numpy as np
        import torch
    signature = coreml_signature(model.signature)
    program = trace(
        model,
        target="Core ML",
        decompositions={torch.ops.aten.gelu.default: write_out_gelu},
        fixed=usable[-1] if shapes == "fixed" else None,
    )
    _name_shared_weights(program)
    if predicts_a_label(model.signature):
        # Without the probabilities' name coremltools takes the last operation, a cast, and fails.
        probabilities = program.graph_signature.user_outputs[0]
        settings: dict[str, Any] = {
            "classifier_config": ct.ClassifierConfig(list(signature.labels), LABEL_OUTPUT, probabilities)
        }
    else:
        settings = {"outputs": [ct.TensorType(name=signature.outputs[0].name, dtype=np.float32)]}
    converted = convert(
        program,
        name=model.name,
        precision=precision,
        minimum_deployment_target=minimum_deployment_target,
        inputs=array_inputs(model.signature, shapes=shapes, lengths=usable),
        **settings,
    )
    converted.short_description = f"{model.name}: {model.signature.task}"
    converted.version = "1"
    told = describe(signature, model.provenance, precision=precision, parameters=model.parameters)
    converted.user_defined_metadata.update(told)
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


def _name_shared_weights(program: Any) -> None:
    """Gives a weight that two modules share its first name, by which plans know it; torch takes its last."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    first: dict[int, Any] = {}
    for spec in program.graph_signature.input_specs:
        if spec.target in program.state_dict:
            node = nodes[spec.arg.name]
            kept = first.setdefault(id(program.state_dict[spec.target]), node)
            if kept is not node:
                node.replace_all_uses_with(kept)
