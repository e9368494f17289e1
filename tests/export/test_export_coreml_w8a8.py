"""Core ML with int8 weights and activations computes what the fake-quantized module computes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rounded_training import Learned, everything

from edgekit.export.coreml import export_coreml
from edgekit.export.coreml_compress import compress_coreml, open_package
from edgekit.export.coreml_w8a8 import with_quantized_inputs
from edgekit.quantize.coreml import plan_coreml
from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner
from edgekit.types import Artifact

# Of a probability, most rows. In half precision the scales themselves are rounded, and more activations go to
# the next of 255 steps.
USUAL = {"fp32": 1e-5, "fp16": 1e-3}
LAYERS, LINEARS = 4, 6


@pytest.fixture(scope="module")
def learned(tiny_classifier: Path) -> Learned:
    torch.set_num_threads(1)
    return Learned(tiny_classifier, target="coreml")


def package(
    learned: Learned, ranges: dict[str, tuple[float, float]], folder: Path, precision: str = "fp16"
) -> Artifact:
    model = with_quantized_inputs(learned.exportable, ranges)
    source = export_coreml(model, folder / "plain.mlpackage", precision=precision)
    plan = plan_coreml(model.module, name="t", scheme="int8-static")
    return compress_coreml(source, everything(plan), folder / "q.mlpackage")


def errors(learned: Learned, file: Artifact, expected: np.ndarray) -> np.ndarray:
    """The largest difference of a probability in each row."""
    runner = CoreMLReferenceRunner(file.path)
    name = runner.signature.outputs[0].name
    given = [
        runner.run({k: v[i : i + 1].numpy() for k, v in one.items()})[name][0]
        for one in learned.batches
        for i in range(2)  # the last row is padded, which a package's never is
    ]
    wanted = torch.softmax(torch.from_numpy(expected[:, :2]), -1).numpy().reshape(-1, 2)
    return np.abs(np.stack(given) - wanted).max(-1)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_package_is_the_module_that_was_trained(learned: Learned, tmp_path: Path, precision: str) -> None:
    file = package(learned, learned.ranges, tmp_path, precision)
    assert (file.precision, file.name) == ("int8-static", "t-coreml-int8-static")
    found, without = (errors(learned, file, e) for e in (learned.expected, learned.unrounded))
    print("w8a8", precision, np.quantile(found, [0.5, 0.9, 1]), np.quantile(without, [0.5, 0.9, 1]))
    assert np.median(found) < USUAL[precision] and found.max() < 1e-2
    assert np.median(without) > np.median(found), "rounding shows, and it is training's rounding"


def test_a_planted_wrong_range_is_seen(learned: Learned, tmp_path: Path) -> None:
    name = "bert.encoder.layer.1.output.dense"
    low, high = learned.ranges[name]
    wrong = package(learned, {**learned.ranges, name: (low, 0.7 * high)}, tmp_path, "fp32")
    found = errors(learned, wrong, learned.expected)
    print("wrong", np.quantile(found, [0.5, 0.9, 1]))
    assert np.median(found) > 10 * USUAL["fp32"]


def test_one_quantization_for_all_that_read_a_tensor(learned: Learned, tmp_path: Path) -> None:
    file = package(learned, learned.ranges, tmp_path)
    program = open_package(file.path).get_spec().mlProgram.functions["main"].block_specializations
    kinds = Counter(op.type for block in program.values() for op in block.operations)
    inputs = 4 * LAYERS + 1  # queries, keys and values share theirs; the pooler has one
    assert kinds["quantize"] == kinds["dequantize"] == inputs
    assert kinds["constexpr_affine_dequantize"] == LINEARS * LAYERS + 1 + 1, "the pooler and the word table"


def test_a_module_without_ranges_stays_as_it_was(learned: Learned) -> None:
    model = with_quantized_inputs(learned.exportable, {})
    inputs = tuple(learned.batches[0].values())
    assert torch.equal(model.module(*inputs), learned.exportable.module(*inputs))
    assert replace(model, module=None) == replace(learned.exportable, module=None)
