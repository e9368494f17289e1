"""Every family goes to ONNX and to Core ML, is executed there, and says what transformers says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from family_examples import CONFIGS, LABELS, inputs, make, signature_of

from edgekit import mil
from edgekit.export.coreml import export_coreml
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.models import families
from edgekit.quantize.plan import plan_int8
from edgekit.runtimes import open_runner

# The networks least like BERT in every run; `make test-slow` takes them all.
FAST = ("mpnet", "modernbert", "deberta-v3")
EVERY = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in CONFIGS]


def exportable(module) -> Exportable:
    twin = families.export_module(module, max_length=32)
    return Exportable(
        name="tiny",
        module=twin,
        signature=signature_of(module),
        processor=None,
        example=inputs(module, batch=2, length=17),
        provenance={},
        parameters=sum(p.numel() for p in twin.parameters()),
    )


@pytest.mark.parametrize("name", EVERY)
def test_onnx_of_any_batch_and_length_equals_pytorch(name: str, tmp_path: Path) -> None:
    module = make(name)
    given = exportable(module)
    made = export_onnx(given, tmp_path / "model.onnx")
    runner = open_runner(made.path)
    for batch, length in ((1, 2), (1, 17), (3, 32), (5, 9)):
        rows = inputs(module, batch=batch, length=length)
        got = runner.run({k: v.numpy() for k, v in rows.items()})["logits"]
        with torch.no_grad():
            assert np.abs(got - module(**rows).logits.numpy()).max() <= 1e-4
    names = {i.name for i in onnx.load(made.path).graph.initializer}
    assert {n for n, p in given.module.named_parameters() if p.ndim == 2} <= names
    small = quantize_onnx(made, plan_int8(given.module, name="t", target="onnx"), tmp_path / "int8.onnx")
    rough = open_runner(small.path).run({k: v.numpy() for k, v in rows.items()})["logits"]
    assert np.abs(rough - got).max() <= 0.2


def distance(package: Path, module, rounding: str) -> float:
    """Largest difference of any label's probability, over lengths, padding included."""
    model = mil.load(package)
    worst = 0.0
    for length in (1, 2, 17, 32):
        row = {k: v[1:] for k, v in inputs(module, batch=2, length=length).items()}
        with torch.no_grad():
            expected = torch.softmax(module(**row).logits, dim=-1)[0].numpy()
        told = model.predict({k: v.numpy().astype(np.int32) for k, v in row.items()}, rounding=rounding)
        got = np.array([told["label_probs"][label] for label in LABELS])
        worst = max(worst, float(np.abs(got - expected).max()))
    return worst


@pytest.mark.parametrize("name", EVERY)
def test_core_ml_executed_equals_pytorch(name: str, tmp_path: Path) -> None:
    module = make(name)
    made = export_coreml(exportable(module), tmp_path / "model.mlpackage", precision="fp16")
    # "none": the weights are rounded; "declared": every result is.
    assert distance(made.path, module, "none") <= 3e-3
    assert distance(made.path, module, "declared") <= 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_core_ml_in_fp32_equals_pytorch(name: str, tmp_path: Path) -> None:
    module = make(name)
    made = export_coreml(exportable(module), tmp_path / "model.mlpackage", precision="fp32")
    assert distance(made.path, module, "declared") <= 1e-5
