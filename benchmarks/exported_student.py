"""The demo's exported student against its teacher and against the plain route to int8, at fixed lengths.

Limit: the fp32 matrix products of the student cannot run faster than this machine's own fp32 peak, measured
here with one large product; int8 with VNNI has at most 4 times that. What remains is softmax, GELU,
normalisation and (de)quantization.

Competitor, made in the same run: the unmodified transformers model through `torch.onnx.export` and ONNX
Runtime's `quantize_dynamic` with its defaults.

Run: make demo, then python benchmarks/exported_student.py [RUN_FOLDER]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

from edgekit.quiet import hush, quiet

LENGTHS = (16, 32, 64, 128)
ROUNDS = 200
WARMUP = 20


def session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def plain_route(student: Path, folder: Path) -> Path:
    """The student as a user without edgekit would export and quantize it."""
    import onnx
    import torch
    from onnxruntime.quantization import quantize_dynamic
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(student).eval()
    ids = torch.ones(2, 17, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    batch, sequence = torch.export.Dim("batch", min=1, max=64), torch.export.Dim("sequence", min=2, max=512)
    with quiet():
        program = torch.onnx.export(
            model,
            (),
            kwargs=dict.fromkeys(names, ids),
            dynamo=True,
            dynamic_shapes={n: {0: batch, 1: sequence} for n in names},
            input_names=names,
            output_names=["logits"],
        )
    program.save(folder / "plain.onnx")
    graph = onnx.load(folder / "plain.onnx")
    del graph.graph.value_info[:]  # quantize_dynamic stops at the shapes that torch recorded
    with quiet():
        quantize_dynamic(graph, folder / "plain_int8.onnx")
    return folder / "plain_int8.onnx"


def fp32_peak(folder: Path) -> float:
    """FLOP/s of large fp32 products in ONNX Runtime on one thread, the best of several sizes and runs."""
    from onnx import TensorProto, helper, save

    best = 0.0
    for size in (384, 768, 1536):
        shape = [size, size]
        a, b, c = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "abc")
        graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "peak", [a, b], [c])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        save(model, folder / "peak.onnx")
        one = session(folder / "peak.onnx")
        feed = {n: np.random.default_rng(0).random(shape, dtype=np.float32) for n in "ab"}
        for _ in range(12):
            started = time.perf_counter()
            one.run(None, feed)
            best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def main() -> None:
    run = Path(sys.argv[1] if len(sys.argv) > 1 else "exported/movie-reviews")
    if not (run / "student/onnx/model_int8.onnx").is_file():
        sys.exit(f"{run} holds no exported student. Run `make demo` first, or give the folder of a run.")
    config = json.loads((run / "student/config.json").read_text())
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    hush()
    with tempfile.TemporaryDirectory() as scratch:
        peak = fp32_peak(Path(scratch))
    print(
        f"Limit: {peak / 1e9:.0f} GFLOP/s fp32 on one thread, measured. The student's products need at least"
    )
    floor_ms = {}
    for length in LENGTHS:
        flops = layers * (2 * length * (4 * hidden**2 + 2 * hidden * inner) + 4 * length**2 * hidden)
        floor_ms[length] = 1e3 * flops / peak
    print(
        "  " + ", ".join(f"{ms:.2f} ms at {n}" for n, ms in floor_ms.items()) + " (int8: a quarter of it).\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        paths = {
            "teacher fp32": run / "teacher/onnx/model.onnx",
            "student fp32": run / "student/onnx/model.onnx",
            "student int8": run / "student/onnx/model_int8.onnx",
            "plain route int8": plain_route(run / "student", Path(scratch)),
        }
        sizes = {name: path.stat().st_size for name, path in paths.items()}
        sessions = {name: session(path) for name, path in paths.items()}
        times: dict[str, dict[int, list[float]]] = {n: {k: [] for k in LENGTHS} for n in paths}
        random = np.random.default_rng(0)
        for length in LENGTHS:
            for round_ in range(ROUNDS + WARMUP):
                ids = random.integers(1000, config["vocab_size"], (1, length))
                feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids * 0}
                for name in random.permutation(list(paths)):
                    one = sessions[name]
                    taken = {i.name: feed[i.name] for i in one.get_inputs()}
                    one.run(None, taken)  # untimed: the others' turns took the caches
                    started = time.perf_counter()
                    one.run(None, taken)
                    if round_ >= WARMUP:
                        times[name][length].append(1e3 * (time.perf_counter() - started))
    print(f"{'ms at batch 1, 1 thread':<24}{'MB':>7}" + "".join(f"{f'{n} tokens':>22}" for n in LENGTHS))
    figures: dict[str, dict[str, float]] = {}
    for name, by_length in times.items():
        cells = []
        figures[name] = {"bytes": sizes[name]}
        for length, values in by_length.items():
            median = statistics.median(values)
            low, high = np.percentile(values, [10, 90])
            figures[name][f"ms_{length}"] = median
            cells.append(f"{f'{median:.2f} [{low:.2f}, {high:.2f}]':>22}")
        print(f"{name:<24}{sizes[name] / 1e6:>7.1f}" + "".join(cells))
    teacher, int8 = figures["teacher fp32"], figures["student int8"]
    print(
        f"\nstudent int8 against teacher fp32: {teacher['bytes'] / int8['bytes']:.2f}x smaller, "
        + ", ".join(f"{teacher[f'ms_{n}'] / int8[f'ms_{n}']:.1f}x faster at {n}" for n in LENGTHS)
    )
    print(json.dumps({"benchmark": "exported_student", "floor_fp32_ms": floor_ms, "figures": figures}))


if __name__ == "__main__":
    main()
