"""Swift packages for audio: what they are made of; with a compiler, Python's samples and recorded answers.

Building needs Swift on PATH or `make swift-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from audio_kits import GIVEN, LABELS, SOUNDS, audio_coreml, audio_kit, sound_files
from swift_kits import FLAGS, require_swift, swift, with_labels
from tiny_kits import passed

from edgekit.errors import ExportError
from edgekit.kits.audio import AudioAnswer, AudioInput
from edgekit.kits.audio.golden import FRAMES, LONG_RATES, RATES
from edgekit.kits.audio.reference import prepare
from edgekit.kits.swift import write_swift_audio
from edgekit.types import Artifact
from tests.audio_examples import RATE, SAMPLES

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return audio_coreml(tmp_path_factory.mktemp("coreml"))


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swift")
    sounds = sound_files(folder / "files")
    return audio_kit(artifact, sounds, folder / "kit", name="Tones 2", platform="swift").path


def test_the_package_holds_what_audio_needs_and_nothing_for_others(kit: Path, artifact: Artifact) -> None:
    names = {path.stem for path in kit.rglob("*.swift")}
    assert {"AudioClassifier", "Resampling", "AudioBuffer", "AudioGoldenTests", "TensorModelTests"} <= names
    assert not {n for n in names if "Token" in n or "Text" in n or "Generat" in n or "Image" in n}
    info = (kit / "Sources/Tones2/KitInfo.swift").read_text()
    assert f"static let samplingRate: Int = {RATE}\n" in info
    assert f"static let samples: Int = {SAMPLES}\n" in info
    assert "extension AudioClassifier {" in (kit / "Sources/Tones2/Label.swift").read_text()
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["audio"] == {"sampling_rate": RATE, "samples": SAMPLES} and "image" not in manifest
    assert manifest["model"]["sha256"] == artifact.sha256 and manifest["model"]["labels"] == list(LABELS)
    told = (kit / "README.md").read_text()
    assert "classifier.classify(buffer)" in told and "clips by a runner" in told and "tokens" not in told


def test_an_answer_is_found_by_the_numbers_that_the_model_reads(kit: Path) -> None:
    told = json.loads((kit / "Sources/Tones2Benchmark/samples.json").read_text())
    assert told["model"]["inputs"] == ["input_values"] and len(told["samples"]) == len(SOUNDS)
    keys = set()
    for sample in told["samples"]:
        values = [value / 32_768 for value in np.frombuffer(base64.b64decode(sample["pcm"]), "<i2").tolist()]
        heard = np.array(prepare([values], sample["rate"], GIVEN), "<f4")
        key = {"shape": [1, SAMPLES], "adler32": zlib.adler32(heard.tobytes())}
        assert sample["tensors"] == {"input_values": key}
        assert sum(sample["output"]) == pytest.approx(1, abs=1e-3)
        keys.add(key["adler32"])
    assert len(keys) == len(SOUNDS)


def test_what_swift_can_not_serve_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    answers = [AudioAnswer(RATE, b"\0\0", (0.5, 0.5))]

    def write(one: Artifact, given: AudioInput = GIVEN) -> None:
        write_swift_audio(
            one, passed(one), given, tmp_path / "kit", name="n", golden=[], answers=answers, licences={}
        )

    with pytest.raises(ExportError, match="carries Core ML"):
        write(replace(artifact, target="onnx"))
    with pytest.raises(ExportError, match="no Swift package for image-classification"):
        write(replace(artifact, signature=replace(artifact.signature, task="image-classification")))
    with pytest.raises(ExportError, match="same text to Swift"):
        write(with_labels(artifact, ("é", "e\u0301")))
    with pytest.raises(ExportError, match="does not take one float32 clip of 9 samples"):
        write(artifact, AudioInput(RATE, 9))
    with pytest.raises(ExportError, match="needs clips to be tested with"):
        write(artifact)
    assert not (tmp_path / "kit").exists()


@pytest.mark.kits
@pytest.mark.slow
def test_a_package_builds_gives_pythons_samples_and_measures(
    kit: Path, artifact: Artifact, tmp_path: Path
) -> None:
    require_swift()
    # Without the tests: what SwiftPM itself generates for them off a Mac is no Swift 6.
    swift(kit, f"swift build {FLAGS} -Xswiftc -swift-version -Xswiftc 6")
    printed = swift(kit, f"swift test {FLAGS}")
    count = 2 * len(RATES) * len(FRAMES) + len(LONG_RATES)
    [(compared, worst)] = re.findall(r"samples: (\d+) golden clips compared, .* (\S+)\n", printed)
    assert "with 0 failures" in printed and int(compared) == count and float(worst) <= 1e-6

    swift(
        kit,
        "export EDGEKIT_RECORDED_ANSWERS=$PWD/Sources/Tones2Benchmark/samples.json && "
        "swift run --skip-build edgekit-bench --seconds 0.05 --warmup 1 --units all,cpuOnly",
    )
    result = json.loads((kit / "result.json").read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["artifact"]["task"] == "audio-classification"
    for row in result["rows"]:
        assert row["texts"] == len(SOUNDS) and row["runs"] >= row["texts"] and row["not_measured"] == ""
        assert row["answers"] == {"samples": len(SOUNDS), "max_abs_error": 0, "label_agreement": 1}

    # Another window: the golden samples differ, and no answer is known to what the model is given.
    source = kit / "Sources/Tones2/Audio/Resampling.swift"
    text = source.read_text()
    assert text.count("beta = 5.0") == 1
    source.write_text(text.replace("beta = 5.0", "beta = 6.0"))
    printed = swift(kit, f"swift test {FLAGS} || true")
    assert "testEveryGoldenClipGetsTheOriginalsSamples' failed" in printed
    assert "no answer was recorded" in printed and "testProbabilitiesBelongToTheirLabels' failed" in printed
