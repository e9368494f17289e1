"""The labelled set, its cut, and transfer texts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from edgekit.recipe.schema.assets import Asset
from edgekit.recipe.schema.base import Config, Count, Fraction

DataFormat = Literal["auto", "csv", "tsv", "jsonl", "parquet", "hf", "text", "images", "pixels", "audio"]
MOST_TOKENS = 8192  # or pixels of a side
MOST_SAMPLES = 1_920_000  # two minutes at 16 kHz


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


class Unlabelled(Config):
    """Texts without labels: the teacher labels them while the student learns (transfer data)."""

    source: Asset
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "hf", "text"] = Field(
        "auto", description="`text`: one text per line."
    )
    columns: tuple[str, ...] = Field((), description="Names for a file without a header row.")
    quoting: bool = Field(True, description="Whether double quotes wrap CSV or TSV fields.")
    encoding: str = "utf-8"
    text: str = Field("text", description="Column holding the text.")
    text_pair: str | None = Field(None, description="Column holding the second text of a pair.")
    limit: Count | None = Field(None, description="Use at most this many texts, drawn after shuffling.")


class Augment(Config):
    """Changed copies of the training texts, labelled by the teacher (Jiao et al., 2020; Wei & Zou, 2019)."""

    copies: Annotated[int, Field(ge=1, le=100)] = Field(1, description="Changed copies of each text.")
    replace: Fraction = Field(
        0.15, description="Share of words replaced by one the teacher's embeddings hold close."
    )
    drop: Fraction = Field(0.05, description="Share of words left out.")
    swap: Fraction = Field(0.05, description="Share of words exchanged with their neighbour.")
    candidates: Annotated[int, Field(ge=1, le=1000)] = Field(
        15, description="Nearest words a replacement is drawn from."
    )

    @model_validator(mode="after")
    def _something(self) -> Augment:
        if not (self.replace or self.drop or self.swap):
            raise ValueError("replace, drop and swap are all 0: the copies would equal their texts")
        return self


def _expression(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    if groups:
        raise ValueError("has a group, whose text would count as a document; write (?:…) for (…)")
    return value


class Data(Config):
    """The labelled set, and texts without labels beside it."""

    source: Asset
    test_source: Asset | None = Field(
        None, description="A published test split; `split.test` is then unused."
    )
    format: DataFormat = Field(
        "auto",
        description="`auto` goes by the file's ending; `hf` is a datasets folder; `text` is plain text "
        "without labels, cut into documents by `separator`; `images` is a folder of image files for each "
        "class; `pixels` is a JSON file of grey values for each class; `audio` is a folder of sound files "
        "for each class.",
    )
    image_shape: tuple[Count, Count] | None = Field(
        None, description="Height and width of the images in files of format `pixels`."
    )
    separator: Annotated[str, AfterValidator(_expression)] = Field(
        r"\n", description="Regular expression between the documents of a plain text; each line is one."
    )
    columns: tuple[str, ...] = Field((), description="Names for a file without a header row.")
    quoting: bool = Field(True, description="Whether double quotes wrap CSV or TSV fields.")
    encoding: str = "utf-8"
    text: str = Field("text", description="Column holding the text.")
    text_pair: str | None = Field(None, description="Column holding the second text of a pair.")
    label: str | LabelBins = Field("label", description="Column holding the class, or numeric bins.")
    labels: tuple[str, ...] = Field((), description="Class names in id order; empty: found in the data.")
    label_separator: str | None = Field(
        None, description="Splits a text cell into several labels (multi-label) or one tag per word (tokens)."
    )
    unlabelled: tuple[Unlabelled, ...] = Field((), description="Transfer texts for distillation.")
    augment: Augment | None = Field(None, description="Changed copies of training texts; null: none.")
    drop_empty: bool = Field(False, description="Leave out rows with empty text instead of refusing them.")
    deduplicate: bool = Field(True, description="Keep the first row of each text.")
    limit: Annotated[int, Field(ge=10)] | None = Field(
        None, description="Use at most this many rows, drawn after shuffling."
    )
    split: Split = Split()
    calibration_rows: Annotated[int, Field(ge=1)] = Field(256, description="Training rows used to calibrate.")
    max_length: Annotated[int, Field(ge=8, le=MOST_SAMPLES)] = Field(
        128,
        description="Tokens, at most 8,192; longer texts are cut. Of images: the side in pixels that they "
        "are brought to. Of sounds: samples; of longer ones the middle is kept.",
    )
    sampling_rate: Annotated[int, Field(ge=2_000, le=192_000)] = Field(
        16_000, description="Hz that sounds are brought to."
    )
    time_shift: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Samples by which sounds are moved at most, to either side, while training.",
    )
