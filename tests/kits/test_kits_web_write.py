"""What a web kit is made of; without Node."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_kits import LIMIT, TEXTS, passed
from web_kits import answers, small_onnx, web_kit

from edgekit.errors import EdgekitError, ExportError, GateFailed
from edgekit.files import sha256_file
from edgekit.kits.names import MOST_CASES
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.kits.web import versions, write_web
from edgekit.kits.web.code import label_type
from edgekit.types import Artifact, Gate

NAME = 'films "à la carte" ${x}</script>\n'


@pytest.fixture(scope="module")
def artifact(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return small_onnx(tmp_path_factory.mktemp("onnx") / "model", tiny_encoder, task="text-classification")


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return web_kit(artifact, tiny_encoder, tmp_path_factory.mktemp("kits") / "kit", name=NAME).path


@pytest.fixture(scope="module")
def given(artifact: Artifact, tiny_encoder: Path) -> dict[str, Any]:
    return {
        "artifact": artifact,
        "parity": passed(artifact),
        "tables": build_tables(tiny_encoder, max_length=LIMIT, checked=10),
        "name": "tiny",
        "golden": golden_vectors(load(tiny_encoder, max_length=LIMIT), count=20),
        "answers": answers(artifact, tiny_encoder),
    }


def test_a_kit_carries_the_model_its_tables_and_its_manifest(kit: Path, artifact: Artifact) -> None:
    assert sha256_file(kit / "model/model.onnx") == artifact.sha256
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["platform"] == "web" and manifest["model"]["sha256"] == artifact.sha256
    for name, digest in manifest["tokenizer"]["tables"].items():
        assert sha256_file(kit / "model" / name) == digest


def test_the_code_is_told_what_it_has_to_know(kit: Path, artifact: Artifact) -> None:
    told = json.loads((kit / "model/kit.json").read_text())
    assert told["name"] == NAME and told["labels"] == list(artifact.signature.labels)
    assert told["artifact"]["target"] == "onnx" and told["artifact"]["parameters"] == artifact.parameters
    assert told["inputs"] == {"input_ids": "int64", "attention_mask": "int64"}
    files = {path.name for path in (kit / "model").iterdir()} - {"kit.json"}
    assert set(told["integrity"]) == files
    for name, value in told["integrity"].items():
        digest = base64.b64decode(value.removeprefix("sha256-")).hex()
        assert digest == sha256_file(kit / "model" / name)


def test_samples_are_what_python_answered(kit: Path, given: dict[str, Any]) -> None:
    samples = json.loads((kit / "test/samples.json").read_text())["samples"]
    assert [bytes.fromhex(one["text"]).decode() for one in samples] == list(TEXTS)
    assert [one["output"] for one in samples] == [answer.output for answer in given["answers"]]


def test_the_package_is_named_and_its_versions_are_pinned(kit: Path) -> None:
    package = json.loads((kit / "package.json").read_text())
    assert package["name"] == "films-a-la-carte-x-script" and package["type"] == "module"
    for kind in ("peerDependencies", "devDependencies"):
        assert package[kind]["onnxruntime-web"] == package[kind]["onnxruntime-node"] == versions.ONNXRUNTIME
    for entry in ("types", "default"):
        for target in (".", "./benchmark"):
            assert (kit / package["exports"][target][entry]).is_file()
    assert (kit / ".npmrc").read_text() == "ignore-scripts=true\n"


def test_nothing_of_the_template_is_left_over(kit: Path) -> None:
    texts = {path: path.read_text() for path in kit.rglob("*") if path.is_file() and path.suffix != ".onnx"}
    for path, text in texts.items():
        assert not re.search(r"@[A-Z_]+@", text), path
    assert sorted(path.name for path in (kit / "js/tasks").iterdir()) == ["classifier.d.ts", "classifier.js"]
    assert texts[kit / "src/index.ts"] == texts[kit / "js/index.js"] == texts[kit / "js/index.d.ts"]
    assert texts[kit / "src/label.ts"].endswith('Label =\n  | "negative"\n  | "positive";\n')
    assert not [path for path, text in texts.items() if NAME in text]


def test_no_text_is_written_into_code_or_pages(kit: Path, given: dict[str, Any], tmp_path: Path) -> None:
    """Another name and other labels change no file that is executed."""
    artifact: Artifact = given["artifact"]
    signature = replace(artifact.signature, labels=("</script>", "`${x}`"))
    other = write_web(
        **{**given, "artifact": replace(artifact, signature=signature), "name": "`'\"</script>"},
        folder=tmp_path / "kit",
    ).path
    code = [path.relative_to(kit) for path in kit.rglob("*") if path.suffix in (".js", ".mjs", ".html")]
    assert len(code) > 20
    assert all((kit / path).read_bytes() == (other / path).read_bytes() for path in code)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Movie reviews", "movie-reviews"),
        ("映画", "kit"),
        ("fs", "fs-kit"),
        ("node_modules", "node-modules-kit"),
        ("3 stars", "3-stars"),
        ("../../etc", "etc"),
        ("\u202eÀ·B\u0301", "a-b"),
    ],
)
def test_any_name_becomes_a_package(name: str, slug: str, given: dict[str, Any], tmp_path: Path) -> None:
    made = write_web(**{**given, "name": name}, folder=tmp_path / "kit")
    assert json.loads((made.path / "package.json").read_text())["name"] == slug
    assert f'from "{slug}"' in made.use[1]


def test_what_has_no_kit_is_refused(given: dict[str, Any], tiny_encoder: Path, tmp_path: Path) -> None:
    artifact: Artifact = given["artifact"]
    signature = artifact.signature
    fixed = tuple(replace(spec, shape=("batch", LIMIT)) for spec in signature.inputs)
    other = tuple(replace(spec, name=f"my_{spec.name}") for spec in signature.inputs)
    failed = replace(passed(artifact), gates=(Gate("metric_drop", 1.0, 3.0, False),))
    tables = build_tables(tiny_encoder, max_length=LIMIT - 1, checked=10)
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
            write_web(**{**given, "artifact": changed, **changes}, folder=tmp_path / "kit")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(ExportError, match="is no kit"):
        write_web(**given, folder=tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_thousands_of_labels_are_no_union() -> None:
    few, many = label_type([f"a{i}" for i in range(MOST_CASES)]), label_type(["a"] * (MOST_CASES + 1))
    assert few.count("  | ") == MOST_CASES
    assert "Label = string;" in many and "1,001" in many
