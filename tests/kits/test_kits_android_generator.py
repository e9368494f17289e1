"""An Android kit that writes text: what it is made of; on the JVM it writes what Python's runner writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import onnx
import pytest
from generator_kits import tiny_parts
from kotlin_kits import Jvm, make_jvm

from edgekit.device_result import LLM_PROTOCOL
from edgekit.files import sha256_file
from edgekit.kits.android import write_android_generator
from edgekit.kits.generation.parts import GeneratorParts

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
MEASURE = Path(__file__).parent / "kotlin_checks" / "MeasureGenerator.kt"
CLASS = "edgekit.tinytalk.GeneratorTest"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> GeneratorParts:
    return tiny_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def module(parts: GeneratorParts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_android_generator(parts, tmp_path_factory.mktemp("kits") / "kit").path / "tiny-talk"


@pytest.fixture(scope="module")
def built(module: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Jvm, Path]:
    folder = tmp_path_factory.mktemp("kotlin")
    jvm = make_jvm(folder)
    jvm.compile([*sorted(module.glob("src/*/kotlin")), MEASURE], folder / "kit.jar")
    return jvm, folder / "kit.jar"


def test_a_kit_carries_one_file_with_graph_and_weights(module: Path, parts: GeneratorParts) -> None:
    assets = module / "src/main/assets/edgekit/tiny-talk"
    names = {path.name for path in assets.iterdir()}
    assert names == {"model.onnx", "tokenizer.txt", "vocab.txt", "merges.txt", "generation.txt", "pieces.txt"}
    inside = onnx.load(assets / "model.onnx", load_external_data=False)
    assert not any(tensor.external_data for tensor in inside.graph.initializer)
    manifest = json.loads((module.parent / "manifest.json").read_text())
    assert manifest["file"]["sha256"] == sha256_file(assets / "model.onnx")
    assert manifest["model"]["sha256"] == parts.artifact.sha256 and manifest["generation"]["chat"]


def test_a_kit_has_nothing_of_other_tasks(module: Path) -> None:
    names = {path.name for path in module.rglob("*.kt")}
    assert {"Generator.kt", "Decoder.kt", "Sampling.kt", "Load.kt", "GeneratorTest.kt"} <= names
    assert not {"Engine.kt", "Model.kt", "Label.kt", "Samples.kt", "GoldenTest.kt", "Measured.kt"} & names
    [benchmark] = module.rglob("DeviceBenchmark.kt")
    assert benchmark.parent.name == "generation" and LLM_PROTOCOL in benchmark.read_text()
    assert "Generator.Companion.load" in (module / "src/main/kotlin/Load.kt").read_text()
    readme = (module.parent / "README.md").read_text()
    assert "model.chat(" in readme and "import edgekit.tinytalk.*" in readme
    assert ":tiny-talk:connectedDebugAndroidTest" in readme


@pytest.mark.kits
def test_a_kit_passes_its_own_tests(built: tuple[Jvm, Path], module: Path) -> None:
    jvm, jar = built
    code, printed = jvm.junit(jar, module, CLASS)
    assert code == 0 and "OK (8 tests)" in printed, printed
    assert "continuations as in Python: 6 of 6" in printed


@pytest.mark.kits
def test_a_kit_measures(built: tuple[Jvm, Path], module: Path) -> None:
    jvm, jar = built
    code, printed = jvm.run(jar, module, "edgekit.checks.measure.MeasureGeneratorKt")
    assert code == 0, printed
    result = json.loads(printed)
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    measured, missing = result["rows"]
    assert measured["protocol"] == LLM_PROTOCOL and measured["load_ms"] > 0 < measured["peak_bytes"]
    assert measured["answers"] == {"samples": 6, "token_agreement": 1.0}
    assert measured["thermal_before"] == measured["thermal_after"] == "none"
    [figures] = measured["generation"]  # half of the context: it has no room for 128 and 64
    assert (figures["prompt_tokens"], figures["new_tokens"], figures["runs"]) == (64, 63, 5)
    assert figures["tokens_per_second"] > 0 <= figures["tokens_per_second_sd"]
    assert figures["next_token_p50_ms"] <= figures["next_token_p99_ms"] and measured["runs"] == 5
    assert missing["not_measured"] == "This build does not contain NNAPI." and "generation" not in missing


@pytest.mark.kits
def test_a_kit_that_differs_fails_its_tests(built: tuple[Jvm, Path], module: Path, tmp_path: Path) -> None:
    jvm, jar = built
    resources = shutil.copytree(module / "src/shared/resources", tmp_path / "resources")
    golden = resources / "generation-golden.txt"
    lines = [line.split(" ") for line in golden.read_text().splitlines()]
    for words in lines:
        if words[0] in ("prompt", "chat"):
            words[2] += ",1"
        elif words[0] == "stream":
            words[3] = words[3].removesuffix(",-") + ",61"
        elif words[0] == "choose":
            words[9] = "0," + words[9]
        else:
            words[1], words[2] = "1," + words[1], "9.0," + words[2]
    golden.write_text("".join(" ".join(words) + "\n" for words in lines))
    code, printed = jvm.junit(jar, module, CLASS, resources=resources)
    assert code != 0 and "Tests run: 8,  Failures: 4" in printed, printed
