"""A decoder as an ONNX folder with its cache, which onnxruntime-genai opens too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.export.decoder_targets import check_block_size, check_kv_cache
from edgekit.export.exportable import artifact
from edgekit.export.onnx_decoder_genai import genai_config
from edgekit.export.onnx_decoder_graph import ACTIVATIONS, DecoderGraph, Logits
from edgekit.export.onnx_decoder_weights import compress
from edgekit.files import atomic, require_space, write_json
from edgekit.metadata import describe
from edgekit.quiet import hush
from edgekit.types import Artifact, Signature, TensorSpec

FILE = "model.onnx"
BYTES = {"fp32": 4.0, "int8": 1.2, "int4": 0.7, "int4-hqq": 0.7}  # of a weight on disk, scales included


def export_onnx_decoder(
    decoder: Any,
    folder: Path,
    *,
    name: str,
    precision: str = "int4",
    block_size: int = 32,
    table_bits: int = 8,
    kv_cache: str = "fp32",
    logits: Logits = "last",
    processor: Any = None,
    stop_ids: Sequence[int] = (),
    provenance: Mapping[str, Any] | None = None,
) -> Artifact:
    """Writes `model.onnx` with its weights beside it, `genai_config.json`, and the tokenizer.

    Args:
        decoder: export-ready, see `edgekit.models.decoders`. Its context is the folder's: positions beyond
            it have no angles.
        precision: "fp32", or of the matrices "int8", "int4" or "int4-hqq": a scale per block of inputs,
            multiplied by inputs that are rounded to int8.
        block_size: inputs that share a scale: a power of two from 16; not for fp32.
        table_bits: 4 or 8, of the token table and a head that is tied to it; not for fp32.
        kv_cache: what keys and values are stored in: "fp32", "fp16" or "int8".
        logits: "last" computes those of the last token of a call, which is all that generating needs.
        processor: the tokenizer, saved beside the model.
        stop_ids: tokens that end a text.
        provenance: hashes of what it was made from.

    Raises:
        ExportError: no such precision, block size or cache, an activation without an operator, or a table
            that is no whole number of blocks wide.
        DiskFull: nothing was overwritten.
    """
    hush()
    import onnx_ir as ir

    config = decoder.config
    check_block_size(block_size)
    check_kv_cache(kv_cache)
    if config.activation not in ACTIVATIONS:
        raise ExportError(
            f"{name} uses {config.activation!r}, which has no ONNX operator here.",
            remedy=f"Use one of: {', '.join(ACTIVATIONS)}.",
        )
    parameters = sum(p.numel() for p in decoder.parameters())
    require_space(folder.parent, int(parameters * BYTES.get(precision, 4)), purpose=f"Writing {folder.name}")
    graph = DecoderGraph(decoder, logits=logits, kv_cache=kv_cache).written()
    if precision != "fp32":
        compress(graph, precision, block_size=block_size, table_bits=table_bits, tied=config.tied)
    model = graph.finish()
    signature = _signature(model, decoder)
    model.metadata_props.update(
        describe(signature, provenance or {}, precision=precision, parameters=parameters)
    )
    with atomic(folder) as temporary:
        temporary.mkdir()
        # Weights in a file of their own are mapped into memory, not parsed; and 2 GB is no limit.
        ir.save(model, temporary / FILE, external_data=f"{FILE}.data")
        told = genai_config(decoder, inputs=[i.name for i in signature.inputs], stop_ids=stop_ids, file=FILE)
        if processor is not None:
            processor.save_pretrained(temporary)
            own = {"bos_token_id": processor.bos_token_id, "pad_token_id": processor.pad_token_id}
            told["model"].update({name: token for name, token in own.items() if token is not None})
        write_json(temporary / "genai_config.json", told)
    return artifact(
        folder,
        name=f"{name}-onnx-{precision}",
        target="onnxruntime",
        precision=precision,
        signature=signature,
        parameters=parameters,
    )


def _signature(model: Any, decoder: Any) -> Signature:
    inputs, outputs = (
        tuple(
            TensorSpec(
                str(v.name),
                tuple(d if isinstance(d, int) else str(d.value) for d in v.shape),
                v.type.dtype.numpy().name,
            )
            for v in values
        )
        for values in (model.graph.inputs, model.graph.outputs)
    )
    return Signature("text-generation", inputs, outputs, max_length=decoder.context)
