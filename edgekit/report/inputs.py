"""What a task's inputs are called."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.tasks import get_task


@dataclass(frozen=True, slots=True)
class InputWords:
    """Words for one kind of input."""

    one: str
    many: str
    prepared: str  # what is done to an input before the model
    baseline: str  # the cheapest thing that could work, as in the middle of a sentence
    baseline_note: str
    example: str  # as a shell reads it
    length: str = ""  # what its length is counted in; "": it has none
    on_device: str = ""  # where the time of an app kit's answer begins, when that is later than here

    @property
    def a(self) -> str:
        """One of them, with its article."""
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"

    @property
    def baseline_title(self) -> str:
        """The baseline, as a title."""
        return self.baseline[0].upper() + self.baseline[1:]


WORDS = {  # what a task reads → its words
    "text": InputWords(
        "text",
        "texts",
        "Tokenization",
        "TF-IDF",
        "a linear model on words",
        '"A quiet triumph."',
        length="tokens",
    ),
    "image": InputWords(
        "image",
        "images",
        "Decoding and resizing",
        "pixels",
        "logistic regression on 28×28 grey values",
        "photo.png",
        on_device="from its decoded pixels on",
    ),
    "audio": InputWords(
        "sound",
        "sounds",
        "Decoding and resampling",
        "log-mel statistics",
        "logistic regression on mean and deviation of 64 bands",
        "clip.wav",
        on_device="from its decoded samples on",
    ),
}


def input_words(task: str) -> InputWords:
    """The words for a task's inputs."""
    return WORDS[get_task(task).reads]
