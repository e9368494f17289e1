"""Core ML compression as stages: a budget is met, work is resumed, cost is told, a loss is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit import api
from edgekit.errors import ExportError
from edgekit.files import read_json, write_json
from edgekit.recipe.schema import Export, Gates
from edgekit.stages import compressing
from edgekit.stages.artifacts import Built, Workbench, build_target
from edgekit.types import LayerPrecision, Quantized

SPARE = 12_000  # bytes below the fp16 package


def bench_of(folder: Path, out: Path) -> Workbench:
    return api._workbench(api.load(folder), folder, out, data=None, gates=Gates(), threads=1)


def export(**more) -> Export:
    return Export.model_validate({"target": "coreml", "precisions": ("mixed",), **more})


@pytest.fixture(scope="module")
def bench(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return bench_of(tiny_classifier, tmp_path_factory.mktemp("compressing") / "out")


@pytest.fixture(scope="module")
def plain(bench: Workbench) -> Built:
    return build_target(bench, export(precisions=("fp16",)))[0]


@pytest.fixture(scope="module")
def budget(plain: Built) -> int:
    return plain.artifact.size_bytes - SPARE


@pytest.fixture(scope="module")
def mixed(bench: Workbench, budget: int) -> Built:
    return build_target(bench, export(mixed={"max_bytes": budget}))[-1]


def test_a_mixed_package_meets_its_budget_and_tells_its_cost(
    mixed: Built, bench: Workbench, budget: int
) -> None:
    plan = mixed.quantized
    assert plan is not None and plan.scheme == "mixed" and not mixed.rejected_because
    stored = [layer for layer in plan.layers if layer.scheme]
    assert stored and all(layer.sensitivity is not None and layer.sensitivity >= 0 for layer in stored)
    assert all(layer.skipped_because for layer in plan.layers if not layer.scheme)
    assert mixed.artifact.size_bytes <= budget
    gate = next(gate for gate in mixed.parity.gates if gate.name == "bytes")
    assert (gate.limit, gate.value, gate.passed) == (budget, mixed.artifact.size_bytes, True)
    assert mixed.parity.executed and "reference semantics" in mixed.parity.runtime
    assert plan.seconds and plan.seconds > 0
    assert plan.peak_bytes and 50e6 < plan.peak_bytes < 4e9
    assert (bench.folder / "coreml/model_mixed.mlpackage").is_dir()


def test_a_stopped_measurement_goes_on_where_it_was(mixed: Built, bench: Workbench, plain: Built) -> None:
    record = next((bench.store.private / "sensitivity").glob("*.json"))
    whole = read_json(record)
    assert set(whole) == {"int8", "palette6", "palette4"}
    first, *others = whole["int8"]
    # What is there is taken, even a planted loss; what is missing is measured again, to the same values.
    write_json(record, {"int8": {first: [whole["int8"][first][0], 123.0]}, "palette6": whole["palette6"]})
    plans = {s: compressing._plan(bench, export(), s) for s in whole}
    rows = compressing.calibration_rows(bench, 128)
    again = compressing._measure(bench, plain.artifact, plans, rows, record.stem)
    assert tuple(again["int8"][first])[1] == 123.0
    for name in others:
        assert tuple(again["int8"][name]) == pytest.approx(tuple(whole["int8"][name]), rel=1e-6)
    for name, measured in whole["palette4"].items():
        assert tuple(again["palette4"][name]) == pytest.approx(tuple(measured), rel=1e-6)
    assert json.loads(record.read_text()) == json.loads(json.dumps(again))


def test_a_budget_that_nothing_meets_or_everything_is_refused(mixed: Built, bench: Workbench) -> None:
    with pytest.raises(ExportError, match=r"at the least, and the budget leaves"):
        build_target(bench, export(mixed={"max_bytes": 10_000}))
    with pytest.raises(ExportError, match="meets the budget of mixed as it is"):
        build_target(bench, export(mixed={"max_bytes": 10_000_000}))


def test_what_fails_its_gate_is_moved_aside(mixed: Built, bench: Workbench, budget: int) -> None:
    strict = replace(bench, gates=Gates(cosine={"mixed": 1.0}))
    built = build_target(strict, export(mixed={"max_bytes": budget}))[-1]
    assert "mean cosine" in built.rejected_because
    assert built.artifact.path == bench.folder / "rejected/coreml/model_mixed.mlpackage"
    assert built.artifact.path.is_dir()


@pytest.mark.slow
def test_an_error_in_the_process_arrives_whole(plain: Built, tmp_path: Path) -> None:
    layer = LayerPrecision("absent.weight", 8, "per_channel", scheme="int8")
    plan = Quantized("other", "coreml", "int8", (layer,))
    with pytest.raises(ExportError, match=r"no weight named 'absent\.weight'") as caught:
        compressing.in_a_process(plain.artifact, plan, tmp_path / "m.mlpackage")
    assert "same model" in caught.value.remedy


def test_calibration_rows_are_the_bench_s_own_and_spread(bench: Workbench) -> None:
    rows = [{"input_ids": [i]} for i in range(100)]
    own = replace(bench, calibration=lambda: rows)
    assert [row["input_ids"][0] for row in compressing.calibration_rows(own, 4)] == [0, 25, 50, 75]
    assert len(compressing.calibration_rows(own, 1000)) == 100
    assert compressing.calibration_rows(bench, 3)[0] == bench.rows[0]
