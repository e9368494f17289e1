"""The page of a web kit for audio in headless Chromium: keyboard, files, microphone, offline."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from audio_kits import LABELS, SOUNDS, audio_kit, audio_onnx, probabilities, sound_files, tones
from web_kits import node_modules, ready, served, visit

from tests.audio_examples import write_wav

pytestmark = pytest.mark.kits
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
DRIVER = Path(__file__).parent / "audio_page_driver.mjs"
NAME = "tones <img src=x onerror=alert(1)>"
TONE = 1234  # Hz, that the microphone hears


def test_the_page_answers_files_and_the_microphone_and_outlives_its_server(tmp_path: Path) -> None:
    node_modules()
    artifact = audio_onnx(tmp_path / "onnx")
    kit = ready(audio_kit(artifact, sound_files(tmp_path / "files"), tmp_path / "kit", name=NAME))
    chosen, microphone, none = (tmp_path / f"{name}.wav" for name in ("chosen", "microphone", "none"))
    pcm = tones(22_050, 0.4, channels=2, seed=5)
    write_wav(chosen, pcm, rate=22_050)
    tone = 0.5 * np.sin(2 * np.pi * TONE * np.arange(96_000) / 48_000)
    write_wav(microphone, tone, rate=48_000)
    none.write_text("no sound")
    with served(kit) as (url, process):
        seen = visit(
            url,
            driver=DRIVER,
            file=str(chosen),
            microphone=str(microphone),
            notSound=str(none),
            seconds=0.5,
            stopServer=process,
        )
    assert seen["heading"] == NAME and seen["foreign"] == [] and seen["errors"] == []
    assert seen["tabOrder"] == ["file", "record", "example", "seconds", "measure"]
    jsonschema.validate(seen["result"], json.loads(SCHEMA.read_text()))
    for row in seen["result"]["rows"]:
        assert row["runtime"].startswith("onnxruntime-web") and row["answers"]["label_agreement"] == 1
        assert row["answers"]["max_abs_error"] < 1e-4 and row["end_to_end_p50_ms"] > 0
    assert f"Milliseconds for each clip, {len(SOUNDS)} clips in turn" in seen["rows"]
    assert any(label in seen["example"] for label in LABELS) and "milliseconds" in seen["example"]
    assert set(LABELS) <= set(seen["shown"].split("\n"))
    assert seen["player"] == [False, True, "Example 1"] and seen["played"] == pytest.approx(0.4, abs=1e-3)
    assert seen["dropped"].split(":")[1].split(".")[0] == seen["chosen"].split(":")[1].split(".")[0]

    right = probabilities(artifact, pcm, 22_050)
    for answer in seen["sources"].values():
        assert answer == pytest.approx(right, abs=1e-4)

    assert seen["button"] == seen["buttonAgain"] == "Record 0.4 seconds"
    assert {"Stop", "Recording."} <= set(seen["told"]) and "milliseconds" in seen["recorded"]
    rate, heard = seen["heard"]["rate"], np.array(seen["heard"]["samples"])
    assert len(heard) == np.ceil(0.5 * rate)
    spectrum = np.abs(np.fft.rfft(heard[len(heard) // 4 :] * np.hanning(len(heard) - len(heard) // 4)))
    assert spectrum.argmax() * rate / (len(heard) - len(heard) // 4) == pytest.approx(TONE, abs=5)
    assert 0 < seen["stopped"] < 5
    assert "not allowed" in seen["refused"] and "Allow it for this page" in seen["refused"]
    assert "can't be read as a sound" in seen["problem"] and "Choose a WAV file" in seen["problem"]
    assert seen["offline"].startswith("Example 1: ") and seen["recordedOffline"].startswith("Recording: ")
