"""The student's shape: cut from its teacher along any dimension, or a small network of another kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgekit.recipe.schema.assets import Asset
from edgekit.recipe.schema.base import Config, Count


class Vocabulary(Config):
    """The token table cut to the data; words of dropped tokens fall back to smaller kept tokens."""

    min_count: Count = Field(
        1, description="Occurrences in the training and transfer texts that keep a token."
    )
    size: Count | None = Field(
        None, description="Keep at most this many tokens, the most frequent; null: all."
    )


class Student(Config):
    """A student cut from its teacher; by default some of its layers, everything else copied."""

    architecture: Literal["teacher", "bilstm", "cnn", "static"] = Field(
        "teacher",
        description="`teacher`: cut from the teacher. The others read the teacher's tokens: a bidirectional "
        "LSTM, a convolutional network (Kim, 2014), or the mean of static embeddings.",
    )
    model: Asset | None = Field(
        None, description="A pretrained model to cut the student from; null: the (first) teacher."
    )
    layers: Annotated[int, Field(ge=1, le=256)] = 3
    select: Literal["uniform", "first", "last", "importance"] | tuple[int, ...] = Field(
        "uniform", description="Which teacher layers to copy (0-based when listed)."
    )
    heads: Count | None = Field(None, description="Attention heads kept in each layer, the most important.")
    intermediate_size: Count | None = Field(
        None, description="Feed-forward units kept in each layer, the most important."
    )
    hidden_size: Count | None = Field(None, description="Width kept, the most important dimensions.")
    embedding_rank: Count | None = Field(
        None, description="Token table as a product of two of this inner size (low rank)."
    )
    vocabulary: Vocabulary | None = Field(None, description="null: the teacher's whole vocabulary.")
    quantization_aware: bool = Field(
        False, description="Round weights and activations to int8 in training, the teacher in the loop."
    )

    @model_validator(mode="after")
    def _same_count(self) -> Student:
        if isinstance(self.select, tuple) and len(self.select) != self.layers:
            raise ValueError(f"select lists {len(self.select)} layers, but layers is {self.layers}")
        return self

    @model_validator(mode="after")
    def _fits_architecture(self) -> Student:
        if self.architecture != "teacher":
            cut = [n for n in ("heads", "intermediate_size") if getattr(self, n) is not None]
            if cut:
                raise ValueError(f"{' and '.join(cut)}: only a student cut from its teacher has these")
        return self
