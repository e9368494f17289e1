"""A small ONNX file with one of everything that a scheme touches, and its arithmetic by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.exportable import artifact
from edgekit.types import Artifact, Signature, TensorSpec

WIDTH, OUT, WORDS = 64, 48, 100
SIGNATURE = Signature(
    task="text-classification",
    inputs=(TensorSpec("input_ids", ("batch", "sequence"), "int64"),),
    outputs=(TensorSpec("logits", ("batch", "sequence", 2), "float32"),),
    labels=("no", "yes"),
    max_length=32,
)


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """A word table, a normalisation, two matrices `[WIDTH, OUT]`, a turned one of a Gemm, and a head."""
    random = np.random.default_rng(seed)
    made = {
        "table.weight": random.normal(size=(WORDS, WIDTH)),
        "norm.weight": random.uniform(0.5, 2, WIDTH),
        "norm.bias": random.normal(size=WIDTH) / 10,
        "inner.weight": random.normal(size=(WIDTH, OUT)) / 8,
        "inner.bias": random.normal(size=OUT),
        "second.weight": random.normal(size=(WIDTH, OUT)) / 8,
        "turned.weight": random.normal(size=(OUT, OUT)) / 7,
        "turned.bias": random.normal(size=OUT),
        "head.weight": random.normal(size=(OUT, 2)),
    }
    return {name: value.astype(np.float32) for name, value in made.items()}


def write(path: Path, values: dict[str, np.ndarray] | None = None, *, residual: bool = False) -> Artifact:
    """Table → LayerNormalization → two MatMuls (one with a bias) → Gemm of rows → MatMul.

    Args:
        residual: something else than the products reads the normalisation too.
    """
    values = values or weights()
    rows = np.array([-1, OUT], np.int64)
    nodes = [
        helper.make_node("Gather", ["table.weight", "input_ids"], ["words"]),
        helper.make_node("LayerNormalization", ["words", "norm.weight", "norm.bias"], ["normal"], axis=-1),
        helper.make_node("MatMul", ["normal", "inner.weight"], ["inner"]),
        helper.make_node("Add", ["inner", "inner.bias"], ["biased"]),
        helper.make_node("MatMul", ["normal", "second.weight"], ["second"]),
        helper.make_node("Mul", ["biased", "second"], ["both"]),
        helper.make_node("Shape", ["both"], ["shape"]),
        helper.make_node("Reshape", ["both", "rows"], ["flat"]),
        helper.make_node("Gemm", ["flat", "turned.weight", "turned.bias"], ["turned"], transB=1),
        helper.make_node("Reshape", ["turned", "shape"], ["back"]),
        helper.make_node("MatMul", ["back", "head.weight"], ["head"]),
    ]
    if residual:
        nodes.append(helper.make_node("ReduceMax", ["normal", "last"], ["largest"]))
        nodes.append(helper.make_node("Add", ["head", "largest"], ["logits"]))
    else:
        nodes.append(helper.make_node("Identity", ["head"], ["logits"]))
    constants = {**values, "rows": rows, "last": np.array([-1], np.int64)}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return artifact(
        path, name="small-onnx-fp32", target="onnx", precision="fp32", signature=SIGNATURE, parameters=1
    )


def run(path: Path, ids: np.ndarray) -> np.ndarray:
    """The logits of token ids `[B, L]`."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    (found,) = ort.InferenceSession(path, options).run(["logits"], {"input_ids": ids})
    return found


def by_hand(values: dict[str, np.ndarray], ids: np.ndarray, *, rounded=lambda x: x) -> np.ndarray:
    """The same in float64.

    Args:
        rounded: what happens to the input of every product but the head.
    """
    v = {name: value.astype(np.float64) for name, value in values.items()}
    words = v["table.weight"][ids]
    centred = words - words.mean(-1, keepdims=True)
    normal = centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5)
    normal = normal * v["norm.weight"] + v["norm.bias"]
    both = (rounded(normal) @ v["inner.weight"] + v["inner.bias"]) * (rounded(normal) @ v["second.weight"])
    turned = rounded(both) @ v["turned.weight"].T + v["turned.bias"]
    return turned @ v["head.weight"]
