"""`report.json`: every field, its meaning and its unit. Frozen and versioned; a new field keeps 1.x."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edgekit.device_result import DeviceResult
from edgekit.recipe.schema import TaskName

SCHEMA_VERSION = "1.3"

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Role = Literal["teacher", "student"]


class Record(BaseModel):
    """Base of every object in the report. A number that is not finite is refused: JSON has no word for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IntervalRecord(Record):
    """A value with its 95 % interval, in the unit of the field that holds it."""

    value: float = Field(description="The measured value.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")


class RecipeRecord(Record):
    """What was asked for."""

    name: str = Field(description="Name of the recipe and of its results folder.")
    description: str = Field("", description="One line by the recipe's author.")
    fingerprint: str = Field("", description="sha256 of the resolved recipe; empty when there was none.")
    yaml: str = Field("", description="The resolved recipe, defaults filled in; empty when there was none.")


class SplitRecord(Record):
    """One split of the labelled set."""

    name: str = Field(description="train, validation, test, calibration or unlabelled.")
    rows: Count = Field(description="Rows.")
    classes: dict[str, Count] = Field(
        default_factory=dict,
        description="Label → rows, or words, that have it; empty where labels have no names.",
    )


class TokenLengths(Record):
    """How long the texts are after tokenising, special tokens included, before cutting."""

    limit: Count = Field(description="Tokens kept of each text.")
    p50: Count = Field(description="Tokens; half of the texts are no longer.")
    p90: Count = Field(description="Tokens; 90 % of the texts are no longer.")
    p99: Count = Field(description="Tokens; 99 % of the texts are no longer.")
    longest: Count = Field(description="Tokens.")
    cut_share: Share | None = Field(None, description="Share of texts longer than the limit, 0–1.")


class DataRecord(Record):
    """The labelled set."""

    fingerprint: str = Field(description="sha256 of rows, labels and cut.")
    splits: tuple[SplitRecord, ...] = Field(description="In the order train, validation, test, …")
    dropped: dict[str, Count] = Field(default_factory=dict, description="Reason → rows left out.")
    token_lengths: TokenLengths | None = Field(None, description="null: not recorded.")


class SourceRecord(Record):
    """Where bytes came from."""

    role: str = Field(description="What they were used for: teacher, data.")
    uri: str = Field(description="Package, hub id or file name.")
    sha256: str = Field(description="Of the file fetched.")
    license: str | None = Field(None, description="SPDX name; null: not stated.")


class ModelRecord(Record):
    """A teacher or a student, as trained (PyTorch, before any export)."""

    name: str = Field(description="Name of the model.")
    score: Share | None = Field(
        None, description="Test score in the report's metric, 0–1; null: not measured."
    )
    score_low: float | None = Field(None, description="Lower end of its 95 % interval, 0–1.")
    score_high: float | None = Field(None, description="Upper end of its 95 % interval, 0–1.")
    rmse: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Regression: root mean square error on the test split, in the labels' unit."
    )
    parameters: Count | None = Field(None, description="Number of weights.")
    size_bytes: Count | None = Field(None, description="Bytes of the weights file.")
    sha256: str | None = Field(None, description="Of the weights file.")
    seconds: Seconds | None = Field(None, description="Seconds of training alone; null: not trained here.")
    samples_per_second: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Training rows a second."
    )
    device: str | None = Field(None, description="Device that trained it.")
    precision: str | None = Field(None, description="Arithmetic of training.")


class BaselineRecord(Record):
    """What the student is compared with."""

    score: Share | None = Field(None, description="Test score, 0–1; null: `not_measured` says why.")
    score_low: float | None = Field(None, description="Lower end of its 95 % interval, 0–1.")
    score_high: float | None = Field(None, description="Upper end of its 95 % interval, 0–1.")
    rmse: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Regression: root mean square error on the test split, in the labels' unit."
    )
    not_measured: str = Field("", description="Why there is no score; empty when there is one.")


class BaselinesRecord(Record):
    """Both baselines, from the same run and the same split."""

    label_only: BaselineRecord = Field(description="The same student, trained on labels alone.")
    tfidf: BaselineRecord = Field(description="TF-IDF with a linear model.")


class CurvePointRecord(Record):
    """One evaluation while training."""

    step: Count = Field(description="Optimizer steps done.")
    epoch: float = Field(ge=0, description="Epochs done.")
    train_loss: float | None = Field(description="Mean loss since the point before; null: not finite.")
    validation_score: float = Field(description="Validation score, 0–1.")


class GateRecord(Record):
    """One promise and what was measured against it."""

    name: str = Field(description="Name of the gate in the recipe.")
    limit: float = Field(description="What was promised, in the gate's own unit.")
    value: float | None = Field(description="What was measured, in the same unit; null: not finite.")
    passed: bool = Field(description="Whether the promise held.")
    interval: IntervalRecord | None = Field(
        None, description="95 % interval of the value; null: chance has no part in it."
    )
    measured_on: str = Field("", description="The machine, where the value belongs to one.")


