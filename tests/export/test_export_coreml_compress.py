"""Compressed packages: every scheme stores what its plan says, and executes as coremltools undoes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import coremltools.optimize.coreml as cto
import numpy as np
import pytest

from edgekit.errors import ExportError
from edgekit.export.coreml import export_coreml
from edgekit.export.coreml_compress import (
    PLAN_KEY,
    compress_coreml,
    compressed,
    expanding_suffix,
    open_package,
    parameter_key,
    stored_name,
)
from edgekit.export.exportable import Exportable
from edgekit.models import families
from edgekit.quantize.coreml import plan_coreml, plan_mixed
from edgekit.quiet import quiet
from edgekit.recipe.schema.precisions import SCHEMES
from edgekit.stages.expanding import Expanded, expanded
from edgekit.types import Artifact, LayerPrecision, Quantized, Signature, TensorSpec
from edgekit.verify.coreml_structure import check_structure

WORDS = 2100  # × 32: more weights than half precision can count
TABLE = "bert.embeddings.word_embeddings.weight"
DENSE = "bert.encoder.layer.0.output.dense.weight"
ALL = [name for name in SCHEMES if name != "mixed"]


@pytest.fixture(scope="module")
def exportable() -> Exportable:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    module = families.export_module(BertForSequenceClassification(config).eval(), max_length=64)
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = tuple(TensorSpec(name, ("batch", "sequence"), "int64") for name in names)
    outputs = (TensorSpec("logits", ("batch", 2), "float32"),)
    signature = Signature("text-classification", inputs, outputs, ("negative", "positive"), 64)
    count = sum(p.numel() for p in module.parameters())
    return Exportable("tiny", module, signature, None, {}, {}, count)


@pytest.fixture(scope="module")
def package(exportable: Exportable, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    path = tmp_path_factory.mktemp("package") / "model.mlpackage"
    return export_coreml(exportable, path, minimum_deployment_target="iOS18")


@pytest.fixture(scope="module")
def original(exportable: Exportable) -> dict[str, np.ndarray]:
    return {n: p.detach().numpy() for n, p in exportable.module.named_parameters()}


def plan(exportable: Exportable, scheme: str) -> Quantized:
    return plan_coreml(exportable.module, name="tiny", scheme=scheme, block_size=16, group_size=16)


def planned(plan: Quantized) -> list[LayerPrecision]:
    return [layer for layer in plan.layers if layer.scheme]


def weights_of(package: Any, layers: list[LayerPrecision]) -> dict[str, Expanded]:
    return {weight.name: weight for weight in expanded(package, layers)}


def decompressed(path: Path) -> dict[str, np.ndarray]:
    """coremltools' own way back to dense weights."""
    with quiet():
        dense = cto.decompress_weights(open_package(path))
        return {name: meta.val for name, meta in cto.get_weights_metadata(dense, weight_threshold=1).items()}


def weight_file(path: Path) -> int:
    return next(path.rglob("weight.bin")).stat().st_size


