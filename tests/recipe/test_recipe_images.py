"""A recipe for images is refused where a setting means nothing for them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgekit.recipe.schema import Recipe


def recipe(**changes: Any) -> Recipe:
    plain: dict[str, Any] = {
        "name": "one",
        "task": "image-classification",
        "data": {"source": {"path": "images"}, "format": "images"},
        "teacher": {"model": {"path": "teacher"}},
    }
    return Recipe.model_validate(plain | changes)


def test_the_defaults_suit_images() -> None:
    assert recipe().distill.weights.hidden_cosine > 0  # of the features


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": {"source": {"path": "a"}, "format": "csv"}}, "reads images or pixels, not csv"),
        ({"student": {"vocabulary": {}}}, "student.vocabulary: not for task: image-classification"),
        ({"student": {"architecture": "bilstm"}}, "student.architecture"),
        ({"student": {"quantization_aware": True}}, "student.quantization_aware"),
        ({"distill": {"weights": {"attention_maps": 1}}}, "attention_maps looks inside a transformer"),
        ({"distill": {"packing": True}}, "distill.packing"),
        ({"distill": {"mode": "early_exits"}}, "distill.mode"),
        ({"exports": [{"target": "onnx", "precisions": ["int8"]}]}, "use fp32, fp16, int8-static"),
        ({"exports": [{"target": "onnxruntime", "precisions": ["fp32"]}]}, "use target onnx"),
        ({"exports": [{"target": "coreml", "precisions": ["palette6"]}]}, "use fp16, fp32, int8"),
        ({"task": "text-classification"}, "images is for task: image-classification"),
    ],
)
def test_what_means_nothing_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        recipe(**changes)
