"""One training run, and the teacher it may be for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgekit.recipe.schema.assets import Asset
from edgekit.recipe.schema.base import Config, Fraction, Positive


class Training(Config):
    """One training run. With AdamW, linear warm-up then linear decay to 0."""

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
    optimizer: Literal["adamw", "schedule-free", "prodigy", "paged-adamw"] = Field(
        "adamw",
        description="`schedule-free` and `prodigy` need no tuned schedule; prodigy's learning_rate is a "
        "multiplier of the rate it finds, usually 1. `paged-adamw`, on CUDA, keeps its state where "
        "the driver can move it to the host when memory is short.",
    )
    embedding_updates: Literal["dense", "lazy", "frozen"] = Field(
        "dense",
        description="`lazy` updates only the rows of the token table that a batch uses; `frozen` none.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gradient_accumulation: Annotated[int, Field(ge=1, le=1024)] = Field(
        1, description="Batches per optimizer step."
    )
    gradient_checkpointing: bool = Field(False, description="Trade time for memory in the backward pass.")
    compile: Literal["never", "auto", "always"] = Field(
        "never", description="torch.compile of the student; `auto`: on CUDA."
    )
    packing: bool = Field(
        False, description="Several texts in one row, kept apart by the mask; tasks judged token by token."
    )
    skip_non_finite: Annotated[int, Field(ge=0)] = Field(
        10, description="Batches with a non-finite loss that are skipped before training stops."
    )
    keep_checkpoints: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="How many evaluated weights to keep under `checkpoints/`, newest last."
    )
    tensorboard: bool = Field(False, description="Also write TensorBoard events beside metrics.jsonl.")
    checkpoint_every_s: Positive = Field(30.0, description="Seconds between resumable checkpoints.")

    @model_validator(mode="after")
    def _lazy_needs_adamw(self) -> Training:
        if self.embedding_updates == "lazy" and self.optimizer != "adamw":
            raise ValueError(
                f"embedding_updates: lazy works with optimizer: adamw, not {self.optimizer}; "
                "use adamw, or dense or frozen updates"
            )
        return self


class Teacher(Config):
    """A model that teaches. With `finetune`, it is first trained on the labelled set."""

    model: Asset
    finetune: Training | None = Field(
        None, description="null: used as it is; its labels must match the data."
    )
    weight: Positive = Field(1.0, description="Of its answers, where several teachers are averaged.")
