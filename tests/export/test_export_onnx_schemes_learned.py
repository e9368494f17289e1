"""Ranges that training learned reach the file: it computes what the fake-quantized module computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from rounded_training import Learned, everything

from edgekit.errors import ExportError
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_fused import fuse_onnx
from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.export.onnx_schemes.learned import Span, place_ranges
from edgekit.quantize.onnx import plan_onnx, read_weights
from edgekit.types import Artifact

# Of the largest logit: of most rows, and of the few where sums in another order put an activation that lies
# half way between two codes on the other one.
USUAL, LARGEST = 1e-5, 1e-2
TARGETS = ("onnx", "onnxruntime")


@pytest.fixture(scope="module")
def learned(tiny_classifier: Path) -> Learned:
    torch.set_num_threads(1)
    return Learned(tiny_classifier, target="onnx")


@pytest.fixture(scope="module")
def files(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    folder = tmp_path_factory.mktemp("learned")
    plain = export_onnx(learned.exportable, folder / "plain.onnx")
    return {"onnx": plain, "onnxruntime": fuse_onnx(plain, folder / "fused.onnx")}


def quantized(learned: Learned, source: Artifact, ranges: dict[str, Span]) -> Artifact:
    """Without calibration rows: a range that is missing is an error."""
    plan = plan_onnx(read_weights(source.path), name="t", target=source.target, scheme="int8-static")
    spans = place_ranges(source.path, ranges, learned.weights)
    return quantize_onnx(source, everything(plan), source.path.with_suffix(".q.onnx"), spans=spans)


def errors(learned: Learned, file: Artifact, expected: np.ndarray) -> np.ndarray:
    """The largest difference in each row, as a share of the largest logit."""
    session = onnxruntime.InferenceSession(str(file.path), providers=["CPUExecutionProvider"])
    given = [session.run(None, {k: v.numpy() for k, v in one.items()})[0] for one in learned.batches]
    return np.abs(np.stack(given) - expected).max(-1) / np.abs(expected).max()


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_is_the_module_that_was_trained(
    learned: Learned, files: dict[str, Artifact], target: str
) -> None:
    file = quantized(learned, files[target], learned.ranges)
    found = errors(learned, file, learned.expected)
    assert np.median(found) < USUAL and found.max() < LARGEST
    without = errors(learned, file, learned.unrounded)
    assert np.median(without) > 100 * USUAL, "rounding shows, and it is training's rounding"


@pytest.mark.parametrize("target", TARGETS)
def test_a_planted_wrong_range_is_seen(learned: Learned, files: dict[str, Artifact], target: str) -> None:
    name = "bert.encoder.layer.1.output.dense"
    low, high = learned.ranges[name]
    file = quantized(learned, files[target], {**learned.ranges, name: (low, 0.7 * high)})
    assert np.median(errors(learned, file, learned.expected)) > 100 * USUAL


def test_packed_projections_share_their_range(learned: Learned, files: dict[str, Artifact]) -> None:
    spans = place_ranges(files["onnxruntime"].path, learned.ranges, learned.weights)
    # Four inputs a layer, and in the last one queries read the first token alone; then the pooler.
    assert len(spans) == 4 * 4 + 1 + 1
    assert set(spans.values()) == set(learned.ranges.values())


def test_a_range_without_a_place_is_refused(learned: Learned, files: dict[str, Artifact]) -> None:
    name = "bert.pooler.dense"
    weights = {**learned.weights, name: learned.weights[name] + 1}
    with pytest.raises(ExportError, match=r"input of 'bert\.pooler\.dense'.*no product by its matrix"):
        place_ranges(files["onnx"].path, learned.ranges, weights)
