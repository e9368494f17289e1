"""The recipe itself: every section in the order of the journey."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from edgekit.recipe.schema.base import Config
from edgekit.recipe.schema.data import MOST_TOKENS, Data
from edgekit.recipe.schema.decoding import DecoderExport, refuse_for_decoders
from edgekit.recipe.schema.distill import Baselines, Distill, LossWeights, Pretrain
from edgekit.recipe.schema.fit import Fit
from edgekit.recipe.schema.networks import refuse_for_arrays, task_reading
from edgekit.recipe.schema.outputs import Benchmark, Export, Gates, Platform
from edgekit.recipe.schema.student import Student
from edgekit.recipe.schema.training import Teacher
from edgekit.tasks import get_task

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")

TaskName = Literal[
    "text-classification",
    "multi-label-classification",
    "text-regression",
    "token-classification",
    "sentence-embedding",
    "masked-lm",
    "image-classification",
    "audio-classification",
]
AnyTask = Literal[TaskName, "text-generation"]  # a decoder has a report of its own

# What a recipe without `distill.weights` gets where the DistilBERT triple makes no sense.
TASK_WEIGHTS = {
    "text-regression": LossWeights(labels=0.5, soft_targets=0.0, logit_mse=1.0, hidden_cosine=0.5),
    "sentence-embedding": LossWeights(labels=0.0, soft_targets=0.0, embedding_cosine=1.0, hidden_cosine=0.5),
    "text-generation": LossWeights(labels=0.5, soft_targets=1.0, hidden_cosine=0.0),
}


class Recipe(Config):
    """A whole journey: from a teacher and a data set to verified, benchmarked artifacts."""

    name: str = Field(description="Name of the results folder, `exported/<name>`.")
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    task: AnyTask = "text-classification"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="Arithmetic of training.")
    data: Data
    teacher: Teacher
    more_teachers: tuple[Teacher, ...] = Field(
        (), description="Further teachers, averaged with the first; the student is cut from the first."
    )
    student: Student = Student()
    pretrain: Pretrain | None = Field(None, description="null: no task-agnostic stage.")
    distill: Distill = Distill()
    baselines: Baselines = Baselines()
    exports: tuple[Export, ...] = ()
    gates: Gates = Gates()
    benchmark: Benchmark = Benchmark()
    kits: tuple[Platform, ...] = Field(
        (), description="App kits to write, each around the smallest artifact that passed for its platform."
    )
    fit: Fit = Field(Fit(), description="What `edgekit fit` may choose.")

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError(
                "use letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit"
            )
        return value

    @model_validator(mode="after")
    def _targets_once(self) -> Recipe:
        targets = [e.target for e in self.exports]
        if len(set(targets)) != len(targets):
            raise ValueError("exports: list each target once, with all its precisions")
        return self

    @model_validator(mode="after")
    def _kits_of_the_task(self) -> Recipe:
        if self.kits and self.task == "masked-lm":
            raise ValueError("kits: there is no app kit for masked-lm")
        return self

    @model_validator(mode="after")
    def _static_core_ml_needs_ranges(self) -> Recipe:
        static = any(e.target == "coreml" and "int8-static" in e.precisions for e in self.exports)
        if static and not self.student.quantization_aware:
            raise ValueError(
                "exports: int8-static for coreml takes the ranges that training learned; "
                "set student.quantization_aware, or use int8"
            )
        return self

    @model_validator(mode="after")
    def _lazy_needs_stored_rows(self) -> Recipe:
        if self.student.quantization_aware and self.distill.embedding_updates == "lazy":
            raise ValueError(
                "distill.embedding_updates: lazy needs a token table that is stored as it is used; "
                "student.quantization_aware rounds it at every step. Use dense or frozen with it"
            )
        return self

    @model_validator(mode="after")
    def _weights_of_the_task(self) -> Recipe:
        told, update = self.distill.model_fields_set, {}
        if self.task in TASK_WEIGHTS and "weights" not in told:
            update["weights"] = TASK_WEIGHTS[self.task]
        if self.task == "text-generation" and "temperature" not in told:
            update["temperature"] = 1.0  # type: ignore[assignment]  # what GKD and MiniLLM compare at
        if update:
            object.__setattr__(self, "distill", self.distill.model_copy(update=update))  # not finished yet
        return self

    @model_validator(mode="after")
    def _fits_its_task(self) -> Recipe:
        if get_task(self.task).reads != "audio":
            if self.data.max_length > MOST_TOKENS:
                raise ValueError(f"data.max_length: {self.data.max_length} is above {MOST_TOKENS}")
            for name in ("sampling_rate", "time_shift"):
                if getattr(self.data, name) != Data.model_fields[name].default:
                    raise ValueError(f"data.{name}: for task: audio-classification; leave it out")
        if self.task == "text-generation":
            refuse_for_decoders(self)
        elif any(export.decoder != DecoderExport() for export in self.exports):
            raise ValueError("exports.decoder is for language models (task: text-generation)")
        elif get_task(self.task).reads != "text":
            refuse_for_arrays(self, get_task(self.task))
        elif other := task_reading(self.data.format):
            raise ValueError(f"data.format: {self.data.format} is for task: {other}")
        elif self.data.format == "text":
            raise ValueError("data.format: text has no labels; it is for task: text-generation")
        elif self.distill.on_policy is not None or self.distill.teacher_texts is not None:
            raise ValueError("distill.on_policy and teacher_texts: only a decoder writes (text-generation)")
        return self
