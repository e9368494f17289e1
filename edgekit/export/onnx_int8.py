"""Dynamic int8 for ONNX Runtime: weights in int8, activations quantized per tensor as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.export.exportable import int8_artifact
from edgekit.files import atomic
from edgekit.metadata import PRECISION_KEY
from edgekit.quiet import quiet
from edgekit.types import Artifact, Quantized


def quantize_onnx(source: Artifact, plan: Quantized, path: Path, *, reduce_range: bool = False) -> Artifact:
    """Writes an int8 copy of an exported ONNX file, following `plan` weight by weight.

    Args:
        plan: weights with 8 bits are quantized, all others stay fp32.
        reduce_range: 7-bit weights, for x86 CPUs without VNNI whose int8 sums saturate.

    Raises:
        ExportError: a planned weight is not in the graph, so the plan belongs to another model.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source.path)
    nodes = _nodes_by_weight(graph)
    wanted = [layer.name for layer in plan.layers if layer.bits == 8]
    lost = [name for name in wanted if name not in nodes]
    if lost:
        raise ExportError(
            f"{source.path.name} has no weight named {lost[0]!r}, which the plan quantizes.",
            remedy="Make the plan from the same model that was exported, and export again.",
        )
    chosen = [node for name in wanted for node in nodes[name]]
    # quantize_dynamic re-infers shapes and stops at the ones that torch's exporter recorded.
    del graph.graph.value_info[:]
    with atomic(path) as temporary:
        with quiet():
            quantize_dynamic(
                graph,
                temporary,
                op_types_to_quantize=["MatMul", "Gather", "Gemm"],
                nodes_to_quantize=chosen,
                per_channel=any(layer.granularity == "per_channel" for layer in plan.layers),
                reduce_range=reduce_range,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True},
            )
        _check_done(temporary, wanted)
        _copy_metadata(graph, temporary)
    return int8_artifact(source, path)


def _nodes_by_weight(model: Any) -> dict[str, list[str]]:
    """Weight name → names of the MatMul, Gemm and Gather nodes that read it."""
    found: dict[str, list[str]] = {}
    for node in model.graph.node:
        if node.op_type in ("MatMul", "Gemm", "Gather"):
            for name in node.input:
                found.setdefault(name, []).append(node.name)
                if node.op_type == "Gemm":  # split into MatMul and Add, under this name, before quantizing
                    found[name].append(f"{node.name}_MatMul")
    return found


def _check_done(path: Path, wanted: list[str]) -> None:
    """quantize_dynamic leaves out what it can't do without a word; a plan is kept or it fails."""
    import onnx

    written = onnx.load(path)
    floats = {i.name for i in written.graph.initializer if i.data_type == onnx.TensorProto.FLOAT}
    left = [name for name in wanted if name in floats]
    if left:
        raise ExportError(
            f"{len(left)} weights stayed in fp32 although the plan quantizes them, such as {left[0]!r}.",
            remedy="Leave them out of the plan, or report this model.",
        )


def _copy_metadata(graph: Any, path: Path) -> None:
    import onnx

    written = onnx.load(path)
    del written.metadata_props[:]
    written.metadata_props.extend(graph.metadata_props)
    for entry in written.metadata_props:
        if entry.key == PRECISION_KEY:
            entry.value = "int8"
    onnx.save(written, path)
