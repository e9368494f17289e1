"""A student that was trained with rounding: its files take the ranges that training learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
import torch
from onnx import numpy_helper

from edgekit import api, progress
from edgekit.errors import ExportError
from edgekit.export.coreml_compress import open_package
from edgekit.export.onnx_schemes.int8 import uint8_grid
from edgekit.files import read_json, write_json
from edgekit.metadata import RANGES_KEY, SIDECAR
from edgekit.models.save import read_ranges, save_model
from edgekit.models.students import int8
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.plan import plan_int8
from edgekit.recipe.schema import Export, Gates
from edgekit.stages.artifacts import Workbench, build_target
from edgekit.stages.learned import learned_inputs

GATES = Gates(not_slower=False)  # times of a tiny model say nothing


def bench_of(folder: Path, out: Path) -> Workbench:
    return api._workbench(api.load(folder), folder, out, data=None, gates=GATES, threads=1)


@pytest.fixture(scope="module")
def student(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a training stage leaves it."""
    model = api.load(tiny_classifier)
    int8.apply(model.module, plan_int8(model.module, name="s", target="onnx"), learn_ranges=True)
    inputs = dummy_inputs(model.module, model.signature, batch=4, length=12)
    with torch.no_grad():
        model.module.train()(**inputs)
    int8.remove(model.module.eval())
    return save_model(model, tmp_path_factory.mktemp("learned") / "student", provenance={})


@pytest.fixture
def bench(student: Path, tmp_path: Path) -> Workbench:
    return bench_of(student, tmp_path / "out")


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    silent = progress.Silent()

    class Listening:
        bar = silent.bar

        def say(self, text: str) -> None:
            lines.append(text)

    progress.listen(Listening())
    yield lines
    progress.listen(silent)


def test_onnx_files_hold_the_learned_ranges(bench: Workbench, student: Path, said: list[str]) -> None:
    ranges = read_ranges(student)
    assert set(learned_inputs(bench).values()) == set(ranges.values()) and len(ranges) == 2 * 4
    # Twice as wide as anything that calibration could find.
    wide = {name: (2 * low, 2 * high) for name, (low, high) in ranges.items()}
    write_json(student / SIDECAR, {**read_json(student / SIDECAR), RANGES_KEY: wide})
    assert read_ranges(student) == wide
    for target in ("onnx", "onnxruntime"):
        made = build_target(bench, Export(target=target, precisions=("int8-static",)))[-1]
        assert not made.rejected_because
        model = onnx.load(made.artifact.path)
        scales = {
            float(numpy_helper.to_array(tensor))
            for tensor in model.graph.initializer
            if tensor.name.endswith("input_scale")
        }
        assert scales >= {float(uint8_grid(*span)[0]) for span in wide.values()}
    assert sum("int8-static takes 8 ranges that training learned" in line for line in said) == 2


def test_other_precisions_do_not_mind(bench: Workbench) -> None:
    made = build_target(bench, Export(target="onnx", precisions=("fp32", "int8")))
    assert [one.rejected_because for one in made] == ["", ""]


def test_core_ml_needs_ranges(tiny_classifier: Path, tmp_path: Path) -> None:
    plain = bench_of(tiny_classifier, tmp_path / "out")
    assert learned_inputs(plain) == {}
    with pytest.raises(ExportError, match="no learned ranges of activations") as caught:
        build_target(plain, Export(target="coreml", precisions=("int8-static",)))
    assert "quantization_aware" in caught.value.remedy


@pytest.mark.slow
def test_core_ml_packages_hold_the_learned_ranges(bench: Workbench) -> None:
    made = build_target(bench, Export(target="coreml", precisions=("int8-static",)))[-1]
    assert not made.rejected_because and made.parity.executed
    blocks = open_package(made.artifact.path).get_spec().mlProgram.functions["main"].block_specializations
    kinds = [op.type for block in blocks.values() for op in block.operations]
    assert kinds.count("quantize") == kinds.count("dequantize") == 8
    assert made.artifact.name == f"{bench.name}-coreml-int8-static"
