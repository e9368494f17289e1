"""What no contestant can beat on this machine: measured peaks, and the student's work against them.

Peaks are those of ONNX Runtime's own large products (fp32, and u8 × s8), and of reading as many bytes as the
student's weights have, again and again. Softmax, GELU, normalisation and dynamic quantization have no peak to
name: their least is what ONNX Runtime's kernels take at the student's shapes, in a graph with nothing else.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import ModelProto, TensorProto, helper, numpy_helper

CHAIN = 16  # copies of a kernel in one graph, so that the cost of a call disappears
RUNS = 30


def best_seconds(call: Callable[[], Any], runs: int = RUNS) -> float:
    """The least of several runs: a limit is what is possible."""
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def session(model: ModelProto, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # it would merge the copies
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def model_of(
    nodes: list[Any], inputs: list[Any], outputs: Sequence[str], constants: Sequence[Any] = ()
) -> Any:
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph(nodes, "limit", inputs, results, list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def product_peak(int8: bool, threads: int) -> float:
    """Multiplications and additions per second of square products, the best of several sizes."""
    best = 0.0
    for size in (384, 768, 1536):
        kind = TensorProto.UINT8 if int8 else TensorProto.FLOAT
        random = np.random.default_rng(0)
        a = random.integers(0, 127, (size, size)).astype(np.uint8 if int8 else np.float32)
        b = numpy_helper.from_array(a.astype(np.int8 if int8 else np.float32), "b")
        node = helper.make_node("MatMulInteger" if int8 else "MatMul", ["a", "b"], ["c"])
        given = helper.make_tensor_value_info("a", kind, a.shape)
        run = session(model_of([node], [given], ["c"], [b]), threads)
        best = max(best, 2 * size**3 / best_seconds(lambda run=run, a=a: run.run(None, {"a": a}), 12))
    return best


def read_rate(size: int) -> float:
    """Bytes per second of reading `size` bytes again and again, in whichever cache they fit."""
    values = np.ones(size // 4, dtype=np.float32)
    return values.nbytes / best_seconds(lambda: np.dot(values, values), 200)


def kernel_seconds(operator: str, shape: tuple[int, ...], threads: int) -> float:
    """One run of a kernel on its own."""
    given = helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)
    constants = []
    if operator == "DynamicQuantizeLinear":
        nodes = [
            helper.make_node(operator, ["x0"], [f"{kind}{i}" for kind in ("y", "scale", "zero")])
            for i in range(CHAIN)
        ]
        outputs = [f"y{i}" for i in range(CHAIN)]
    else:
        ones = np.ones(shape[-1], dtype=np.float32)
        extra = ["gain", "bias"] if operator == "LayerNormalization" else []
        constants = [numpy_helper.from_array(ones, name) for name in extra]
        nodes = [helper.make_node(operator, [f"x{i}", *extra], [f"x{i + 1}"]) for i in range(CHAIN)]
        outputs = [f"x{CHAIN}"]
    run = session(model_of(nodes, [given], outputs, constants), threads)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return best_seconds(lambda: run.run(None, {"x0": x})) / CHAIN


def limits(config: dict[str, Any], lengths: Sequence[int], threads: int) -> dict[str, Any]:
    """Peaks, and per length the milliseconds below which the student cannot go.

    Args:
        config: the student's `config.json`, of a BERT-like encoder.
    """
    width, inner = config["hidden_size"], config["intermediate_size"]
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    weights = layers * (4 * width**2 + 2 * width * inner)  # of all products but the head's
    peaks = {"fp32": product_peak(False, threads), "int8": product_peak(True, threads)}
    rates = {"fp32": read_rate(4 * weights), "int8": read_rate(weights)}
    floors = {}
    for n in lengths:
        kernels = {
            "gelu": layers * kernel_seconds("Gelu", (1, n, inner), threads),
            "softmax": layers * kernel_seconds("Softmax", (1, heads, n, n), threads),
            "normalisation": (2 * layers + 1) * kernel_seconds("LayerNormalization", (1, n, width), threads),
            "quantization": layers
            * (
                3 * kernel_seconds("DynamicQuantizeLinear", (1, n, width), threads)
                + kernel_seconds("DynamicQuantizeLinear", (1, n, inner), threads)
            ),
        }
        attention = 4 * n**2 * width * layers / peaks["fp32"]  # scores and mixing: both sides change, so fp32
        told: dict[str, Any] = {name: 1e3 * seconds for name, seconds in kernels.items()}
        told["attention"] = 1e3 * attention
        for kind, size in (("fp32", 4), ("int8", 1)):
            products = 2 * n * weights / peaks[kind]
            reading = size * weights / rates[kind]
            others = sum(kernels.values()) - (kernels["quantization"] if kind == "fp32" else 0)
            told[f"products_{kind}"], told[f"reading_{kind}"] = 1e3 * products, 1e3 * reading
            told[f"floor_{kind}"] = 1e3 * (max(products, reading) + attention + others)
        floors[str(n)] = told
    return {
        "product_weights": weights,
        "operations_per_s": peaks,
        "bytes_per_s": rates,
        "ms": floors,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--lengths", type=int, nargs="+", required=True)
    options = parser.parse_args()
    config = json.loads(options.config.read_text(encoding="utf-8"))
    print(json.dumps(limits(config, options.lengths, options.threads)))


if __name__ == "__main__":
    main()
