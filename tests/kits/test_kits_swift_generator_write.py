"""What the Swift package of a decoder is made of; without a compiler."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from generator_kits import passed
from swift_generators import CONTEXT, stateful_package, stateful_parts

from edgekit.errors import ExportError, GateFailed
from edgekit.files import sha256_path
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import Bundle
from edgekit.kits.swift import write_swift_generator
from edgekit.types import Gate

pytestmark = pytest.mark.slow  # a conversion, and two thousand texts to check its tokenizer on


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> GeneratorParts:
    return stateful_parts(stateful_package(tmp_path_factory.mktemp("decoder")), name='tiny "stories"')


@pytest.fixture(scope="module")
def kit(parts: GeneratorParts, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_swift_generator(parts, tmp_path_factory.mktemp("kits") / "swift")


def test_a_kit_carries_the_model_its_tables_and_its_vectors(kit: Bundle, parts: GeneratorParts) -> None:
    sources, package = kit.path / "Sources" / "TinyStories", (kit.path / "Package.swift").read_text()
    assert sha256_path(sources / "Model.mlpackage") == parts.artifact.sha256
    for name in ("tokenizer.txt", "vocab.txt", "merges.txt", "generation.txt", "pieces.txt"):
        assert (sources / name).read_text() == parts.files[name]
        assert f'.copy("{name}")' in package
    tests = kit.path / "Tests" / "TinyStoriesTests"
    words = [line.split()[0] for line in (tests / "generation-golden.txt").read_text().splitlines()]
    assert {"prompt", "chat", "stream", "choose"} == set(words)
    known = kit.path / "Sources" / "TinyStoriesBenchmark" / "continuations.txt"
    assert len(known.read_text().splitlines()) == len(parts.generation_golden.continued)
    assert '.copy("generation-golden.txt")' in package and '.copy("continuations.txt")' in package
    assert '.iOS("18.0"), .macOS("15.0")' in package


def test_nothing_of_other_tasks_and_of_the_template_is_left_over(kit: Bundle) -> None:
    names = {path.name for path in kit.path.rglob("*.swift")}
    assert {"Generator.swift", "DecoderEngine.swift", "GoldenTests.swift"} <= names
    assert (
        not {"Engine.swift", "TextModel.swift", "Classifier.swift", "Label.swift", "LabelTests.swift"} & names
    )
    for path in kit.path.rglob("*.swift"):
        text = path.read_text()
        assert "KitModule" not in str(path.relative_to(kit.path)) + text and "/*" not in text


def test_its_readme_and_manifest_say_how_it_is_called(kit: Bundle, parts: GeneratorParts) -> None:
    readme = (kit.path / "README.md").read_text()
    assert 'generator.chat([Message(.user, "…")])' in readme and 'tiny \\"stories\\"' in readme
    assert f"at most {CONTEXT} tokens together" in readme and "transformers" in readme
    manifest = json.loads((kit.path / "manifest.json").read_text())
    assert manifest["platform"] == "swift" and manifest["generation"]["context"] == CONTEXT
    assert manifest["generation"]["chat"] and manifest["licences"]["model"] == "MIT"
    assert kit.use[1] == "let generator = try await Generator.load()"


def test_a_model_without_conversations_is_called_with_a_prompt(parts: GeneratorParts, tmp_path: Path) -> None:
    plain = replace(parts.generation, chat=None, no_chat="The tokenizer has no chat template.")
    golden = replace(parts.generation_golden, prompted=parts.generation_golden.prompted[:1])
    made = write_swift_generator(replace(parts, generation=plain, generation_golden=golden), tmp_path / "kit")
    readme = (made.path / "README.md").read_text()
    assert 'generator.generate("…")' in readme and "generator.chat" not in readme
    assert "No conversations: The tokenizer has no chat template." in readme


def test_what_can_not_be_carried_is_refused(parts: GeneratorParts, tmp_path: Path) -> None:
    onnx = replace(parts, artifact=replace(parts.artifact, target="onnxruntime"))
    with pytest.raises(ExportError, match="carries a Core ML package with states"):
        write_swift_generator(onnx, tmp_path / "kit")
    gate = Gate("mean KL", limit=0.01, value=0.5, passed=False)
    failed = replace(parts, parity=replace(passed(parts.artifact), gates=(gate,)))
    with pytest.raises(GateFailed, match=r"mean KL: 0\.5, allowed 0\.01"):
        write_swift_generator(failed, tmp_path / "kit")
    assert not (tmp_path / "kit").exists()
