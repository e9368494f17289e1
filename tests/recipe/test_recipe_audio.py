"""A recipe for sounds is refused where a setting means nothing; a class may have a source of its own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Asset, Recipe

DATA = {"source": {"path": "sounds"}, "format": "audio", "max_length": 16_000}


def recipe(**changes: Any) -> Recipe:
    plain: dict[str, Any] = {
        "name": "one",
        "task": "audio-classification",
        "data": DATA,
        "teacher": {"model": {"path": "teacher"}},
    }
    return Recipe.model_validate(plain | changes)


def test_the_shipped_recipe_has_a_source_for_each_class() -> None:
    data = load_recipe("spoken-languages").data
    assert list(data.source.classes) == ["english", "french", "italian", "russian", "spanish"]
    assert all(one.package and one.package.startswith("debian:") for one in data.source.classes.values())
    assert (data.sampling_rate, data.max_length) == (8_000, 12_000)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": {**DATA, "format": "images"}}, "reads audio, not images"),
        ({"data": {**DATA, "max_length": 128}}, "too short a sound; give at least 1600"),
        ({"data": {**DATA, "time_shift": 16_000}}, "fewer samples than data.max_length"),
        ({"student": {"vocabulary": {}}}, "student.vocabulary: not for task: audio-classification"),
        ({"distill": {"weights": {"attention_maps": 1}}}, "attention_maps looks inside a transformer"),
        ({"exports": [{"target": "onnx", "precisions": ["int8"]}]}, "no int8 for sounds; use fp32, fp16"),
        ({"task": "text-classification", "data": {**DATA, "max_length": 64}}, "audio is for task: audio-"),
        ({"task": "image-classification"}, "data.max_length: 16000 is above 8192"),
        (
            {"task": "text-classification", "data": {"source": {"path": "a"}, "sampling_rate": 8_000}},
            "data.sampling_rate: for task: audio-classification",
        ),
    ],
)
def test_what_means_nothing_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        recipe(**changes)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"classes": {"a": {"path": "x"}}, "path": "y"}, "exactly one of .* classes"),
        ({"classes": {"a": {"path": "x"}}, "member": "y"}, "a member of its own"),
        ({"classes": {"a": {"classes": {"b": {"path": "x"}}}}}, "without classes of its own"),
        ({"classes": {"../a": {"path": "x"}}}, "can't be a class"),
        ({"package": "debian:Name==1", "sha256": "0" * 64}, "debian:NAME==VERSION"),
        ({"package": "debian:name@1", "sha256": "0" * 64}, "debian:NAME==VERSION"),
        ({"package": "debian:name==1:2.3~rc1-4"}, "needs the sha256"),
    ],
)
def test_sources_that_make_no_sense_are_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Asset.model_validate(fields)
