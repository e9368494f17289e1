"""What an Android kit is made of; without a compiler."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kotlin_kits import android_kit, answers, tiny_onnx
from tiny_kits import LIMIT, TEXTS, passed

from edgekit.errors import EdgekitError, ExportError, GateFailed
from edgekit.files import sha256_file
from edgekit.kits.android import write_android
from edgekit.kits.android.code import label_code
from edgekit.kits.names import MOST_CASES
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.types import Artifact, Gate

NAME = 'films "à la carte" ${x}\n'


@pytest.fixture(scope="module")
def artifact(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny_onnx(tiny_encoder, tmp_path_factory.mktemp("onnx") / "model.onnx", task="text-classification")


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return android_kit(artifact, tmp_path_factory.mktemp("kits") / "kit", name=NAME).path


@pytest.fixture(scope="module")
def given(artifact: Artifact) -> dict[str, Any]:
    model = artifact.path.parent
    return {
        "artifact": artifact,
        "parity": passed(artifact),
        "tables": build_tables(model, max_length=LIMIT, checked=10),
        "name": "tiny",
        "golden": golden_vectors(load(model, max_length=LIMIT), count=20),
        "answers": answers(artifact),
    }


def test_a_kit_carries_the_model_its_tables_and_its_manifest(kit: Path, artifact: Artifact) -> None:
    assets = kit / "films-a-la-carte-x/src/main/assets/edgekit/films-a-la-carte-x"
    assert sha256_file(assets / "model.onnx") == artifact.sha256
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["platform"] == "android" and manifest["model"]["sha256"] == artifact.sha256
    assert manifest["file"] == {
        "name": "model.onnx",
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
    }
    for name, digest in manifest["tokenizer"]["tables"].items():
        assert sha256_file(assets / name) == digest
    assert artifact.sha256 in (kit / "films-a-la-carte-x/src/main/kotlin/Kit.kt").read_text()


def test_samples_are_what_python_answered(kit: Path, artifact: Artifact) -> None:
    file = kit / "films-a-la-carte-x/src/shared/resources/samples.txt"
    head, *rows = (line.split(" ") for line in file.read_text().splitlines())
    assert head == ["text", "pair", "input_ids", "attention_mask", "token_type_ids", "output"]
    assert [bytes.fromhex(row[0][1:]).decode() for row in rows] == list(TEXTS)
    for row, answer in zip(rows, answers(artifact), strict=True):
        given = np.array([float(cell) for cell in row[-1].split(",")], np.float32)
        assert given.tobytes() == np.array(answer.output, np.float32).tobytes()


def test_nothing_of_the_template_is_left_over(kit: Path) -> None:
    texts = {
        path: path.read_text() for path in kit.rglob("*") if path.suffix in (".kt", ".kts", ".md", ".xml")
    }
    for path, text in texts.items():
        assert not re.search(r"@[A-Z_]+@|edgekit\.kit\b", text), path
    packages = {
        line for path, text in texts.items() if path.suffix == ".kt" for line in text.splitlines()[:1]
    }
    assert packages == {"package edgekit.filmsalacartex"}
    assert "fun Classifier.Companion.load" in texts[kit / "films-a-la-carte-x/src/main/kotlin/Load.kt"]
    assert not (kit / "films-a-la-carte-x/src/main/kotlin/Tagger.kt").exists()
    assert 'include(":films-a-la-carte-x")' in texts[kit / "settings.gradle.kts"]
    assert NAME not in texts[kit / "README.md"]


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("Movie reviews", "movie-reviews", "moviereviews"),
        ("映画", "kit", "kit"),
        ("build", "build-kit", "buildkit"),
        ("new", "new-kit", "newkit"),
        ("fun", "fun-kit", "funkit"),
        ("3 stars", "3-stars", "kit3stars"),
        ("../../etc", "etc", "etc"),
        ("\u202eÀ·B\u0301", "a-b", "ab"),
    ],
)
def test_any_name_becomes_a_module_and_a_package(
    name: str, module: str, package: str, given: dict[str, Any], tmp_path: Path
) -> None:
    made = write_android(**{**given, "name": name}, folder=tmp_path / "kit").path
    assert f'namespace = "edgekit.{package}"' in (made / module / "build.gradle.kts").read_text()


def test_onnx_runtimes_format_is_made_and_measured(given: dict[str, Any], tmp_path: Path) -> None:
    made = write_android(**given, folder=tmp_path / "kit", ort=True).path
    file = json.loads((made / "manifest.json").read_text())["file"]
    path = made / "tiny/src/main/assets/edgekit/tiny" / file["name"]
    assert path.suffix == ".ort" and path.read_bytes()[4:8] == b"ORTM"  # flatbuffers' mark
    assert (
        file["sha256"] == sha256_file(path) != given["artifact"].sha256 and 0 <= file["max_abs_error"] < 1e-5
    )
    assert not list(made.rglob("*.onnx"))


def test_an_ort_file_that_answers_differently_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    first, *rest = given["answers"]
    wrong = replace(first, output=[value + 0.01 for value in first.output])
    with pytest.raises(ExportError, match="away from the verified outputs"):
        write_android(**{**given, "answers": [wrong, *rest]}, folder=tmp_path / "kit", ort=True)
    assert not (tmp_path / "kit").exists()


def test_what_has_no_kit_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    artifact: Artifact = given["artifact"]
    signature = artifact.signature
    fixed = tuple(replace(spec, shape=("batch", LIMIT)) for spec in signature.inputs)
    other = tuple(replace(spec, name=f"my_{spec.name}") for spec in signature.inputs)
    failed = replace(passed(artifact), gates=(Gate("metric_drop", 1.0, 3.0, False),))
    tables = build_tables(artifact.path.parent, max_length=LIMIT - 1, checked=10)
    cases: list[tuple[type[EdgekitError], str, Artifact, dict[str, Any]]] = [
        (GateFailed, "metric_drop: 3", artifact, {"parity": failed}),
        (ExportError, "carries ONNX", replace(artifact, target="coreml"), {}),
        (ExportError, "masked-lm", replace(artifact, signature=replace(signature, task="masked-lm")), {}),
        (ExportError, "one length only", replace(artifact, signature=replace(signature, inputs=fixed)), {}),
        (ExportError, "my_input_ids", replace(artifact, signature=replace(signature, inputs=other)), {}),
        (ExportError, "cut texts at 15", artifact, {"tables": tables}),
        (ExportError, "texts to be tested", artifact, {"answers": ()}),
    ]
    for error, words, changed, changes in cases:
        with pytest.raises(error, match=words):
            write_android(**{**given, "artifact": changed, **changes}, folder=tmp_path / "kit")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(ExportError, match="is no kit"):
        write_android(**given, folder=tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_thousands_of_labels_are_no_enumeration() -> None:
    few = label_code(["a"] * MOST_CASES, "p")
    many = label_code([f'"{i}$' for i in range(MOST_CASES + 1)], "p")
    assert "enum class Label" in few and few.count('("a")') == MOST_CASES
    assert "enum class" not in many and many.count('\\"') == MOST_CASES + 1
    assert max(many[start:].split(")\n}", 1)[0].count("\n") for start in _objects(many)) < 510


def _objects(code: str) -> list[int]:
    return [found.start() for found in re.finditer("private object", code)]
