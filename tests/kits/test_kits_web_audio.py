"""Web kits for audio in Node: Python's samples and answers, from WAV files of every kind."""

from __future__ import annotations

import base64
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from audio_kits import GIVEN, LABELS, SOUNDS, audio_kit, audio_onnx, probabilities, sound_files, tones
from tiny_kits import passed
from web_kits import node, node_modules, tsc

from edgekit.errors import ExportError, GateFailed
from edgekit.kits.audio import AudioInput
from edgekit.kits.audio.golden import FRAMES, LONG_RATES, RATES
from edgekit.kits.onnx_model import require_classifier_onnx
from edgekit.stages.audio_bundling import BUDGET, _middle, audio_answers
from edgekit.stages.devices import read_result
from edgekit.types import Artifact
from tests.audio_examples import RATE, SAMPLES, write_wav

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
CONSUMER = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom")
GOLDEN = 2 * len(RATES) * len(FRAMES) + len(LONG_RATES)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return audio_onnx(tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return sound_files(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def kit(artifact: Artifact, sounds: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audio_kit(artifact, sounds, tmp_path_factory.mktemp("web") / "kit").path


@pytest.fixture(scope="module")
def installed(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    node_modules()
    copy = shutil.copytree(kit, tmp_path_factory.mktemp("installed") / "kit")
    (copy / "node_modules").symlink_to(node_modules())
    return copy


def wav_of_floats(pcm: np.ndarray, rate: int, *, extensible: bool) -> bytes:
    """A file of floats with a chunk of odd length before them, and more promised than there is."""
    channels, body = len(pcm), pcm.T.astype("<f4").tobytes()
    kind = 0xFFFE if extensible else 3
    told = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * 4, channels * 4, 32)
    if extensible:
        told += struct.pack("<HHI", 22, 32, 0) + struct.pack("<H", 3) + bytes(14)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(told)) + told
    chunks += b"data" + struct.pack("<I", len(body) + 1000) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_a_kit_passes_its_own_tests(installed: Path) -> None:
    code, printed = node(installed, "--test", "test/audio.test.mjs")
    assert code == 0 and "# pass 6" in printed, printed
    worst = [float(line.split(": ")[-1]) for line in printed.splitlines() if "largest difference" in line]
    assert len(worst) == 3 and worst[0] <= 1e-6 and max(worst) < 1e-4
    assert f"golden clips: {GOLDEN}," in printed


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("BETA = 5", "BETA = 6"), ("Math.trunc((length - samples) / 2)", "Math.floor((length - samples) / 2)"),
     ("Math.ceil((frames * up) / down)", "Math.floor((frames * up) / down)")],
)  # fmt: skip
def test_a_kit_that_resamples_otherwise_fails_its_tests(
    installed: Path, tmp_path: Path, right: str, wrong: str
) -> None:
    kit = shutil.copytree(installed, tmp_path / "kit", symlinks=True)
    prepare = kit / "js/audio/prepare.js"
    text = prepare.read_text()
    assert text.count(right) == 1
    prepare.write_text(text.replace(right, wrong))
    code, printed = node(kit, "--test", "--test-name-pattern=golden", "test/audio.test.mjs")
    assert code != 0 and "# fail 1" in printed, printed


def test_a_kit_that_answers_otherwise_fails_its_tests(installed: Path, tmp_path: Path) -> None:
    kit = shutil.copytree(installed, tmp_path / "kit", symlinks=True)
    samples = kit / "test/samples.json"
    told = json.loads(samples.read_text())
    told["samples"][-1]["output"][0] += 0.5
    samples.write_text(json.dumps(told))
    code, printed = node(kit, "--test", "test/audio.test.mjs")
    assert code != 0 and "# fail 2" in printed, printed  # outputs, answers


