"""A kit is made of an artifact that was executed and passed, and says what it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import ExportError, GateFailed, ModelError
from edgekit.files import sha256_path, size_bytes
from edgekit.kits.manifest import FILE, kit_manifest, require_parity, require_replaceable
from edgekit.kits.tokenizer import TokenizerTables
from edgekit.types import Artifact, Gate, Parity, Signature, TensorSpec

TABLES = TokenizerTables("wordpiece", {"tokenizer.txt": "format 1\n", "vocab.txt": "a\n"}, 16, "ab" * 32)
PARITY = Parity(
    artifact="student-onnx-int8",
    reference="student",
    executed=True,
    runtime="onnxruntime 1.31.1 CPU",
    samples=100,
    max_abs_error=0.01,
    cosine=0.9999,
    label_agreement=0.99,
    metric_name="accuracy",
    metric=0.9,
    metric_drop=0.2,
    gates=(Gate("points of accuracy lost", 1.0, 0.2, True),),
)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    signature = Signature(
        task="text-classification",
        inputs=(TensorSpec("input_ids", ("batch", "sequence"), "int64"),),
        outputs=(TensorSpec("logits", ("batch", 2), "float32"),),
        labels=("bad", "good"),
        max_length=16,
    )
    return Artifact(
        name="student-onnx-int8",
        path=path,
        target="onnx",
        precision="int8",
        signature=signature,
        size_bytes=size_bytes(path),
        sha256=sha256_path(path),
        parameters=7,
    )


def test_a_manifest_names_hashes_parity_and_licences(artifact: Artifact) -> None:
    made = kit_manifest(
        artifact, PARITY, platform="web", tables=TABLES, licences={"model": "MIT", "data": None}
    )
    assert json.loads(json.dumps(made)) == made
    assert made["model"]["sha256"] == artifact.sha256
    assert made["model"]["labels"] == ["bad", "good"]
    assert made["tokenizer"]["sha256"] == TABLES.sha256
    # Hash of b"a\n", which any tool gives.
    assert made["tokenizer"]["tables"]["vocab.txt"].startswith("87428fc522803d31065e7bce3cf03fe4")
    (gate,) = made["parity"]["gates"]
    assert (gate["limit"], gate["value"], gate["passed"]) == (1.0, 0.2, True)
    assert made["licences"] == {"kit code": "Apache-2.0", "model": "MIT", "data": None}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"gates": (Gate("points of accuracy lost", 1.0, 3.1, False),)}, GateFailed, "lost: 3.1, allowed 1"),
        ({"failures": ("an output is NaN",)}, GateFailed, "an output is NaN"),
        ({"executed": False, "runtime": "no Mac"}, GateFailed, "never run (no Mac)"),
        ({"artifact": "student-onnx-fp32"}, ModelError, "'student-onnx-fp32'"),
    ],
)
def test_what_was_not_proved_is_refused(artifact: Artifact, change: dict, error: type, says: str) -> None:
    with pytest.raises(error, match=r"[\s\S]*") as caught:
        require_parity(artifact, replace(PARITY, **change))
    assert says in str(caught.value) and caught.value.remedy


def test_a_file_that_was_changed_is_refused(artifact: Artifact) -> None:
    artifact.path.write_bytes(b"other weights")
    with pytest.raises(ModelError, match="sha256 is another"):
        require_parity(artifact, PARITY)


def test_only_a_kit_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "kit"
    require_replaceable(folder)
    folder.mkdir()
    require_replaceable(folder)
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="replaced whole"):
        require_replaceable(folder)
    (folder / FILE).write_text('["not", "a manifest"]')
    with pytest.raises(ExportError, match="replaced whole"):
        require_replaceable(folder)
    (folder / FILE).write_text('{"format": "edgekit kit 1.0"}')
    require_replaceable(folder)
    with pytest.raises(ExportError, match="replaced whole"):
        require_replaceable(folder / FILE)
