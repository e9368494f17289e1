"""What a Swift package is made of; without a compiler."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from swift_kits import answers, swift_kit, tiny_package, with_labels
from tiny_kits import LIMIT, TEXTS, passed

from edgekit.errors import ExportError, GateFailed
from edgekit.files import sha256_path
from edgekit.kits.swift import write_swift
from edgekit.kits.swift.code import label_code
from edgekit.kits.swift.interface import read_interface
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.types import Artifact

HOSTILE = (
    'a "quote"',
    "\\(rm)",
    "${x}",
    "line\nend",
    "\u202eright",
    "class",
    "",
    "*/ //",
    "5 stars",
    "5-stars",
)


@pytest.fixture(scope="module")
def artifact(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    path = tmp_path_factory.mktemp("coreml") / "model.mlpackage"
    return tiny_package(tiny_encoder, path, task="text-classification")


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swift_kit(artifact, tiny_encoder, tmp_path_factory.mktemp("kits") / "kit").path


def test_a_kit_carries_the_model_its_tables_and_its_manifest(kit: Path, artifact: Artifact) -> None:
    sources = kit / "Sources" / "TinyFilms"
    assert sha256_path(sources / "Model.mlpackage") == artifact.sha256
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["platform"] == "swift" and manifest["model"]["sha256"] == artifact.sha256
    for name in manifest["tokenizer"]["tables"]:
        assert (sources / name).is_file()
        assert f'.copy("{name}")' in (kit / "Package.swift").read_text()
    assert artifact.sha256 in (sources / "KitInfo.swift").read_text()
    samples = json.loads((kit / "Sources" / "TinyFilmsBenchmark" / "samples.json").read_text())
    assert [bytes.fromhex(s["text"]).decode() for s in samples["samples"]] == list(TEXTS)
    assert len((kit / "Tests" / "TinyFilmsTests" / "golden.txt").read_text().splitlines()) > 250


def test_nothing_of_the_template_is_left_over(kit: Path) -> None:
    for path in kit.rglob("*"):
        assert "KitModule" not in path.name and path.name != "Tasks"
        if path.suffix in (".swift", ".md"):
            text = path.read_text()
            assert "KitModule" not in text and "/*PLATFORMS" not in text and "/*RESOURCES" not in text
    apis = {p.stem for p in (kit / "Sources" / "TinyFilms").glob("*er.swift")}
    assert apis == {"Classifier"}


def test_the_package_needs_the_system_that_its_model_needs(artifact: Artifact, kit: Path) -> None:
    interface = read_interface(artifact.path)
    assert (interface.ios, interface.macos) == ("17.0", "14.0")
    assert interface.lengths == () and interface.probabilities == "label_probs"
    assert '.iOS("17.0"), .macOS("14.0")' in (kit / "Package.swift").read_text()


@pytest.mark.slow
def test_lengths_of_a_fixed_package_are_known(tiny_encoder: Path, tmp_path: Path) -> None:
    made = tiny_package(
        tiny_encoder, tmp_path / "m.mlpackage", task="sentence-embedding", shapes="fixed", lengths=(8, LIMIT)
    )
    interface = read_interface(made.path)
    assert interface.lengths == (LIMIT,) and interface.probabilities is None


def test_hostile_labels_stay_inside_their_literals(
    artifact: Artifact, tiny_encoder: Path, tmp_path: Path
) -> None:
    made = swift_kit(
        with_labels(artifact, HOSTILE), tiny_encoder, tmp_path / "kit", name='x"\n\\(y)', golden=9
    )
    sources = made.path / "Sources" / "XY"
    code = (sources / "KitInfo.swift").read_text() + (sources / "Label.swift").read_text()
    for line in ('"a \\"quote\\""', '"\\\\(rm)"', '"line\\u{a}end"', '"\\u{202e}right"', '"*/ //"', '""'):
        assert f"        {line},\n" in code
    cases = re.findall(r"^        case (\w+) = (\d+)$", code, re.MULTILINE)
    assert [int(n) for _, n in cases] == list(range(len(HOSTILE)))
    assert len({name for name, _ in cases}) == len(HOSTILE)
    assert ("class_", "5") in cases
    readme = (made.path / "README.md").read_text()
    assert "\u202e" not in readme and "line\nend" not in readme


def test_thousands_of_labels_are_no_enumeration() -> None:
    code = label_code([f"class {i}" for i in range(10_000)], owner="Classifier")
    assert "enum Label" not in code and "case " not in code and "struct Label" in code


def test_what_swift_can_not_serve_is_refused(artifact: Artifact, tiny_encoder: Path, tmp_path: Path) -> None:
    def write(given: Artifact, **changes: object) -> None:
        settings = {
            "name": "films",
            "golden": golden_vectors(load(tiny_encoder, max_length=LIMIT), count=5),
            "answers": answers(artifact.signature, tiny_encoder),
            "parity": passed(given),
            "tables": tables,
            **changes,
        }
        parity, made = settings.pop("parity"), settings.pop("tables")
        write_swift(given, parity, made, tmp_path / "kit", **settings)  # type: ignore[arg-type]

    tables = build_tables(tiny_encoder, max_length=LIMIT, checked=5)
    with pytest.raises(ExportError, match="carries Core ML"):
        write(replace(artifact, target="onnx"))
    with pytest.raises(ExportError, match="no Swift package for masked-lm"):
        write(replace(artifact, signature=replace(artifact.signature, task="masked-lm")))
    for labels in (("é", "e\u0301"), ("same", "same")):
        with pytest.raises(ExportError, match="same text to Swift"):
            write(with_labels(artifact, labels))
    with pytest.raises(ExportError, match="cut texts at 8 tokens"):
        write(artifact, tables=build_tables(tiny_encoder, max_length=8, checked=5))
    with pytest.raises(ExportError, match="to be tested with"):
        write(artifact, answers=[])
    with pytest.raises(GateFailed, match="never run"):
        write(artifact, parity=replace(passed(artifact), executed=False))
    assert not (tmp_path / "kit").exists()
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "App.swift").write_text("// an app")
    with pytest.raises(ExportError, match="is no kit"):
        write(artifact)


def test_a_kit_replaces_an_older_one(artifact: Artifact, tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kit"
    swift_kit(artifact, tiny_encoder, folder, name="old", golden=5)
    swift_kit(artifact, tiny_encoder, folder, name="new", golden=5)
    assert sorted(p.name for p in (folder / "Sources").iterdir()) == ["New", "NewBench", "NewBenchmark"]
