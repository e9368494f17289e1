"""Small graphs in ONNX's text form, what a rule makes of them, and what ONNX Runtime computes and fuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import numpy_helper, parser

from edgekit.export.onnx_rules import apply_rules

WIDTH, HEADS = 8, 2


def graph(text: str, **constants: np.ndarray) -> ir.Model:
    """A model of opset 20 from `graph_text`, with `constants` as its initializers and shapes inferred."""
    proto = parser.parse_model('<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]>\n' + text)
    for name, array in constants.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name.replace("__", ".")))
    for number, node in enumerate(proto.graph.node):
        node.name = f"node_{number}"
    return ir.from_proto(onnx.shape_inference.infer_shapes(proto))


def rewritten(model: ir.Model, rule: ir.passes.InPlacePass) -> tuple[ir.Model, bool]:
    """A copy of `model` with one rule applied, and whether it changed."""
    copy = ir.from_proto(ir.to_proto(model))
    changed = apply_rules(copy, (rule,))
    onnx.checker.check_model(ir.to_proto(copy))
    return copy, changed


def operators(model: ir.Model) -> Counter[str]:
    """How many nodes of each type there are."""
    return Counter(node.op_type for node in model.graph)


def session(model: ir.Model | Path, optimized: Path | None = None) -> onnxruntime.InferenceSession:
    """A session of one thread; writes the graph as ONNX Runtime fused it to `optimized`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if optimized:
        options.optimized_model_filepath = str(optimized)
    given = model if isinstance(model, Path) else ir.to_proto(model).SerializeToString()
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def kernels(model: ir.Model | Path, folder: Path) -> Counter[str]:
    """How many nodes of each type a session runs."""
    session(model, folder / "optimized.onnx")
    return Counter(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node)


def run(model: ir.Model, **inputs: np.ndarray) -> np.ndarray:
    """The first output."""
    return np.asarray(session(model).run(None, inputs)[0])


def hidden(batch: int, length: int, *, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Random hidden states `[B, L, D]`."""
    return np.random.default_rng(seed).normal(size=(batch, length, width)).astype(np.float32)


def matrix(rows: int, columns: int, *, seed: int) -> np.ndarray:
    """A random weight `[K, N]`."""
    return np.random.default_rng(seed).normal(0, 0.5, (rows, columns)).astype(np.float32)


def vector(size: int, *, seed: int) -> np.ndarray:
    """A random bias or scale `[N]`."""
    return np.random.default_rng(seed).normal(0, 0.5, size).astype(np.float32)


def padding(batch: int, length: int) -> np.ndarray:
    """A mask `[B, L]`; every row but the first ends in padding."""
    mask = np.ones((batch, length), np.int64)
    for row in range(1, batch):
        mask[row, max(1, length - 2 * row) :] = 0
    return mask
