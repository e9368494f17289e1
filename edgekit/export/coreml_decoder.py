"""A decoder as a Core ML package that keeps its caches as states (iOS 18), with 16, 8 or 4 bits a weight.

One function serves both phases: `prefill` is a call with many new tokens, decoding is a call with one; or
there is a function for each. The caller makes one state for each text and passes it to every call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError, first_line
from edgekit.export.coreml_convert import convert, save_package
from edgekit.export.coreml_palette import palette
from edgekit.export.coreml_phases import with_decode_function
from edgekit.export.exportable import artifact
from edgekit.files import require_space
from edgekit.metadata import describe
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact

DEPLOYMENT = "iOS18"  # the first with states
SMALL = 1024  # entries; a smaller weight stays as it is
READERS = {"linear", "matmul", "gather"}  # operations whose weights are compressed


def export_decoder(
    decoder: Any,
    path: Path,
    *,
    name: str,
    precision: str = "fp16",
    block_size: int = 32,
    group_size: int = 32,
    split_phases: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> Artifact:
    """Writes a decoder with its caches.

    Args:
        decoder: in evaluation mode, fp32, on the CPU: `(input_ids [1, T], causal_mask [1, 1, T, E])` → logits
            `[1, T, V]`. Its `signature` names inputs and outputs, its `states` the buffers to keep; see
            `edgekit.models.decoders`. Its caches are empty afterwards.
        precision: of the weights: "fp16"; "int8", a scale per output channel; "int4", a scale per block;
            "palette4", a table of 16 values per matrix, or in "palette4-grouped" per group of output
            channels. With 4 bits the token table keeps 8. Arithmetic and states are fp16.
        block_size: inputs that share a scale in int4.
        group_size: output channels that share a table in palette4-grouped.
        split_phases: adds a function `decode` for a single new token, see `edgekit.export.coreml_phases`.
        provenance: hashes of what it was made from.

    Raises:
        ExportError: an operation can't be converted, or a weight can't be divided into blocks or groups.
    """
    hush()
    parameters = sum(p.numel() for p in decoder.parameters())
    require_space(path.parent, parameters * 4, purpose=f"Writing {path.name}")
    with quiet():
        import coremltools as ct
        import numpy as np
    signature = decoder.signature
    limit = signature.max_length
    # The same object for the same dimension: that is how coremltools knows that they are equal.
    names = {dim for spec in signature.inputs for dim in spec.shape if isinstance(dim, str)}
    ranges = {name: ct.RangeDim(1, limit, default=1) for name in names}
    inputs = [
        ct.TensorType(
            name=spec.name,
            shape=tuple(ranges.get(d, d) for d in spec.shape),
            dtype=np.int32 if spec.dtype == "int32" else np.float16,
        )
        for spec in signature.inputs
    ]
    buffers = dict(decoder.named_buffers())
    states = [
        ct.StateType(ct.TensorType(shape=tuple(buffers[state].shape), dtype=np.float16), name=state)
        for state in decoder.states
    ]
    converted = convert(
        _trace(decoder, name),
        name=name,
        precision="fp16",
        minimum_deployment_target=DEPLOYMENT,
        inputs=inputs,
        outputs=[ct.TensorType(name=spec.name, dtype=np.float16) for spec in signature.outputs],
        states=states,
    )
    if precision != "fp16":
        converted = _compressed(converted, precision, name, block_size=block_size, group_size=group_size)
    if split_phases:
        converted = with_decode_function(converted)
    converted.short_description = f"{name}: {signature.task}"
    converted.version = "1"
    told = describe(signature, provenance or {}, precision=precision, parameters=parameters)
    converted.user_defined_metadata.update(told)
    converted.user_defined_metadata["edgekit.minimum_deployment_target"] = DEPLOYMENT
    save_package(converted, path)
    return artifact(
        path,
        name=f"{name}-coreml-{precision}",
        target="coreml",
        precision=precision,
        signature=signature,
        parameters=parameters,
    )


def _trace(decoder: Any, name: str) -> Any:
    """TorchScript: coremltools updates a state where the trace writes a buffer, layer by layer in place."""
    import torch

    new, past = 3, 2
    example = torch.zeros(1, new, dtype=torch.int32), torch.zeros(1, 1, new, past + new)
    try:
        with quiet(), torch.no_grad():
            return torch.jit.trace(decoder, example, check_trace=False)
    except Exception as error:
        raise ExportError(
            f"{name} can't be traced for Core ML: {first_line(error)}",
            remedy="Build the decoder with edgekit.models.decoders.",
        ) from error
    finally:
        decoder.forget()  # what is in a traced buffer becomes part of the package


def _compressed(package: Any, precision: str, name: str, *, block_size: int, group_size: int) -> Any:
    with quiet():
        import coremltools.optimize.coreml as cto

        weights = cto.get_weights_metadata(package, weight_threshold=SMALL)
    palettes = precision.startswith("palette4")
    # Inputs or output channels that a matrix is cut into, if it is.
    axis, size = {"int4": (1, block_size), "palette4-grouped": (0, group_size)}.get(precision, (0, 0))
    configs: dict[str, Any] = {}
    for weight, metadata in weights.items():
        readers = {op.op_type for op in metadata.child_ops}
        if metadata.val.ndim != 2 or not readers & READERS:
            continue
        table = "gather" in readers
        if size and not table and metadata.val.shape[axis] % size:
            kind, parts = ("rows", "groups") if axis == 0 else ("columns", "blocks")
            raise ExportError(
                f"{name}: the weight {weight} has {metadata.val.shape[axis]} {kind}, which are no {parts} of "
                f"{size}.",
                remedy=f"Use another size of {parts}, or precision {'palette4' if palettes else 'int8'}.",
            )
        cut = size if not table else 0
        configs[weight] = _palette(cto, table, cut) if palettes else _linear(cto, cut)
    with quiet():
        compress = cto.palettize_weights if palettes else cto.linear_quantize_weights
        return compress(package, config=cto.OptimizationConfig(op_name_configs=configs))


def _linear(cto: Any, block_size: int) -> Any:
    return cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        dtype="int4" if block_size else "int8",
        granularity="per_block" if block_size else "per_channel",
        block_size=block_size,
        weight_threshold=SMALL,
    )


def _palette(cto: Any, table: bool, group_size: int) -> Any:
    """16 entries, or 256 for the token table: one pass of coremltools for both."""
    groups: dict[str, Any] = (
        {"granularity": "per_grouped_channel", "group_size": group_size, "channel_axis": 0}
        if group_size
        else {}
    )
    return cto.OpPalettizerConfig(
        mode="custom",
        lut_function=partial(palette, entries=256 if table else 16),
        weight_threshold=SMALL,
        **groups,
    )