def test_the_benchmark_writes_a_result_that_can_be_imported(
    installed: Path, artifact: Artifact, tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    words = ("--threads", "1", "--seconds", "0.1", "--warmup", "2", "--out", str(out))
    code, printed = node(installed, "bench.mjs", *words)
    assert code == 0, printed
    jsonschema.validate(json.loads(out.read_text()), json.loads(SCHEMA.read_text()))
    result = read_result(out)
    assert (result.artifact.sha256, result.artifact.task) == (artifact.sha256, "audio-classification")
    [row] = result.rows
    assert row.texts == len(SOUNDS) and row.runs % row.texts == 0 and row.not_measured == ""
    assert row.p50_ms and row.end_to_end_p50_ms and row.answers
    assert row.answers.label_agreement == 1 and (row.answers.max_abs_error or 0) < 1e-4


def test_an_app_gets_what_python_gets_of_wav_files_of_any_kind(
    installed: Path, artifact: Artifact, tmp_path: Path
) -> None:
    def wav(pcm: np.ndarray, rate: int, *, bits: int) -> bytes:
        return write_wav(tmp_path / "sound.wav", pcm, rate=rate, width=bits // 8).read_bytes()

    (installed / "ask.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import { AudioClassifier, readWav } from "tiny";\n'
        "const classifier = await AudioClassifier.load({ threads: 1 });\n"
        "const made = [];\n"
        "for (const file of JSON.parse(readFileSync(0))) {\n"
        '  const sound = readWav(Buffer.from(file, "base64"));\n'
        "  const { sampleRate: rate, samples } = sound;\n"
        "  const first = samples.map((channel) => [...channel.subarray(0, 50)]);\n"
        "  made.push({ rate, first, answer: await classifier.classify(sound) });\n"
        "}\n"
        "console.log(JSON.stringify(made));\n"
    )
    loud = np.array([[-1, 1 - 2**-7, 0, -(2**-7), *[0.5] * 100]], np.float32)  # in any number of bits
    stereo = tones(44_100, 0.7, channels=2, seed=9)
    given: list[tuple[np.ndarray, int, bytes]] = [
        *((loud, 11_025, wav(loud, 11_025, bits=bits)) for bits in (8, 16, 24, 32)),
        (stereo, 44_100, wav(stereo, 44_100, bits=16)),
        *((stereo / 3, 96_000, wav_of_floats(stereo / 3, 96_000, extensible=one)) for one in (False, True)),
    ]
    files = [base64.b64encode(file).decode() for *_, file in given]
    code, printed = node(installed, "ask.mjs", given=json.dumps(files))
    assert code == 0, printed
    for found, (pcm, rate, _) in zip(json.loads(printed), given, strict=True):
        assert found["rate"] == rate and found["first"] == pcm[:, :50].tolist()
        assert found["answer"] == pytest.approx(probabilities(artifact, pcm, rate), abs=1e-4)


def test_the_types_tell_a_sound_from_a_text(installed: Path) -> None:
    (installed / "use.ts").write_text(
        'import { AudioClassifier, readWav, type Label } from "tiny";\n'
        "const classifier = await AudioClassifier.load();\n"
        "export const ask = (sound: AudioBuffer): Promise<Record<Label, number>> => "
        "classifier.classify(sound);\n"
        "await classifier.top({ samples: new Float32Array(12), sampleRate: 8000 }, 2);\n"
        "await classifier.classify({ samples: [new Float32Array(12)], sampleRate: 8000 });\n"
        "await classifier.classify(readWav(new ArrayBuffer(8)));\n"
        "// @ts-expect-error a sound has a rate\n"
        "await classifier.classify({ samples: new Float32Array(12) });\n"
        "// @ts-expect-error it is no label\n"
        'export const other: Label = "no such label";\n',
        encoding="utf-8",
    )
    code, printed = tsc(installed, *CONSUMER, "use.ts")
    assert code == 0, printed[:2000]


def test_the_kit_says_what_it_is_is_small_and_carries_nothing_for_others(
    kit: Path, artifact: Artifact
) -> None:
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["audio"] == {"sampling_rate": RATE, "samples": SAMPLES} and "image" not in manifest
    assert manifest["model"]["sha256"] == artifact.sha256 and manifest["model"]["labels"] == list(LABELS)
    files = {path.relative_to(kit).as_posix() for path in kit.rglob("*.*")}
    assert not {name for name in files if any(word in name for word in ("token", "generat", "image"))}
    assert sum((kit / "test" / name).stat().st_size for name in ("golden.txt", "samples.json")) < 500_000
    package = json.loads((kit / "package.json").read_text())
    assert set(package["exports"]) == {".", "./benchmark", "./model/*", "./package.json"}
    told = (kit / "README.md").read_text()
    assert "classifier.classify(sound)" in told and "clips by a runner" in told and "tokens" not in told
    assert 'import { readWav } from "tiny";' in told and "node bench.mjs" in told
    page = (kit / "index.html").read_text()
    assert "@" not in page and 'href="demo/audio.css"' in page and 'id="record"' in page


def test_samples_are_of_one_channel_and_answered_as_they_are(artifact: Artifact, sounds: list[str]) -> None:
    made = audio_answers(artifact, sounds)
    assert [one.rate for one in made] == [rate for rate, *_ in SOUNDS]
    heard = GIVEN.samples / GIVEN.sampling_rate
    for one, (rate, seconds, _) in zip(made, SOUNDS, strict=True):
        pcm = np.frombuffer(one.pcm, "<i2")
        assert len(pcm) == round(min(seconds, heard) * rate)
        right = probabilities(artifact, (pcm / np.float32(32_768)).astype(np.float32)[None], one.rate)
        powers = np.exp(np.array(one.output) - max(one.output))
        assert (powers / powers.sum()).tolist() == pytest.approx([*right.values()], abs=1e-5)


def test_as_many_samples_as_fit() -> None:
    """Of a model that hears a minute."""
    long = AudioInput(16_000, 960_000)
    kept = _middle(np.stack([np.full(96_000, 0.5), np.full(96_000, 0.25)]).astype(np.float32), 16_000, long)
    assert kept.nbytes == BUDGET // 2 and set(kept.tolist()) == {12_288}
    short = _middle(np.array([[-2.0, 0.0, 2.0]], np.float32), 8000, long)
    assert short.tolist() == [-32_768, 0, 32_767]


def test_without_sounds_rising_tones_are_answered(artifact: Artifact) -> None:
    made = audio_answers(artifact, [])
    assert len(made) == 4 and len({tuple(one.output) for one in made}) == 4


def test_what_has_no_kit_is_refused(artifact: Artifact, sounds: list[str], tmp_path: Path) -> None:
    def refused(expected: str, given: AudioInput = GIVEN, **changes: Any) -> None:
        with pytest.raises(ExportError, match=expected):
            require_classifier_onnx(replace(artifact, **changes), given, kit="a kit")

    refused("does not take one float32 clip of 8000 samples", AudioInput(16_000, 8000))
    image = replace(artifact.signature, task="image-classification")
    refused("carries an audio classifier as ONNX", signature=image)
    refused("carries an audio classifier as ONNX", target="coreml")
    with pytest.raises(ExportError, match="a kit for swift carries coreml"):
        audio_kit(artifact, sounds, tmp_path / "kit", platform="swift")
    failed = replace(passed(artifact), failures=("it was wrong",))
    with pytest.raises(GateFailed):
        audio_kit(artifact, sounds, tmp_path / "kit", parity=failed)
    assert not (tmp_path / "kit").exists()
