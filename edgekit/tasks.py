"""What edgekit can teach: one row per task, shared by every room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgekit.errors import RecipeError

Truth = Literal["class", "classes", "number", "tags", "nothing"]
Reads = Literal["text", "image", "audio"]


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of problem: what a label is, what comes out, and how it is judged."""

    name: str  # in recipes and signatures
    optimum: str  # optimum's name, for model classes and dummy inputs
    truth: Truth  # a label is an int, a tuple of ints, a float, one int per word, or there is none
    output: str  # name of the exported tensor
    per_token: bool  # the output has a row per token: `[B, L, C]` instead of `[B, C]`
    metric: str  # scored 0–1, higher is better; see `edgekit.scores`
    problem_type: str | None = None  # transformers' `config.problem_type`
    reads: Reads = "text"  # what an input is

    @property
    def named(self) -> bool:
        """Whether its labels have names: classes or tags."""
        return self.truth in ("class", "classes", "tags")


TASKS = {
    task.name: task
    for task in (
        Task(
            "text-classification", "text-classification", "class", "logits", False, "accuracy",
            "single_label_classification",
        ),
        Task(
            "multi-label-classification", "text-classification", "classes", "logits", False, "micro_f1",
            "multi_label_classification",
        ),
        Task("text-regression", "text-classification", "number", "logits", False, "spearman", "regression"),
        Task("token-classification", "token-classification", "tags", "logits", True, "entity_f1"),
        Task("sentence-embedding", "feature-extraction", "nothing", "sentence_embedding", False, "cosine"),
        Task("masked-lm", "fill-mask", "nothing", "logits", True, "masked_accuracy"),
    )
}  # fmt: skip

# A decoder is asked for the next token again and again: it has a recipe and a loop like the others, and
# exports, checks and figures of its own. Its score is 1 / perplexity: the geometric mean of probabilities.
TEXT_GENERATION = Task("text-generation", "text-generation", "nothing", "logits", True, "token_probability")

# The tasks above read texts. Here a row is arrays of settled shape instead of tokens; see `edgekit.batches`.
IMAGE_CLASSIFICATION = Task(
    "image-classification", "image-classification", "class", "logits", False, "accuracy",
    "single_label_classification", "image",
)  # fmt: skip
AUDIO_CLASSIFICATION = Task(
    "audio-classification", "audio-classification", "class", "logits", False, "accuracy",
    "single_label_classification", "audio",
)  # fmt: skip

METRIC_WORDS = {  # a metric inside a sentence
    "accuracy": "accuracy",
    "micro_f1": "micro F1",
    "spearman": "Spearman correlation",
    "entity_f1": "entity F1",
    "cosine": "cosine to the teacher",
    "masked_accuracy": "masked-token accuracy",
    "token_probability": "mean probability of a token",
}


def get_task(name: str) -> Task:
    """The task of this name.

    Raises:
        RecipeError: there is none.
    """
    others = (TEXT_GENERATION, IMAGE_CLASSIFICATION, AUDIO_CLASSIFICATION)
    known = {**TASKS, **{task.name: task for task in others}}
    if name not in known:
        raise RecipeError(
            f"{name!r} is not a task that edgekit knows.", remedy=f"Use one of {', '.join(known)}."
        )
    return known[name]
