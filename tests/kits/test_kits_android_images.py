"""Android kits for images: Kotlin compiles them, and their tests pass on the JVM with the real ONNX Runtime.

Needs `make kotlin-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from image_kits import EDGE, LABELS, image_files, image_kit, image_onnx
from kotlin_kits import make_jvm

from edgekit.kits.images.golden import SIZES
from tests.image_examples import CLASSES, SIDE

MEASURE = Path(__file__).parent / "kotlin_checks" / "Measure.kt"
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("android")
    artifact, images = image_onnx(folder / "onnx"), image_files(folder / "files", 2)
    return image_kit(artifact, images, folder / "kit", name="Stripes 2", platform="android").path


def test_the_module_holds_what_images_need_and_nothing_for_texts(kit: Path) -> None:
    module = kit / "stripes-2"
    names = {path.stem for path in module.rglob("*.kt")}
    assert {"ImageClassifier", "Prepare", "Bitmaps", "ImageGoldenTest", "DeviceBenchmark", "Kit"} <= names
    assert not names & {"Tokenizer", "Classifier", "Engine", "Generator", "GoldenTest"}
    code = (module / "src/main/kotlin/Kit.kt").read_text()
    assert f"const val IMAGE_SIZE = {SIDE}\n" in code and f"const val SHORTEST_EDGE = {EDGE}\n" in code
    assert "ImageClassifier.Companion.load(" in (module / "src/main/kotlin/Load.kt").read_text()
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["image"] == {"size": SIDE, "shortest_edge": EDGE}
    assert manifest["model"]["labels"] == list(LABELS)
    told = (kit / "README.md").read_text()
    assert "classify(bitmap)" in told and ":stripes-2:connectedDebugAndroidTest" in told


@pytest.mark.kits
def test_kotlin_gives_pythons_pixels_and_answers_and_measures(kit: Path, tmp_path: Path) -> None:
    jvm, jar, module = make_jvm(tmp_path), tmp_path / "kit.jar", kit / "stripes-2"
    measure = tmp_path / "Measure.kt"
    measure.write_text(MEASURE.read_text().replace("textclassification", "stripes2"))
    jvm.compile([*sorted(module.glob("src/*/kotlin")), measure], jar)
    tests = ("edgekit.stripes2.ImageGoldenTest", "edgekit.stripes2.ImageClassifierTest")
    code, printed = jvm.junit(jar, module, *tests)
    assert code == 0 and "OK (6 tests)" in printed, printed
    assert f"golden images with equal pixels: {3 * len(SIZES)}" in printed
    [worst] = [line.split(": ")[1] for line in printed.splitlines() if "largest difference" in line]
    assert float(worst) < 1e-4

    code, printed = jvm.run(jar, module, "edgekit.checks.measure.MeasureKt")
    assert code == 0, printed
    result = json.loads(printed)
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["artifact"]["task"] == "image-classification"
    measured, missing = result["rows"]
    assert 0 < measured["p50_ms"] <= measured["p90_ms"] <= measured["p99_ms"]
    assert measured["texts"] == 2 * len(CLASSES) and measured["runs"] % measured["texts"] == 0
    assert measured["answers"]["label_agreement"] == 1.0 and measured["answers"]["max_abs_error"] < 1e-4
    assert missing["not_measured"] == "This build does not contain NNAPI." and "p50_ms" not in missing
