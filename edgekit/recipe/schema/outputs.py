"""What is made of the student, what it must hold, and how it is measured."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from edgekit.recipe.schema.base import Config, Count, Fraction, Positive
from edgekit.recipe.schema.decoding import DecoderExport
from edgekit.recipe.schema.precisions import (
    COMPRESSED,
    ONNX_SCHEMES,
    SCHEMES,
    Precision,
    System,
    TargetName,
    foreign,
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


Platform = Literal["swift", "android", "web"]
# What an app kit can carry, the usual target first.
KIT_TARGETS: dict[str, tuple[TargetName, ...]] = {
    "swift": ("coreml",),
    "android": ("onnx", "onnxruntime"),
    "web": ("onnx", "onnxruntime"),
}


class Mixed(Config):
    """The precision `mixed`: for each weight the storage that pays, by its effect on the outputs."""

    max_bytes: Annotated[int, Field(ge=1), BeforeValidator(_bytes)] | None = Field(
        None, description="Size of the whole file, such as 6MB; null: `bits` decides."
    )
    bits: Annotated[float, Field(ge=1, le=32)] | None = Field(
        None,
        description="Mean bits of the weights that can be compressed, for when max_bytes is null; "
        "null: 12 for onnx, which has no form below 8, else 6.",
    )
    rows: Count = Field(128, description="Calibration rows whose outputs are compared.")


class Export(Config):
    """One target and the precisions to write for it."""

    target: TargetName
    precisions: tuple[Precision, ...] = Field(min_length=1)
    minimum_deployment_target: System = Field("iOS17", description="Core ML only.")
    shapes: Literal["range", "enumerated", "fixed"] = Field("range", description="Core ML sequence shapes.")
    lengths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64, 128), description="Tokens, for `enumerated`; the largest is used for `fixed`."
    )
    block_size: Annotated[int, Field(ge=8, le=1024)] = Field(
        32,
        description="Inputs that share a scale: int4, and for onnxruntime int8-weights and the 4-bit table, "
        "where it is a power of two from 16.",
    )
    group_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        32, description="Channels that share a table in the grouped palettes, Core ML only."
    )
    mixed: Mixed = Mixed()
    calibration: Literal["minmax", "percentile", "entropy", "mse"] = Field(
        "percentile",
        description="int8-static: how the range of an activation is chosen, where training learned none.",
    )
    percentile: Annotated[float, Field(gt=50, le=100)] = Field(
        99.99, description="Percent of an activation's values inside its range, for `percentile`."
    )
    calibration_rows: Count = Field(
        128, description="Rows that int8-static, int8-smooth and int4-gptq look at."
    )
    smoothing: Fraction = Field(
        0.5, description="int8-smooth: how much of the activations' outliers moves into the weights (alpha)."
    )
    reduce_range: bool | None = Field(
        None,
        description="7-bit weights in int8 products, for x86 CPUs without VNNI, whose sums saturate; null: "
        "where this machine needs it. ONNX only.",
    )
    symmetric: bool = Field(
        False, description="Blocks without zero points: smaller, less exact. onnxruntime only."
    )
    accuracy_level: Literal[0, 4] = Field(
        4,
        description="Block-wise products: 4 rounds activations to int8 (faster), 0 multiplies in fp32. "
        "onnxruntime only.",
    )
    ort: bool = Field(
        False,
        description="Also write each file that passed in ONNX Runtime's own format (.ort), with the list of "
        "operators that a runtime built for it needs. ONNX only.",
    )

    decoder: DecoderExport = Field(DecoderExport(), description="Language models only.")

    @model_validator(mode="after")
    def _pairs(self) -> Export:
        if self.ort and self.target in ("coreml", "coreai"):
            raise ValueError(
                f"ort is for onnx and onnxruntime; give {self.target} an export of its own without it"
            )
        if self.target == "coreai" and self.shapes != "range":
            raise ValueError(f"shapes: coreai takes every length, it has no {self.shapes} ones; leave it out")
        for precision in self.precisions:
            reason = foreign(precision, self.target)
            if reason is None and self.target == "coreml":
                reason = too_old(precision, self.minimum_deployment_target)
            if reason:
                raise ValueError(reason)
        if len(set(self.precisions)) != len(self.precisions):
            raise ValueError("a precision is listed twice")
        size = self.block_size
        if self.target == "onnxruntime" and (size < 16 or size & (size - 1)):
            raise ValueError(f"block_size must be a power of two from 16 for onnxruntime, not {size}")
        return self

    @property
    def mean_bits(self) -> float:
        """Of a weight in `mixed`, when no size is asked for."""
        return self.mixed.bits or (12.0 if self.target == "onnx" else 6.0)


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
    keep_rejected: bool = Field(
        False, description="Leave what fails in its place, marked as failed; false: it moves to rejected/."
    )
    min_retained: Fraction = Field(0.0, description="Share of the teacher's score the student must keep.")

    @field_validator("metric_drop", "cosine")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name not in COMPRESSED]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no compressed precision; those are {', '.join(COMPRESSED)}")
        return value

    def compressed(self, precision: str) -> tuple[float, float] | None:
        """Points of the metric that a compressed precision may lose, and its smallest mean cosine; None for a
        precision that is not compressed."""
        scheme = SCHEMES.get(precision) or ONNX_SCHEMES.get(precision)
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
