"""Folders of sounds become rows like any others."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from edgekit.data.class_folders import MEDIA, read_class_folders
from edgekit.data.read import read_rows
from edgekit.data.shifting import shift_rows
from edgekit.data.splits import load_splits
from edgekit.errors import DataError
from edgekit.recipe.schema import Asset, Data
from tests.audio_examples import CLASSES, TASK, save_sounds, sweep, write_wav


def data(path: Path, **settings) -> Data:
    return Data(source=Asset(path=path), **{"format": "audio", **settings})


def test_a_folder_of_sounds_becomes_stratified_splits(tmp_path: Path) -> None:
    folder = save_sounds(tmp_path / "sweeps", 20)
    splits = load_splits(folder, data(folder), seed=0, task=TASK)
    assert splits.label_names == CLASSES
    assert [len(s) for s in (splits.train, splits.validation, splits.test)] == [32, 4, 4]
    kind, _, body = splits.test.inputs[0].partition(",")
    assert kind.startswith("data:audio/")
    assert base64.b64decode(body).startswith(b"RIFF")


def test_the_outermost_folder_is_the_class(tmp_path: Path) -> None:
    train = ("rising/anna/1.wav", "rising/2.wav", "falling/ben/3.wav")
    for place in (*(f"train/{inside}" for inside in train), "test/rising/4.wav"):
        write_wav(tmp_path / place, sweep("rising", len(place)))
    found = read_class_folders(tmp_path, MEDIA["audio"], split="train", column="x", label="y")
    assert found.columns["y"] == ["falling", "rising", "rising"]


def test_sounds_are_known_by_their_endings(tmp_path: Path) -> None:
    folder = save_sounds(tmp_path / "sweeps", 2)
    assert len(read_rows(folder, data(folder, format="auto"))) == 4


def test_a_recording_without_samples_is_an_empty_row(tmp_path: Path) -> None:
    folder = save_sounds(tmp_path / "sweeps", 10)
    write_wav(folder / "rising" / "empty.wav", np.zeros(0))
    (folder / "rising" / "torn.wav").write_bytes(b"RIFF")  # for the decoder to say
    with pytest.raises(DataError, match="empty"):
        load_splits(folder, data(folder), seed=0, task=TASK)
    splits = load_splits(folder, data(folder, drop_empty=True), seed=0, task=TASK)
    assert splits.dropped == {"empty_text": 1}


def test_rows_are_moved_anew_in_every_epoch_and_zeros_follow() -> None:
    rows = [{"input_values": np.arange(1, 9, dtype=np.float32)} for _ in range(40)]
    made = [shift_rows(rows, range(40), most=3, seed=0, epoch=epoch) for epoch in (0, 0, 1)]
    values = np.stack([row["input_values"] for row in made[0]])
    assert (values == np.stack([row["input_values"] for row in made[1]])).all()
    assert (values != np.stack([row["input_values"] for row in made[2]])).any()
    padded = np.pad(np.arange(1, 9), 3)
    expected = {by: padded[3 - by : 11 - by] for by in range(-3, 4)}
    found = {by for row in values for by, moved in expected.items() if (row == moved).all()}
    assert found == set(range(-3, 4))
    assert all(any((row == moved).all() for moved in expected.values()) for row in values)
