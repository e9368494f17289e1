"""ONNX in fewer bits as stages: two targets side by side, a budget met, a wrong scale refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgekit import api
from edgekit.benchmark import cpu
from edgekit.errors import ExportError
from edgekit.files import read_json, sha256_file
from edgekit.recipe.schema import Export, Gates
from edgekit.stages import artifacts, quantizing
from edgekit.stages.artifacts import Built, Workbench, build_target

SPARE = 30_000  # bytes below the fp32 file


def bench_of(folder: Path, out: Path) -> Workbench:
    # Times of a tiny model say nothing, and a 2-bit answer of random weights has no outliers to keep.
    return api._workbench(api.load(folder), folder, out, data=None, gates=Gates(not_slower=False), threads=1)


@pytest.fixture(scope="module")
def bench(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return bench_of(tiny_classifier, tmp_path_factory.mktemp("quantizing") / "out")


def export(target: str, *precisions: str, **more) -> Export:
    return Export.model_validate({"target": target, "precisions": precisions, **more})


@pytest.fixture(scope="module")
def built(bench: Workbench) -> dict[str, Built]:
    found = build_target(bench, export("onnx", "fp32", "fp16", "int8", "int8-static"))
    found += build_target(bench, export("onnxruntime", "int8", "int4"))
    return {one.artifact.name.removeprefix(f"{bench.name}-"): one for one in found}


def test_two_targets_lie_side_by_side(built: dict[str, Built], bench: Workbench) -> None:
    assert list(built) == [
        "onnx-fp32",
        "onnx-fp16",
        "onnx-int8",
        "onnx-int8-static",
        "onnxruntime-fp32",
        "onnxruntime-int8",
        "onnxruntime-int4",
    ]
    for name, one in built.items():
        target, precision = name.split("-", 1)
        assert one.parity.passed, (name, one.rejected_because)
        assert (one.artifact.target, one.artifact.precision) == (target, precision)
        file = "model.onnx" if precision == "fp32" else f"model_{precision}.onnx"
        assert one.artifact.path == bench.folder / target / file
        assert (one.artifact.path.parent / "tokenizer.json").is_file()
        assert one.artifact.sha256 == sha256_file(one.artifact.path)
    assert len({one.artifact.sha256 for one in built.values()}) == len(built)
    domains = {n: {x.domain for x in onnx.load(one.artifact.path).graph.node} for n, one in built.items()}
    assert all(domains[name] == {""} for name in built if name.startswith("onnx-"))
    assert "com.microsoft" in domains["onnxruntime-int4"]


def test_a_plan_for_every_weight_with_its_cost(built: dict[str, Built]) -> None:
    for name, one in built.items():
        if name.endswith(("fp32", "fp16")):
            assert one.quantized is None
            continue
        plan = one.quantized
        assert plan is not None and plan.target == one.artifact.target
        assert all(bool(layer.scheme) != bool(layer.skipped_because) for layer in plan.layers)
        assert plan.seconds and plan.peak_bytes and 20e6 < plan.peak_bytes < 4e9
    packed = [la.name for la in built["onnxruntime-int8"].quantized.layers if "query+key+value" in la.name]
    assert packed, "the plan is made from the file's own weights"


def test_finished_stages_are_reused(built: dict[str, Built], bench: Workbench) -> None:
    before = len(bench.store.runs)
    again = build_target(bench, export("onnxruntime", "int8", "int4"))
    assert all(run.reused for run in bench.store.runs[before:])
    assert [one.artifact for one in again] == [
        built[f"onnxruntime-{p}"].artifact for p in ("fp32", "int8", "int4")
    ]


def test_a_wrong_scale_is_refused(built: dict[str, Built], bench: Workbench) -> None:
    good = built["onnx-int8"].artifact
    model = onnx.load(good.path)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("intermediate.dense.weight.scales"):  # dropped, as if codes were the weights
            ones = np.ones_like(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(ones, tensor.name))
    path = good.path.with_name("model_wrong.onnx")
    onnx.save(model, path)
    wrong = replace(good, name="wrong", path=path, sha256=sha256_file(path))
    judged = artifacts._judge(bench, wrong, None, replaces=None)
    assert "mean cosine is" in judged.rejected_because
    assert judged.artifact.path == bench.folder / "rejected/onnx/model_wrong.onnx"


def test_a_mixed_file_meets_its_budget_and_measures_once(built: dict[str, Built], bench: Workbench) -> None:
    budget = built["onnxruntime-fp32"].artifact.size_bytes - SPARE
    mixed = build_target(bench, export("onnxruntime", "mixed", mixed={"max_bytes": budget, "rows": 16}))[-1]
    assert mixed.artifact.size_bytes <= budget
    stored = [layer for layer in mixed.quantized.layers if layer.scheme]
    assert stored and all(layer.sensitivity is not None and layer.sensitivity >= 0 for layer in stored)
    record = next((bench.store.private / "sensitivity").glob("*.json"))
    assert set(read_json(record)) == {"int8", "int4"}
    runs = len(bench.store.runs)
    build_target(bench, export("onnxruntime", "mixed", mixed={"max_bytes": budget - 5_000, "rows": 16}))
    reused = {run.name: run.reused for run in bench.store.runs[runs:]}
    assert reused[f"sensitivity-{bench.name}-onnxruntime"], "another budget needs no other measurement"


def test_bytes_and_losses_are_those_of_the_file(built: dict[str, Built], bench: Workbench) -> None:
    source = built["onnx-fp32"].artifact
    from edgekit.quantize.onnx import plan_onnx, read_weights

    plan = plan_onnx(read_weights(source.path), name="t", target="onnx", scheme="int8")
    one = next(layer for layer in plan.layers if layer.name.endswith("intermediate.dense.weight"))
    only = replace(plan, layers=(one,))
    settings = quantizing._settings(export("onnx", "int8"))
    found = quantizing._measure(bench, source, {"int8": only}, list(bench.rows[:8]), settings, "test")
    size, loss = found["int8"][one.name]
    assert size == 32 * 64 + 64 * 4, "int8 codes and a float32 scale per channel"
    assert 0 < loss < 1


def test_mixed_that_is_not_needed(built: dict[str, Built], bench: Workbench) -> None:
    with pytest.raises(ExportError, match="meets the budget of mixed as it is"):
        build_target(bench, export("onnxruntime", "mixed", mixed={"max_bytes": 10_000_000, "rows": 16}))


@pytest.mark.parametrize(
    ("features", "saturates"),
    [
        (("avx2", "fma"), True),
        (("avx2", "avx512_vnni"), False),
        (("avx2", "avx_vnni"), False),
        (("neon",), False),
    ],
)
def test_seven_bits_where_the_cpu_needs_them(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...], saturates: bool
) -> None:
    monkeypatch.setattr(cpu, "read_cpu", lambda: cpu.Cpu("some", features))
    assert quantizing.sums_saturate() is saturates
