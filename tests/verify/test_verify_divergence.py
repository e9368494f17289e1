"""Planted faults are found at the operation where they start, with the hint that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import pytest
import torch
import verify_packages as made
from torch import nn

from edgekit import api, mil
from edgekit.models import families
from edgekit.stages.explaining import explain
from edgekit.types import OperationSource, TracedTensor, Trail
from edgekit.verify.distance import departure, range_of
from edgekit.verify.matching import Matcher

SHAPE = (1, made.TOKENS, made.WIDTH)


def follow(path: Path, x: torch.Tensor, module: nn.Module | None) -> Trail:
    return explain(mil.load(path), {"x": x.numpy()}, module=module, given=[x])


@pytest.fixture(scope="module")
def overflowing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    torch.manual_seed(0)
    block = made.Block(made.RMSNorm())
    block.up.weight.data *= 2000
    return made.package(block, tmp_path_factory.mktemp("f") / "rms.mlpackage", shape=SHAPE), block


@pytest.mark.parametrize("with_module", [True, False])
def test_an_overflow_in_a_naive_rmsnorm(overflowing: tuple[Path, nn.Module], with_module: bool) -> None:
    path, block = overflowing
    trail = follow(path, torch.randn(SHAPE), block if with_module else None)
    [found] = trail.divergences
    assert found.cause == "precision" and found.operation in ("pow", "square", "mul")
    assert found.module == "norm" and found.line.startswith("verify_packages.py:")
    assert found.error is None and found.output.has_inf and not found.expected.has_inf
    assert found.inputs[0].high < 65504 < found.expected.high
    assert "half precision overflows" in found.hints[0] and "65504" in found.text
    assert (trail.compared > 0) == with_module


def test_a_right_package_has_no_divergence(tmp_path: Path) -> None:
    block = made.Block(nn.LayerNorm(made.WIDTH))
    path = made.package(block, tmp_path / "right.mlpackage", shape=SHAPE, precision="fp32")
    trail = follow(path, torch.randn(SHAPE), block)
    assert not trail.divergences and not trail.notes
    assert [p.operation for p in trail.points] == ["linear", "layer_norm", "linear"]
    assert all(p.reference_error <= 1e-5 and p.rounding_error == 0 for p in trail.points)


def test_a_weight_that_is_three_times_too_large(tmp_path: Path) -> None:
    block = made.Block(nn.LayerNorm(made.WIDTH))
    block.down.weight.data *= 3
    path = made.package(block, tmp_path / "scaled.mlpackage", shape=SHAPE)
    block.down.weight.data /= 3
    [found] = follow(path, torch.randn(SHAPE), block).divergences
    assert (found.cause, found.operation, found.module) == ("conversion", "linear", "down")
    assert found.hints[0] == "a wrong scale: weight is 3 times down.weight"
    assert found.position == found.total == 3


def test_weights_of_another_training(tmp_path: Path) -> None:
    block = made.Block(nn.LayerNorm(made.WIDTH))
    path = made.package(block, tmp_path / "old.mlpackage", shape=SHAPE)
    nn.init.normal_(block.up.weight)
    [found] = follow(path, torch.randn(SHAPE), block).divergences
    assert found.module == "up" and found.hints[0].startswith("the weights differ: weight as stored is")


@pytest.mark.parametrize("with_module", [True, False])
def test_a_mask_of_minus_infinity(tmp_path: Path, with_module: bool) -> None:
    module = made.LowestMask()
    path = made.package(module, tmp_path / "mask.mlpackage", shape=SHAPE)
    found = follow(path, torch.randn(SHAPE), module if with_module else None).divergences[0]
    assert found.operation == "mul" and found.output.has_nan
    assert found.cause == ("conversion" if with_module else "not a number")
    assert found.hints[0].startswith("a mask of −inf") and "−3e4" in found.hints[0]


def test_an_epsilon_that_half_precision_does_not_have(tmp_path: Path) -> None:
    module = made.SmallEpsilon()
    path = made.package(module, tmp_path / "epsilon.mlpackage", shape=SHAPE)
    wrong, lost = follow(path, torch.randn(SHAPE), module).divergences
    assert wrong.operation == "add" and "the module has 1e-12, the package holds 5.96e-08" in wrong.hints[0]
    assert lost.cause == "precision" and "half precision underflows" in lost.hints[0]


def test_a_folded_constant_with_one_scale(tmp_path: Path) -> None:
    module = made.Positions()
    shape = (1, module.rows, made.WIDTH)
    path = made.int4(made.package(module, tmp_path / "positions.mlpackage", shape=shape))
    trail = follow(path, torch.randn(shape), module)
    assert trail.reference_tolerance == 0.6
    found = trail.divergences[0]
    assert found.operation == "add" and found.cause == "conversion"
    assert found.hints[0].startswith("a folded constant was quantized with one scale: y is a table of shape")


def test_every_matched_operation_of_a_right_bert_agrees(make_tiny: Any, tmp_path: Path) -> None:
    """What makes the first divergence trustworthy: tensors that were matched are the same ones."""
    folder = make_tiny(tmp_path / "bert", labels=("negative", "positive"), layers=2)
    [built] = api.export_model(
        folder, targets=["coreml"], precisions={"coreml": ["fp32"]}, out=tmp_path / "out"
    )
    model = api.load(folder)
    module = families.export_module(model.module, max_length=model.signature.max_length)
    ids = torch.randint(5, 30, (1, 13), dtype=torch.int32)
    mask = torch.ones_like(ids)
    mask[0, -4:] = 0
    feed = dict(zip([s.name for s in model.signature.inputs], (ids, mask, ids * 0), strict=True))
    trail = explain(mil.load(built.artifact.path), feed, module=module, given=list(feed.values()))
    assert not trail.divergences
    errors = [p.reference_error for p in trail.points if p.reference_error is not None]
    assert len(errors) > 0.6 * len(trail.points)
    assert max(errors) <= 1e-5
    linear = [p for p in trail.points if p.operation == "linear"]
    assert all(p.reference_error is not None for p in linear)
    assert {p.module for p in linear} >= {"bert.encoder.layer.1.attention.self.query", "classifier"}
    assert all(p.line.startswith("edgekit/models/families/") for p in linear)


def test_a_package_from_elsewhere_is_matched_by_names(tmp_path: Path) -> None:
    block = made.Block(nn.LayerNorm(made.WIDTH))
    path = made.package(block, tmp_path / "named.mlpackage", shape=SHAPE)
    stripped = ct.models.MLModel(str(path), skip_model_load=True)
    del stripped.user_defined_metadata["edgekit.sources"]
    stripped.save(str(tmp_path / "stripped.mlpackage"))
    trail = follow(tmp_path / "stripped.mlpackage", torch.randn(SHAPE), block)
    assert trail.compared >= 2 and not trail.divergences
    assert {p.module for p in trail.points} >= {"norm"}


def test_a_module_that_cannot_be_traced_is_said_to_be_so(overflowing: tuple[Path, nn.Module]) -> None:
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    trail = follow(overflowing[0], torch.randn(SHAPE), Branching())
    assert "can't be traced" in trail.notes[0] and trail.divergences[0].cause == "precision"


def test_departure_by_hand() -> None:
    wanted = torch.tensor([1.0, -1.0, 1.0, -1.0])
    assert departure(wanted, wanted) == 0
    assert departure(wanted * 1.5, wanted) == pytest.approx(0.5)
    assert departure(wanted + torch.tensor([1.0, 0, 0, 0]), wanted) == pytest.approx(0.5)
    inf, nan = float("inf"), float("nan")
    assert departure(torch.tensor([1.0, inf]), torch.tensor([1.0, 2.0])) == inf
    assert departure(torch.tensor([nan]), torch.tensor([nan])) == 0
    # Every way to write "masked" is the same one, and a mask says nothing of the scale of what is not masked.
    lowest = torch.finfo(torch.float32).min
    assert departure(torch.tensor([1.0, -inf]), torch.tensor([1.0, lowest])) == 0
    assert departure(torch.tensor([1.5, -3e4]), torch.tensor([1.0, -3e4])) == pytest.approx(0.5 / 2**0.5)


def test_ranges_leave_out_what_is_not_finite() -> None:
    found = range_of("x", torch.tensor([1.0, float("-inf"), 3.0]))
    assert (found.low, found.high, found.has_inf, found.has_nan) == (1.0, 3.0, True, False)
    assert range_of("x", torch.tensor([float("nan")])).low is None


def test_another_module_of_the_same_operation_is_no_match() -> None:
    value = torch.zeros(2)
    traced = [TracedTensor("linear", "linear.default#0", value, "other", "", {}, ())]
    matcher = Matcher({"linear_0": OperationSource("head", "a.py:1", "linear.default#0")}, traced)
    assert matcher.find("linear_0", value) is None and matcher.module("linear_0") == "head"
    named = Matcher({}, traced)
    assert named.find("linear_cast_fp16", value) is traced[0]
    assert named.find("linear_cast_fp16", torch.zeros(3)) is None