def check_levels(layer: LayerPrecision, value: np.ndarray) -> None:
    """How many values there are where one scale or table holds, and how many are zero."""
    if layer.scheme.startswith("sparse"):
        # coremltools' own threshold is NaN for the table, which has more values than half precision counts.
        share = int(layer.scheme[6:8]) / 100
        assert np.mean(value == 0) == pytest.approx(share, abs=0.01), layer.name
    if layer.granularity == "per_block":
        assert all(len(np.unique(block)) <= 16 for block in value.reshape(-1, layer.group_size))
    if layer.granularity == "per_group":
        groups = np.split(value, value.shape[layer.axis] // layer.group_size, axis=layer.axis)
        assert all(len(np.unique(group)) <= 2**layer.bits for group in groups)
        assert len(groups) == 1 or len(np.unique(value)) > 2**layer.bits
    if layer.granularity == "per_tensor" and layer.bits < 16:
        assert len(np.unique(value)) <= 2**layer.bits


@pytest.mark.parametrize("scheme", ALL)
def test_a_scheme_stores_its_plan_and_executes_as_decompressed(
    scheme: str, exportable: Exportable, package: Artifact, original: dict[str, np.ndarray], tmp_path: Path
) -> None:
    chosen = plan(exportable, scheme)
    layers = planned(chosen)
    assert {TABLE, DENSE} <= {layer.name for layer in layers}
    made = compress_coreml(package, chosen, tmp_path / "m.mlpackage")
    assert (made.precision, made.name) == (scheme, f"tiny-coreml-{scheme}")
    metadata = open_package(made.path).user_defined_metadata
    assert [layer["name"] for layer in json.loads(metadata[PLAN_KEY])] == [layer.name for layer in layers]

    stored = weights_of(open_package(made.path), layers)
    # coremltools can't undo a table that is itself compressed.
    dense = decompressed(made.path) if scheme != "palette4-int8" else {}
    for layer in layers:
        value = stored[layer.name].value
        if dense:
            name = stored_name(layer.name) + expanding_suffix(scheme)
            theirs = next(v for n, v in dense.items() if parameter_key(n) == name)
            assert np.array_equal(theirs.astype(np.float32), value), layer.name
        error = np.abs(value - original[layer.name])
        assert 0 < error.max() < 0.1 * np.abs(original[layer.name]).max() + 0.05
        check_levels(layer, value)
    saved = weight_file(package.path) - weight_file(made.path)
    counted = sum(original[la.name].size * 2 - stored[la.name].stored_bytes for la in layers)
    assert saved >= counted - 128 * len(layers)
    if SCHEMES[scheme].in_mixed:  # where a budget is met by the count
        assert saved <= counted + 128 * len(layers)
    assert not check_structure(made, weights=original).failures


def test_a_mixed_package_holds_the_values_that_were_measured(
    exportable: Exportable, package: Artifact, tmp_path: Path
) -> None:
    """Compressed with others around it, a weight is the very same as in a package of one scheme."""
    plans = {scheme: plan(exportable, scheme) for scheme in ("int8", "int4", "sparse50-palette6", "palette4")}
    names = [layer.name for layer in planned(plans["int8"])]
    mixed = plan_mixed(plans, {n: (list(plans)[i % 4], 0.0) for i, n in enumerate(names[1:])})
    layers = planned(mixed)
    assert {layer.scheme for layer in layers} == set(plans) and TABLE not in {layer.name for layer in layers}
    made = compress_coreml(package, mixed, tmp_path / "m.mlpackage")
    together = weights_of(open_package(made.path), layers)
    for layer in [la for la in layers if "palette" in la.scheme]:  # k-means is what could go another way
        alone = weights_of(compressed(open_package(package.path), [layer]), [layer])
        assert np.array_equal(together[layer.name].value, alone[layer.name].value)


def test_nothing_but_the_plan_is_touched(exportable: Exportable, package: Artifact, tmp_path: Path) -> None:
    """Above all not the position and token type tables, which converters fold into one constant."""
    chosen = plan(exportable, "int4")
    made = compress_coreml(package, chosen, tmp_path / "m.mlpackage")
    kinds = [
        operation.outputs[-1].name
        for block in open_package(made.path)
        .get_spec()
        .mlProgram.functions["main"]
        .block_specializations.values()
        for operation in block.operations
        if operation.type.startswith("constexpr_")
    ]
    assert len(kinds) == len(planned(chosen))
    assert not [name for name in kinds if "position" in name or "token_type" in name]


def test_a_block_size_that_does_not_divide_is_refused(exportable: Exportable, package: Artifact) -> None:
    wrong = [replace(layer, group_size=24) for layer in planned(plan(exportable, "int4"))]
    with pytest.raises(ExportError, match=r"did not store .* as int4") as caught:
        compressed(open_package(package.path), wrong)
    assert "block_size" in caught.value.remedy


def test_a_plan_of_another_model_is_refused(package: Artifact, tmp_path: Path) -> None:
    other = Quantized("o", "coreml", "int8", (LayerPrecision("x.weight", 8, "per_channel", scheme="int8"),))
    with pytest.raises(ExportError, match=r"no weight named 'x\.weight'"):
        compress_coreml(package, other, tmp_path / "m.mlpackage")
    assert not (tmp_path / "m.mlpackage").exists()
