"""What is made of the student, what it must hold, and how it is measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgekit.recipe.schema.base import Config, Fraction, Positive


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
