"""Precisions in a recipe: one table, what each needs, and the gates that judge it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from edgekit.errors import RecipeError
from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Export, Gates, Mixed
from edgekit.recipe.schema.precisions import (
    COMPRESSED,
    ONNX_SCHEMES,
    SCHEMES,
    Compressed,
    foreign,
    mixable,
    onnx_mixable,
    precisions_of,
    too_old,
)
from edgekit.verify.parity import judge

HEAD = "name: x\ndata: {source: {path: a.csv}}\nteacher: {model: {path: t}}\n"


def problems(small, text: str) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(small(HEAD + text))
    return caught.value.problems


def test_the_table_and_the_schema_name_the_same_precisions() -> None:
    assert get_args(Compressed) == COMPRESSED and set(COMPRESSED) == {*SCHEMES, *ONNX_SCHEMES}
    for scheme in SCHEMES.values():
        joint = "-" in scheme.name and scheme.name != "int8-static"
        assert not joint or scheme.minimum == "iOS18", "joint and grouped forms came with iOS 18"
        assert 0.9 <= scheme.cosine <= 1 and 0 < scheme.metric_drop <= 2
    for other in ONNX_SCHEMES.values():
        assert 0.9 <= other.cosine <= 1 and 0 < other.metric_drop <= 2
        shared = SCHEMES.get(other.name)  # one name, one gate, whatever the target
        assert shared is None or (shared.metric_drop, shared.cosine) == (other.metric_drop, other.cosine)


def test_the_page_says_what_the_table_says() -> None:
    page = Path(__file__).parents[2] / "docs/coreml-compression.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    told = {row[0]: row[2:] for row in rows if len(row) == 6 and row[0] in SCHEMES}
    assert list(told) == list(SCHEMES)
    for name, (bits, minimum, drop, cosine) in told.items():
        scheme = SCHEMES[name]
        assert bits in (f"{scheme.bits_per_weight:g}", "by budget"), name
        assert (minimum, float(drop), float(cosine)) == (scheme.minimum, scheme.metric_drop, scheme.cosine)


def test_a_core_ml_export_of_many_precisions(small) -> None:
    exports = "exports: [{target: coreml, precisions: [fp16, palette6, mixed], mixed: {max_bytes: 6.5MB}}]\n"
    export = load_recipe(small(HEAD + exports)).exports[0]
    assert export.precisions == ("fp16", "palette6", "mixed")
    assert export.mixed.max_bytes == 6_500_000


def test_every_mistake_is_named(small) -> None:
    found = problems(
        small,
        "exports:\n"
        "  - {target: coreml, precisions: [palette5], mixed: {max_bytes: lots}}\n"
        "  - {target: onnx, precisions: [palette6]}\n"
        "gates: {metric_drop: {palette5: 1}}\n",
    )
    assert len(found) == 4
    assert "did you mean 'palette8'" in found[0] or "did you mean 'palette6'" in found[0]
    assert "must be a size such as 6MB or 800kB, not 'lots'" in found[1]
    assert "palette6 is for coreml; onnx takes fp32, fp16, int8" in found[2]
    assert "'palette5' is no compressed precision" in found[3]


@pytest.mark.parametrize("name", [name for name, s in SCHEMES.items() if s.minimum == "iOS18"])
def test_a_form_that_the_target_is_too_old_for_says_what_to_do(small, name: str) -> None:
    (found,) = problems(small, f"exports: [{{target: coreml, precisions: [fp16, {name}]}}]\n")
    assert f"{name} needs minimum_deployment_target iOS18, and it is iOS17; raise it, or use one of" in found
    assert "palette6" in found
    newer = f"exports: [{{target: coreml, precisions: [{name}], minimum_deployment_target: iOS18}}]\n"
    assert load_recipe(small(HEAD + newer)).exports[0].precisions == (name,)


def test_what_mixed_chooses_among() -> None:
    assert mixable("iOS16") == ("int8", "palette6", "palette4")
    assert set(mixable("iOS18")) == {"int8", "int4", "palette6", "palette4", "palette4-grouped"}
    assert too_old("fp16", "iOS16") is None
    assert onnx_mixable("onnx") == ("int8",) and onnx_mixable("onnxruntime") == ("int8", "int4")


def test_which_target_has_which_precision(small) -> None:
    assert precisions_of("onnx") == ("fp32", "fp16", "int8", "int8-static", "int8-smooth", "mixed")
    assert set(precisions_of("onnxruntime")) == {"fp32", "fp16", *ONNX_SCHEMES}
    for name in ("int4", "int4-gptq", "int8-weights", "int8-table4"):
        why = f"{name} needs ONNX Runtime's operators; use target onnxruntime"
        assert foreign(name, "onnx") == why and foreign(name, "onnxruntime") is None
        (found,) = problems(small, f"exports: [{{target: onnx, precisions: [fp32, {name}]}}]\n")
        assert why in found
    (found,) = problems(small, "exports: [{target: coreml, precisions: [int8-smooth]}]\n")
    assert "int8-smooth is for onnx and onnxruntime; coreml takes fp16, fp32, int8" in found
    (found,) = problems(small, "exports: [{target: onnxruntime, precisions: [int4], block_size: 24}]\n")
    assert "block_size must be a power of two from 16 for onnxruntime, not 24" in found


def test_core_ml_takes_static_ranges_from_training_alone(small) -> None:
    static = "exports: [{target: coreml, precisions: [int8-static]}]\n"
    (found,) = problems(small, static)
    assert "int8-static for coreml takes the ranges that training learned" in found
    recipe = load_recipe(small(HEAD + static + "student: {quantization_aware: true}\n"))
    assert recipe.exports[0].precisions == ("int8-static",)


def test_only_onnx_has_the_ort_format(small) -> None:
    (found,) = problems(small, "exports: [{target: coreml, precisions: [fp16], ort: true}]\n")
    assert "ort is for onnx and onnxruntime" in found
    assert (
        load_recipe(small(HEAD + "exports: [{target: onnx, precisions: [fp32], ort: true}]\n")).exports[0].ort
    )


def test_the_settings_of_onnx_schemes(small) -> None:
    text = (
        "exports:\n  - {target: onnxruntime, precisions: [int8-static, int8-smooth, int4], calibration: mse, "
        "calibration_rows: 64, smoothing: 0.7, symmetric: true, accuracy_level: 0, reduce_range: true}\n"
    )
    export = load_recipe(small(HEAD + text)).exports[0]
    assert (export.calibration, export.calibration_rows, export.smoothing) == ("mse", 64, 0.7)
    assert (export.symmetric, export.accuracy_level, export.reduce_range) == (True, 0, True)
    (found,) = problems(small, "exports: [{target: onnx, precisions: [int8-static], calibration: max}]\n")
    assert "'minmax', 'percentile', 'entropy' or 'mse', not 'max'" in found
    means = [Export(target=t, precisions=("mixed",)).mean_bits for t in ("onnx", "onnxruntime", "coreml")]
    assert means == [12, 6, 6]


def test_sizes() -> None:
    assert [Mixed(max_bytes=v).max_bytes for v in ("6MB", "800 kB", "1GB", 5)] == [
        6_000_000,
        800_000,
        10**9,
        5,
    ]
    for wrong in ("6 MiB", "-3MB", "MB", 0):
        with pytest.raises(ValidationError):
            Mixed(max_bytes=wrong)
    with pytest.raises(ValidationError):
        Export(target="coreml", precisions=("int4",), block_size=4)


def test_each_precision_has_its_own_gates() -> None:
    def held(precision: str, gates: Gates, *, cosine: float, drop: float) -> list[bool]:
        found = judge(precision, gates, worst_error=1, mean_cosine=cosine, metric_drop=drop)
        return [gate.passed for gate in found]

    plain = Gates()
    assert held("int8", plain, cosine=0.91, drop=1.0) == [True, True]
    assert held("palette6", plain, cosine=0.94, drop=1.01) == [False, False]
    assert held("palette4", plain, cosine=0.94, drop=1.9) == [True, True]
    assert held("mixed", plain, cosine=0.96, drop=1.9) == [True, False]
    assert held("fp16", plain, cosine=0.1, drop=0.05) == [True], "fp16 has no cosine gate"
    own = Gates(metric_drop={"palette6": 3, "int8": 4}, cosine={"palette6": 0.5}, metric_drop_int8=0)
    assert held("palette6", own, cosine=0.6, drop=2.9) == [True, True]
    assert held("int8", own, cosine=0.95, drop=3.9) == [True, True], "the narrower key wins"
