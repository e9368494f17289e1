"""How many bytes a decoder reads to write one token: what bounds its speed on any machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edgekit.runtimes.decoder import DecoderRunner
from edgekit.runtimes.decoder_onnx import Cache

# Inputs of which an operator reads a few rows and not the whole: tables that are looked up.
_ROWS = {
    "Gather": (0,),
    "GatherBlockQuantized": (0, 2, 3),
    "GroupQueryAttention": (7, 8),
    "RotaryEmbedding": (2, 3),
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one token has to read, at the least."""

    weight_bytes: int  # every weight but tables that are only looked up; a tied head is read
    cache_bytes: int  # of each earlier token, keys and values of all layers

    def at(self, depth: float) -> float:
        """Bytes for one token after `depth` others."""
        return self.weight_bytes + self.cache_bytes * depth


def decoder_traffic(path: Path, runner: DecoderRunner) -> Traffic | None:
    """The traffic of an opened decoder; None where it can't be told.

    Args:
        path: as `edgekit.runtimes.decoder.open_decoder` takes it.
        runner: what it was opened as.
    """
    from edgekit.runtimes.decoder_onnx import OnnxDecoder
    from edgekit.runtimes.decoder_torch import TorchDecoder

    if isinstance(runner, OnnxDecoder):
        return _onnx(runner.path, runner.caches.values())
    if isinstance(runner, TorchDecoder):
        return _torch(runner._decoder)
    if path.suffix == ".mlpackage":
        return _package(path)
    return None


def _onnx(path: Path, caches: Iterable[Cache]) -> Traffic:
    import numpy as np
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    same = {n.output[0]: n.input[0] for n in graph.node if n.op_type in ("Reshape", "Transpose")}
    read = set()
    for node in graph.node:
        if node.op_type in ("Reshape", "Transpose"):
            continue
        rows = _ROWS.get(node.op_type, ())
        read |= {same.get(name, name) for i, name in enumerate(node.input) if i not in rows}
    weights = sum(_bytes(t.data_type, t.dims) for t in graph.initializer if t.name in read)
    return Traffic(weights, sum(np.dtype(c.dtype).itemsize * c.heads * c.width for c in caches))


def _bytes(kind: int, shape: Any) -> int:
    from onnx import TensorProto, helper

    half = kind in (TensorProto.INT4, TensorProto.UINT4)
    count = prod(shape)
    return (count + 1) // 2 if half else count * int(helper.tensor_dtype_to_np_dtype(kind).itemsize)


def _torch(decoder: Any) -> Traffic:
    config = decoder.config
    whole = {n: p.numel() * p.element_size() for n, p in decoder.named_parameters()}
    tables = [n for n in whole if n.startswith(("embed_tokens.", "embed_positions."))]
    if config.tied:
        tables.remove("embed_tokens.weight")
    weights = sum(size for name, size in whole.items() if name not in tables)
    return Traffic(weights, 4 * 2 * config.layers * config.key_heads * config.width)


def _package(path: Path) -> Traffic:
    """A package's weights as they are stored; its states are float16 `[layers, 1, heads, context, width]`."""
    from edgekit.runtimes.coreml_program import coreml_spec

    weights = sum(p.stat().st_size for p in path.rglob("weight.bin"))
    caches = 0
    told = coreml_spec(path).description
    for state in (told.functions[0] if told.functions else told).state:
        *outer, _, width = state.type.stateType.arrayType.shape
        caches += 2 * prod(outer) * width
    return Traffic(weights, caches)
