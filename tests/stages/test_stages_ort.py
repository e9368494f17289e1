"""`.ort` files: made from what passed, run against it, told, and free of this machine's paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edgekit import api, ort_format
from edgekit.batches import pad_rows
from edgekit.errors import ExportError, RecipeError
from edgekit.files import sha256_file
from edgekit.ort_format import required_operators, write_ort
from edgekit.recipe.schema import Export, Gates
from edgekit.stages.artifacts import Built, Workbench, build_target
from edgekit.stages.ort import with_ort


@pytest.fixture(scope="module")
def bench(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    out = tmp_path_factory.mktemp("ort") / "out"
    gates = Gates(not_slower=False)  # times of a tiny model say nothing
    return api._workbench(api.load(tiny_classifier), tiny_classifier, out, data=None, gates=gates, threads=1)


EXPORT = Export(target="onnxruntime", precisions=("fp32", "int8"), ort=True)


@pytest.fixture(scope="module")
def built(bench: Workbench) -> list[Built]:
    return build_target(bench, EXPORT)


def test_each_file_has_its_ort_beside_it(built: list[Built], bench: Workbench) -> None:
    assert [one.ort.path.name for one in built] == ["model.ort", "model_int8.ort"]
    for one in built:
        file = one.ort
        assert file.path.parent == one.artifact.path.parent
        assert file.path.read_bytes()[4:8] == b"ORTM"  # flatbuffers' mark
        assert (file.size_bytes, file.sha256) == (file.path.stat().st_size, sha256_file(file.path))
        assert file.difference <= ort_format.TOLERANCE
        row = pad_rows([bench.rows[0]], one.artifact.signature, pad_id=0)
        both = [onnxruntime.InferenceSession(p).run(None, row)[0] for p in (file.path, one.artifact.path)]
        assert np.abs(both[0] - both[1]).max() <= ort_format.TOLERANCE


def test_the_list_of_operators_is_the_same_anywhere(built: list[Built], tmp_path: Path) -> None:
    file = built[1].ort
    assert file.operators.name == "model_int8.required_operators.config"
    told = file.operators.read_text(encoding="utf-8")
    assert "com.microsoft;1;" in told and "MultiHeadAttention" in told
    elsewhere = tmp_path / "other.ort"
    write_ort(built[1].artifact.path, elsewhere, output="logits", known=[], name="x")
    assert required_operators(elsewhere) == told
    for path in (file.operators, file.path):
        for place in (str(path.parent), str(tmp_path), str(Path.home())):
            assert place.encode() not in path.read_bytes()


def test_it_is_made_once(built: list[Built], bench: Workbench) -> None:
    before = len(bench.store.runs)
    again = build_target(bench, EXPORT)
    assert all(run.reused for run in bench.store.runs[before:])
    assert [one.ort for one in again] == [one.ort for one in built]


def test_one_that_answers_differently_is_refused(
    built: list[Built], bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = built[0].ort
    before = file.path.read_bytes()
    monkeypatch.setattr(ort_format, "TOLERANCE", -1.0)  # stricter than equal
    changed = replace(built[0], artifact=replace(built[0].artifact, sha256="0" * 64))
    with pytest.raises(ExportError, match=r"in ONNX Runtime's format is .* away from the verified outputs"):
        with_ort(bench, changed)
    assert file.path.read_bytes() == before


def test_what_was_rejected_leaves_none(built: list[Built], bench: Workbench, tmp_path: Path) -> None:
    onnx = tmp_path / "model.onnx"
    for suffix in (".ort", ".required_operators.config"):
        onnx.with_suffix(suffix).write_text("old")
    rejected = replace(built[0], artifact=replace(built[0].artifact, path=onnx), rejected_because="worse")
    assert with_ort(bench, replace(rejected, ort=None)).ort is None
    assert list(tmp_path.iterdir()) == []


def test_core_ml_has_no_such_format(tiny_classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="ort is for onnx and onnxruntime"):
        api.export_model(tiny_classifier, targets=["coreml"], out=tmp_path / "out", ort=True)
