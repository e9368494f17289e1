"""Folders of images and files of grey values become rows like any others."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from edgekit.data.class_folders import MEDIA, read_class_folders
from edgekit.data.pixel_files import read_pixel_files
from edgekit.data.splits import load_splits
from edgekit.data.table import Table
from edgekit.errors import DataError
from edgekit.recipe.schema import Asset, Data
from tests.image_examples import CLASSES, save_images

TASK = "image-classification"


def data(path: Path, **settings) -> Data:
    return Data(source=Asset(path=path), **{"format": "images", **settings})


def images(path: Path, split: str) -> Table:
    return read_class_folders(path, MEDIA["images"], split=split, column="x", label="y")


def test_a_folder_of_images_becomes_stratified_splits(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "stripes", 20)
    splits = load_splits(folder, data(folder), seed=0, task=TASK)
    assert splits.label_names == CLASSES
    assert [len(s) for s in (splits.train, splits.validation, splits.test)] == [32, 4, 4]
    assert sorted(splits.test.labels) == [0, 0, 1, 1]
    kind, _, body = splits.test.inputs[0].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(body).startswith(b"\x89PNG")


def test_the_same_image_under_another_name_comes_once(tmp_path: Path) -> None:
    folder = save_images(tmp_path / "stripes", 10)
    (folder / "down" / "copy.png").write_bytes((folder / "down" / "003.png").read_bytes())
    splits = load_splits(folder, data(folder), seed=0, task=TASK)
    assert splits.dropped == {"duplicate_text": 1}


def test_names_of_files_change_nothing_but_bytes_do(tmp_path: Path) -> None:
    one, other = save_images(tmp_path / "one", 10), save_images(tmp_path / "other", 10)
    (other / "down" / "003.png").rename(other / "down" / "renamed.png")
    prints = [load_splits(f, data(f), seed=0, task=TASK).fingerprint for f in (one, other)]
    assert prints[0] == prints[1]
    (other / "down" / "renamed.png").write_bytes((one / "down" / "003.png").read_bytes() + b" ")
    assert load_splits(other, data(other), seed=0, task=TASK).fingerprint != prints[0]


def test_folders_named_after_splits_are_told_apart(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2)):
        save_images(tmp_path / part, count)
    assert len(images(tmp_path, "train")) == 6
    assert len(images(tmp_path, "validation")) == 4


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    save_images(tmp_path, 2)
    (tmp_path / "down").rename(tmp_path / "test")
    found = images(tmp_path, "train")
    assert found.columns["y"] == ["across", "across", "test", "test"]


def test_images_without_a_class_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        images(tmp_path, "train")
    save_images(tmp_path, 1)
    (tmp_path / "down" / "000.png").rename(tmp_path / "stray.png")
    with pytest.raises(DataError, match=r"1 images .* lie in no class folder, stray.png"):
        images(tmp_path, "train")


def write(path: Path, values: object) -> None:
    path.write_text(json.dumps({"data": values}), encoding="utf-8")


def test_grey_values_become_graymaps(tmp_path: Path) -> None:
    write(tmp_path / "3.json", [0, 0.5, 1, 0.2, 0, 1, 0.004, 0.002])
    write(tmp_path / "10.json", [1, 1, 1, 1])
    found = read_pixel_files(tmp_path, shape=(2, 2), image="image", label="digit")
    assert found.columns["digit"] == ["10", "3", "3"]
    first = base64.b64decode(found.columns["image"][1].partition(",")[2])
    assert first == b"P5 2 2 255\n" + bytes([0, 128, 255, 51])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.0] * 5, "not images of 4 grey values"),
        ([0, 1, 2, 3], "grey values of 0–1"),
        ([], "0 values"),
        (None, "no `data` list"),
    ],
)
def test_values_that_make_no_images_are_refused(tmp_path: Path, values: object, told: str) -> None:
    write(tmp_path / "3.json", values)
    with pytest.raises(DataError, match=told):
        read_pixel_files(tmp_path, shape=(2, 2), image="x", label="y")


def test_a_shape_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="how large an image is"):
        load_splits(tmp_path, data(tmp_path, format="pixels"), seed=0, task=TASK)