class ShapeRecord(Record):
    """Tensor error at one batch size and sequence length, padding included."""

    batch: Count = Field(description="Rows.")
    length: Count = Field(description="Tokens.")
    max_abs_error: float | None = Field(description="Largest difference of any output; null: not finite.")
    cosine: float | None = Field(description="Lowest cosine in the batch; null: not finite.")


class UnroundedRecord(Record):
    """The same comparison of a Core ML package when nothing is rounded to half precision."""

    samples: Count = Field(description="Rows compared: a sample of those compared with rounding.")
    max_abs_error: float | None = Field(description="Largest difference of any output; null: not finite.")
    cosine: float | None = Field(description="Mean cosine over rows; null: not finite.")
    label_agreement: Share | None = Field(
        description="Share of rows with the same label or labels, or of tokens, 0–1."
    )
    metric: Share | None = Field(description="Score on these rows, 0–1.")
    metric_drop: float | None = Field(
        description="Reference score − score on these rows, in points (hundredths)."
    )


class ParityRecord(Record):
    """How far an artifact is from its reference."""

    reference: str = Field(description="What it was compared with.")
    executed: bool = Field(
        description="Whether the artifact was run. If not, `passed` covers structure only."
    )
    passed: bool = Field(description="Whether every gate and every structural check that was made held.")
    runtime: str = Field(description="What ran it, or why nothing did.")
    samples: Count = Field(description="Rows compared.")
    max_abs_error: float | None = Field(None, description="Largest difference of any output.")
    cosine: float | None = Field(None, description="Mean cosine over rows.")
    label_agreement: Share | None = Field(
        None, description="Share of rows with the same label or labels, or of tokens, 0–1."
    )
    metric_drop: float | None = Field(None, description="Reference score − score, in points (hundredths).")
    shapes: tuple[ShapeRecord, ...] = Field((), description="Error by batch size and length.")
    gates: tuple[GateRecord, ...] = Field((), description="Promises made and kept or not.")
    checks: tuple[str, ...] = Field((), description="Structural checks that held.")
    failures: tuple[str, ...] = Field(
        (), description="Structural checks that did not, and where a Core ML package first departs."
    )
    unrounded: UnroundedRecord | None = Field(
        None, description="null: not a Core ML package executed by reference semantics."
    )
    meaning: str = Field(
        "", description="What the errors with and without rounding say together; empty without the latter."
    )


class TimingRecord(Record):
    """What the benchmark measured; null: not measured, and `not_measured` says why."""

    name: str = Field(description="Name of the row.")
    protocol: str = Field(description="How it was measured.")
    runtime: str = Field(description="What ran it.")
    compute_units: str | None = Field(None, description="Core ML compute units.")
    warmup: Count = Field(description="Untimed runs before the first timed one.")
    runs: Count = Field(description="Timed runs.")
    p50_ms: Milliseconds | None = Field(None, description="Milliseconds a row, tokenization excluded.")
    p90_ms: Milliseconds | None = Field(None, description="Milliseconds a row, tokenization excluded.")
    p99_ms: Milliseconds | None = Field(None, description="Milliseconds a row, tokenization excluded.")
    end_to_end_p50_ms: Milliseconds | None = Field(None, description="Milliseconds a row, text to label.")
    end_to_end_p90_ms: Milliseconds | None = Field(None, description="Milliseconds a row, text to label.")
    end_to_end_p99_ms: Milliseconds | None = Field(None, description="Milliseconds a row, text to label.")
    pass_seconds: Seconds | None = Field(
        None, description="Seconds of one full pass at batch 1, untokenized."
    )
    peak_bytes: Count | None = Field(None, description="Peak memory of a process that runs only this row.")
    speedup: IntervalRecord | None = Field(None, description="Times faster than `speedup_reference`, paired.")
    retained: IntervalRecord | None = Field(None, description="Share of the teacher's score, 0–1, paired.")
    not_measured: str = Field("", description="Why a field is null; empty when none is.")


class SkippedLayer(Record):
    """A weight that quantization left as it was."""

    name: str = Field(description="Name of the weight.")
    bits: Count = Field(description="Bits it keeps.")
    reason: str = Field(description="Why it was left.")


class WeightRecord(Record):
    """One weight of a mixed plan, and what each storage of it alone would cost."""

    name: str = Field(description="Name of the weight.")
    bits: Count = Field(description="Bits that it got.")
    scheme: str = Field(description="How it is stored; empty when it was left as it was.")
    effects: dict[str, float | None] = Field(
        description="Scheme → how far the outputs move when this weight alone is stored so: divergence of "
        "the probabilities in nats, or squared error over variance; null: not finite."
    )


class QuantizationRecord(Record):
    """What precision the weights got."""

    scheme: str = Field(description="Name of the scheme.")
    weights_by_bits: dict[str, Count] = Field(description="Bits → number of weight tensors.")
    skipped: tuple[SkippedLayer, ...] = Field(
        (), description="Weights left as they were, each with a reason."
    )
    weights: tuple[WeightRecord, ...] = Field(
        (), description="Of a mixed plan, the weights whose effect was measured, in the model's order."
    )


