"""The seams: what one room hands to the next. Frozen, slotted, and free of any heavy import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Dim = int | str  # a str names a symbolic (dynamic) dimension


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One named tensor of a model's interface."""

    name: str
    shape: tuple[Dim, ...]
    dtype: str  # numpy's name: "int32", "float32"


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a model and what comes out."""

    task: str  # optimum's task name: "text-classification"
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    labels: tuple[str, ...] = ()  # index = class id; empty when the task has none
    max_length: int | None = None  # tokens; None when the input has no sequence


@dataclass(frozen=True, slots=True)
class Source:
    """Where bytes came from, in words that let a reader fetch the same ones."""

    uri: str
    sha256: str
    path: Path  # local copy; not part of the identity
    license: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A user's labelled file (or datasets folder), and which columns to read."""

    path: Path
    text: str = "text"
    text_pair: str | None = None
    label: str = "label"
    label_separator: str | None = None  # splits a text cell into labels or tags


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of one split. An input is a str, or a pair of str; later a path to an image or a clip."""

    inputs: tuple[Any, ...]
    # A class id, a sorted tuple of ids, a number, or a tuple of one tag id per word; empty when unlabelled.
    labels: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set cut for training and judging; `fingerprint` is the sha256 of labelled rows and cut."""

    train: Split
    validation: Split
    test: Split
    calibration: Split
    unlabelled: Split
    label_names: tuple[str, ...]
    fingerprint: str
    dropped: Mapping[str, int] = field(default_factory=dict)  # reason → rows left out


@dataclass(frozen=True, slots=True)
class Model:
    """A PyTorch model with its front end."""

    name: str
    module: Any  # torch.nn.Module
    processor: Any  # tokenizer; later an image or audio front end
    signature: Signature
    source: Source

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.module.parameters())


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One evaluation while training."""

    step: int
    epoch: float
    train_loss: float
    validation_score: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training stage leaves on disk (Hub layout in `path`)."""

    name: str
    path: Path
    sha256: str  # of the weights file
    parameters: int
    curve: tuple[CurvePoint, ...]
    seconds: float  # training alone
    samples_per_second: float
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class LayerPrecision:
    """What one weight becomes. `skipped_because` is never empty for a weight left as it was."""

    name: str
    bits: int
    granularity: str  # "per_tensor" | "per_channel" | "none"
    skipped_because: str = ""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A precision plan for one model and target; export carries it out."""

    model: str
    target: str
    scheme: str
    layers: tuple[LayerPrecision, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One exported file or package."""

    name: str  # "student-onnx-int8"
    path: Path
    target: str  # "onnx" | "coreml" | "pytorch"
    precision: str  # "fp32" | "fp16" | "int8"
    signature: Signature
    size_bytes: int
    sha256: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Gate:
    """One promise and what was measured against it."""

    name: str
    limit: float
    value: float
    passed: bool


@dataclass(frozen=True, slots=True)
class ShapeCheck:
    """Tensor error at one batch size and sequence length, padding included."""

    batch: int
    length: int
    max_abs_error: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an artifact is from its reference. Not executed: numbers are None and `checks` say what was."""

    artifact: str
    reference: str
    executed: bool
    runtime: str  # "onnxruntime 1.31.1 CPU" or why it did not run
    samples: int
    max_abs_error: float | None
    cosine: float | None  # mean over rows; of two logits near 0 a single row says nothing
    label_agreement: float | None  # share of rows, 0–1
    metric_name: str | None
    metric: float | None  # the artifact's score, 0–1
    metric_drop: float | None  # reference score − score, in points (hundredths)
    shapes: tuple[ShapeCheck, ...] = ()
    gates: tuple[Gate, ...] = ()
    checks: tuple[str, ...] = ()  # structural checks that held
    failures: tuple[str, ...] = ()  # structural checks that did not

    @property
    def passed(self) -> bool:
        return not self.failures and all(g.passed for g in self.gates)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What one benchmark row measured; a field not measured is None and `not_measured` says why."""

    artifact: str
    protocol: str
    runtime: str
    parameters: int | None
    size_bytes: int | None
    sha256: str | None
    warmup: int
    runs: int
    pass_seconds: float | None  # one full pass over the evaluation set at batch 1, tokenization excluded
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    end_to_end_p50_ms: float | None  # tokenization included
    end_to_end_p90_ms: float | None
    end_to_end_p99_ms: float | None
    peak_bytes: int | None  # of a process that loads and runs only this row
    score: Interval | None
    retained: Interval | None  # share of the teacher's score, 0–1
    speedup: Interval | None  # paired, against the first row
    compute_units: str | None = None
    not_measured: str = ""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Benchmark rows, and the machine they were measured on."""

    timings: tuple[Timing, ...]
    environment: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one input; what its task doesn't have is None."""

    input: Any
    label: str | None = None  # the most probable class
    labels: tuple[str, ...] | None = None  # several labels: those with a probability above one half
    probabilities: Mapping[str, float] | None = None  # of every class or label
    value: float | None = None  # regression
    tags: tuple[tuple[str, str | None], ...] | None = None  # word and tag; None: no token of it was read
    embedding: tuple[float, ...] | None = None  # of length 1
    fills: tuple[Mapping[str, float], ...] | None = None  # for each mask, probable tokens, best first


Batch = Mapping[str, Any]  # tensor name → array `[B, …]`
Rows = Sequence[Mapping[str, Sequence[int]]]  # tokenised rows, unpadded
