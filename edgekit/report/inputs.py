"""What a task's inputs are called."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.tasks import IMAGE_CLASSIFICATION


@dataclass(frozen=True, slots=True)
class InputWords:
    """Words for one kind of input."""

    one: str
    many: str
    prepared: str  # what is done to an input before the model
    baseline: str  # the cheapest thing that could work
    baseline_note: str
    length: str = ""  # what its length is counted in; "": it has none
    on_device: str = ""  # where the time of an app kit's answer begins, when that is later than here


TEXT = InputWords("text", "texts", "Tokenization", "TF-IDF", "a linear model on words", length="tokens")
IMAGE = InputWords(
    "image",
    "images",
    "Decoding and resizing",
    "Pixels",
    "logistic regression on 28×28 grey values",
    on_device="from its decoded pixels on",
)


def input_words(task: str) -> InputWords:
    """The words for a task's inputs."""
    return IMAGE if task == IMAGE_CLASSIFICATION.name else TEXT