class OrtRecord(Record):
    """An ONNX file in ONNX Runtime's own format."""

    path: str = Field(description="Relative to the folder of the report, with forward slashes.")
    operators: str = Field(description="Path of the list of operators that a runtime built for it needs.")
    size_bytes: Count = Field(description="Bytes on disk, of the file alone.")
    sha256: str = Field(description="Of the file; ONNX Runtime writes other bytes every time.")
    difference: float = Field(description="Largest difference of an output from the file it was made from.")


class ArtifactRecord(Record):
    """One exported file or package."""

    name: str = Field(description="Unique in this report.")
    model: Role = Field(description="What was exported.")
    target: str = Field(description="onnx, onnxruntime, coreml, coreai or pytorch.")
    precision: str = Field(description="fp32, fp16, or how weights are stored: int8, palette6, mixed …")
    path: str = Field(description="Relative to the folder of the report, with forward slashes.")
    size_bytes: Count = Field(description="Bytes on disk.")
    sha256: str = Field(description="Of the file, or of the package's names and contents.")
    parameters: Count | None = Field(None, description="Number of weights.")
    score: Share | None = Field(None, description="Test score of this very file, 0–1; null: not executed.")
    score_low: float | None = Field(None, description="Lower end of its 95 % interval, 0–1.")
    score_high: float | None = Field(None, description="Upper end of its 95 % interval, 0–1.")
    parity: ParityRecord | None = Field(None, description="null: not compared.")
    timing: TimingRecord | None = Field(None, description="null: not timed.")
    quantization: QuantizationRecord | None = Field(None, description="null: not quantized.")
    ort: OrtRecord | None = Field(None, description="null: not asked for.")
    rejected: bool = Field(False, description="Whether a gate kept it from being shipped.")
    rejected_because: str = Field("", description="Which gate, and by how much; empty when not rejected.")


class KitRecord(Record):
    """The app kit of one platform."""

    platform: str = Field(description="swift, android or web.")
    path: str | None = Field(
        None,
        description="Its folder, relative to the report's; null: `missing` says why there is none.",
    )
    artifact: str = Field("", description="Name of the artifact that it carries.")
    size_bytes: Count | None = Field(None, description="Bytes of the whole folder.")
    use: tuple[str, ...] = Field((), description="How an app adds it, loads it and calls it.")
    missing: str = Field("", description="Why it was not written; empty when it was.")


class StageRecord(Record):
    """One stage of the run."""

    name: str = Field(description="Name of the stage.")
    seconds: Seconds = Field(description="Seconds it took when it ran.")
    reused: bool = Field(False, description="Whether an earlier run's result was used.")


class NotMeasured(Record):
    """Something a reader might expect here and does not find."""

    what: str = Field(description="The missing figure.")
    why: str = Field(description="The reason.")


class Report(Record):
    """Everything that one run recorded."""

    schema_version: Literal["1.0", "1.1", "1.2", "1.3"] = Field("1.3", description="Version of this layout.")
    edgekit_version: str = Field(description="Version that wrote the report.")
    created: str | None = Field(None, description="UTC time in ISO 8601; null: not recorded.")
    command: str = Field("", description="Command line that makes the same results again.")
    recipe: RecipeRecord = Field(description="The recipe, resolved; of a command without one, its name.")
    task: TaskName = Field("text-classification", description="What the models do.")
    labels: tuple[str, ...] = Field((), description="Label names; index = class id.")
    metric: str | None = Field(
        None, description="Name of the score everywhere below; null: nothing was scored."
    )
    data: DataRecord | None = Field(None, description="null: no labelled data was used.")
    sources: tuple[SourceRecord, ...] = Field((), description="Where models and data came from.")
    teacher: ModelRecord | None = Field(None, description="null: no teacher took part.")
    student: ModelRecord | None = Field(None, description="null: no student took part.")
    retained: IntervalRecord | None = Field(None, description="Student score ÷ teacher score, paired, 0–1.")
    baselines: BaselinesRecord = Field(description="What the student is compared with.")
    gain_over_label_only: IntervalRecord | None = Field(
        None, description="Student score − label-only score, paired, in points (hundredths)."
    )
    curves: dict[Literal["teacher", "student", "label_only"], tuple[CurvePointRecord, ...]] = Field(
        default_factory=dict, description="Evaluations while training, by model."
    )
    artifacts: tuple[ArtifactRecord, ...] = Field((), description="Exported files, rejected ones included.")
    speedup_reference: str | None = Field(None, description="Benchmark row that every speed-up is against.")
    other_timings: tuple[TimingRecord, ...] = Field((), description="Benchmark rows that are no artifact.")
    devices: tuple[DeviceResult, ...] = Field(
        (), description="What kits measured on devices, of artifacts in this report."
    )
    kits: tuple[KitRecord, ...] = Field((), description="App kits, those that could not be written included.")
    stages: tuple[StageRecord, ...] = Field((), description="In the order they ran.")
    environment: dict[str, JsonValue] = Field(
        default_factory=dict, description="Machine, versions and settings, as the benchmark recorded them."
    )
    not_measured: tuple[NotMeasured, ...] = Field((), description="What is missing, and why.")
