"""Android kits for audio: Kotlin compiles them, and their tests pass on the JVM with the real ONNX Runtime.

Needs `make kotlin-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from audio_kits import LABELS, SOUNDS, audio_kit, audio_onnx, sound_files
from kotlin_kits import make_jvm

from edgekit.kits.audio.golden import FRAMES, LONG_RATES, RATES
from tests.audio_examples import RATE, SAMPLES

MEASURE = Path(__file__).parent / "kotlin_checks" / "Measure.kt"
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("android")
    artifact, sounds = audio_onnx(folder / "onnx"), sound_files(folder / "files")
    return audio_kit(artifact, sounds, folder / "kit", name="Tones 2", platform="android").path


def test_the_module_holds_what_audio_needs_and_nothing_for_others(kit: Path) -> None:
    module = kit / "tones-2"
    names = {path.stem for path in module.rglob("*.kt")}
    assert {
        "AudioClassifier",
        "PrepareClip",
        "ArrayModel",
        "AudioGoldenTest",
        "Kit",
        "Label",
        "Load",
    } <= names
    others = {"Tokenizer", "Classifier", "Engine", "Generator", "GoldenTest", "ImageEngine", "Bitmaps"}
    assert not names & others
    code = (module / "src/main/kotlin/Kit.kt").read_text()
    assert f"const val SAMPLING_RATE = {RATE}\n" in code and f"const val SAMPLES = {SAMPLES}\n" in code
    assert "AudioClassifier.Companion.load(" in (module / "src/main/kotlin/Load.kt").read_text()
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["audio"] == {"sampling_rate": RATE, "samples": SAMPLES}
    assert manifest["model"]["labels"] == list(LABELS)
    told = (kit / "README.md").read_text()
    assert (
        "classify(pcm, sampleRate)" in told
        and "AudioRecord" in told
        and "RECORD_AUDIO" in told
        and ":tones-2:connectedDebug" in told
    )
    resources = (module / "src/shared/resources").glob("*.txt")
    assert sum(path.stat().st_size for path in resources) < 500_000


@pytest.mark.kits
def test_kotlin_gives_pythons_samples_and_answers_and_measures(kit: Path, tmp_path: Path) -> None:
    jvm, jar, module = make_jvm(tmp_path), tmp_path / "kit.jar", kit / "tones-2"
    measure = tmp_path / "Measure.kt"
    measure.write_text(MEASURE.read_text().replace("textclassification", "tones2"))
    jvm.compile([*sorted(module.glob("src/*/kotlin")), measure], jar)
    tests = ("edgekit.tones2.AudioGoldenTest", "edgekit.tones2.AudioClassifierTest")
    code, printed = jvm.junit(jar, module, *tests)
    assert code == 0 and "OK (7 tests)" in printed, printed
    worst = dict(re.findall(r"largest difference of an? (sample|output): (.*)", printed))
    assert float(worst["sample"]) <= 1e-6 and float(worst["output"]) < 1e-4
    assert f"golden clips: {2 * len(RATES) * len(FRAMES) + len(LONG_RATES)}," in printed

    code, printed = jvm.run(jar, module, "edgekit.checks.measure.MeasureKt")
    assert code == 0, printed
    result = json.loads(printed)
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    measured = result["rows"][0]
    assert result["artifact"]["task"] == "audio-classification" and measured["texts"] == len(SOUNDS)
    assert 0 < measured["p50_ms"] <= measured["p90_ms"] <= measured["end_to_end_p99_ms"]
    assert measured["answers"]["label_agreement"] == 1.0 and measured["answers"]["max_abs_error"] < 1e-4
