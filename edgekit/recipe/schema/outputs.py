"""What is made of the student, what it must hold, and how it is measured."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from edgekit.recipe.schema.base import Config, Count, Fraction, Positive
from edgekit.recipe.schema.precisions import (
    ONNX_PRECISIONS,
    SCHEMES,
    Precision,
    System,
    too_old,
)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def _bytes(value: Any) -> Any:
    """`6MB` → 6,000,000, as file managers count; a whole number is bytes."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"must be a size such as 6MB or 800kB, not {value!r}")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


class Mixed(Config):
    """The precision `mixed`: for each weight the storage that pays, by its effect on the outputs."""

    max_bytes: Annotated[int, Field(ge=1), BeforeValidator(_bytes)] | None = Field(
        None, description="Size of the whole package, such as 6MB; null: `bits` decides."
    )
    bits: Annotated[float, Field(ge=1, le=16)] = Field(
        6.0, description="Mean bits of the weights that can be compressed; for when max_bytes is null."
    )
    rows: Count = Field(128, description="Calibration rows whose outputs are compared.")


class Export(Config):
    """One target and the precisions to write for it."""

    target: Literal["onnx", "coreml"]
    precisions: tuple[Precision, ...] = Field(min_length=1)
    minimum_deployment_target: System = Field("iOS17", description="Core ML only.")
    shapes: Literal["range", "enumerated", "fixed"] = Field("range", description="Core ML sequence shapes.")
    lengths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64, 128), description="Tokens, for `enumerated`; the largest is used for `fixed`."
    )
    block_size: Annotated[int, Field(ge=8, le=1024)] = Field(
        32, description="Inputs that share a scale in int4, Core ML only."
    )
    group_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        32, description="Channels that share a table in the grouped palettes, Core ML only."
    )
    mixed: Mixed = Mixed()

    @model_validator(mode="after")
    def _pairs(self) -> Export:
        foreign = [p for p in self.precisions if self.target == "onnx" and p not in ONNX_PRECISIONS]
        if foreign:
            raise ValueError(f"{foreign[0]} is for coreml; onnx takes {' and '.join(ONNX_PRECISIONS)} here")
        if len(set(self.precisions)) != len(self.precisions):
            raise ValueError("a precision is listed twice")
        for precision in self.precisions if self.target == "coreml" else ():
            reason = too_old(precision, self.minimum_deployment_target)
            if reason:
                raise ValueError(reason)
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
    metric_drop: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Compressed precision → points it may lose, in place of the table's."
    )
    cosine: dict[str, Fraction] = Field(
        {}, description="Compressed precision → smallest mean cosine of the outputs, in place of the table's."
    )
    not_slower: bool = Field(True, description="A quantized artifact must beat the one it replaces.")
    min_retained: Fraction = Field(0.0, description="Share of the teacher's score the student must keep.")

    @field_validator("metric_drop", "cosine")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name not in SCHEMES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no compressed precision; those are {', '.join(SCHEMES)}")
        return value

    def compressed(self, precision: str) -> tuple[float, float] | None:
        """Points of the metric that a compressed precision may lose, and its smallest mean cosine; None for a
        precision that is not compressed."""
        scheme = SCHEMES.get(precision)
        if scheme is None:
            return None
        own = (scheme.metric_drop, scheme.cosine)
        if precision == "int8":
            own = (self.metric_drop_int8, self.cosine_int8)
        return self.metric_drop.get(precision, own[0]), self.cosine.get(precision, own[1])


class Benchmark(Config):
    """The DistilBERT protocol: the evaluation set, batch 1, everything in one process, interleaved."""

    enabled: bool = True
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    warmup: Annotated[int, Field(ge=0)] = Field(20, description="Untimed rows per contestant.")
    rows: Annotated[int, Field(ge=1)] | None = Field(None, description="Test rows to time; null: all.")
    passes: Annotated[int, Field(ge=1, le=100)] = Field(1, description="Timed passes over the rows.")
    bootstrap: Annotated[int, Field(ge=100)] = Field(2000, description="Resamples for 95 % intervals.")
