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
    """Rows of one split. An input is a text, a pair of texts, or an image or sound as a `data:` URI."""

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
    processor: Any  # tokenizer, or `edgekit.models.front_ends.FrontEnd`
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
    bits: int  # of one stored value
    granularity: str  # "per_tensor" | "per_channel" | "per_block" | "per_group" | "none"
    skipped_because: str = ""
    scheme: str = ""  # "int8", "palette6" …; "" when left as it was
    group_size: int = 0  # per_block: inputs that share a scale; per_group: channels that share a table
    axis: int = 0  # per_group: the axis of the channels
    sensitivity: float | None = None  # how far this weight alone moves the outputs; None: not measured
    note: str = ""  # where the scheme had to give way, and why


@dataclass(frozen=True, slots=True)
class Quantized:
    """A precision plan for one model and target; export carries it out."""

    model: str
    target: str
    scheme: str
    layers: tuple[LayerPrecision, ...]
    seconds: float | None = None  # of carrying it out, in a process of its own; None: not measured
    peak_bytes: int | None = None  # resident memory of that whole process at its peak
    # What `mixed` chose by: weight → scheme → how far that weight alone moves the outputs when stored so.
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One exported file or package."""

    name: str  # "student-onnx-int8"
    path: Path
    target: str  # "onnx" | "onnxruntime" | "coreml" | "coreai" | "pytorch"
    precision: str  # "fp32" | "fp16" | a name in `recipe.schema.precisions.SCHEMES`
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
    interval: Interval | None = None  # of `value`, where chance has a part in it
    measured_on: str = ""  # the machine, where the value belongs to one


@dataclass(frozen=True, slots=True)
class ShapeCheck:
    """Tensor error at one batch size and sequence length, padding included."""

    batch: int
    length: int
    max_abs_error: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Unrounded:
    """The same comparison of a Core ML package when nothing is rounded to half precision."""

    samples: int  # rows, of those that were compared with rounding
    max_abs_error: float
    cosine: float
    label_agreement: float | None
    metric: float | None
    metric_drop: float | None  # in points, on these rows


@dataclass(frozen=True, slots=True)
class OperationSource:
    """Where an operation of a package came from."""

    module: str  # dotted path in the PyTorch module; "" for the outermost
    line: str  # "package/file.py:12"
    key: str = ""  # of the traced tensor that it computes; "" when none is the same


@dataclass(frozen=True, slots=True)
class TracedTensor:
    """One intermediate tensor of a PyTorch module."""

    name: str  # of torch.export's node
    key: str  # the same in every export of the module
    value: Any  # torch.Tensor
    module: str
    line: str
    weights: Mapping[str, Any]  # the parameters it is computed from: name → torch.Tensor
    scalars: tuple[float, ...]  # constants of its operation and of those just before it


@dataclass(frozen=True, slots=True)
class TensorRange:
    """What a tensor holds, in short. None: nothing finite."""

    name: str
    shape: tuple[int, ...]
    low: float | None  # of the finite entries
    high: float | None
    has_inf: bool
    has_nan: bool


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first operation whose output departs from its reference beyond tolerance."""

    # "precision": from the same program unrounded; "conversion": from the PyTorch module; "not a number":
    # without any rounding, and with no module to compare with
    cause: str
    operation: str  # MIL type: "linear"
    name: str
    position: int  # from 1, among the operations that were executed
    total: int
    error: float | None  # see `edgekit.verify.distance`; None: not finite
    tolerance: float
    module: str  # dotted path; "" when it was not recorded
    line: str  # "package/file.py:12"; "" when it was not recorded
    inputs: tuple[TensorRange, ...]
    output: TensorRange
    expected: TensorRange  # the reference's tensor of the same place
    hints: tuple[str, ...]  # known causes that fit, most likely first

    @property
    def text(self) -> str:
        """One sentence."""
        of = "the same program unrounded" if self.cause == "precision" else "the PyTorch module"
        where = f" in {self.module}" if self.module else ""
        line = f" ({self.line})" if self.line else ""
        by = "without a finite result" if self.error is None else f"by {self.error:.2g} of its scale"
        hint = f": {self.hints[0]}" if self.hints else ""
        did = "it first gives NaN" if self.cause == "not a number" else f"it first departs from {of}"
        return (
            f"{did} at {self.operation} {self.name!r}, operation {self.position} of "
            f"{self.total}{where}{line}, {by}{hint}"
        )


@dataclass(frozen=True, slots=True)
class TrailPoint:
    """One executed operation. An error is None where nothing was compared, infinite where it overflowed."""

    position: int
    operation: str
    name: str
    module: str
    line: str
    rounding_error: float | None  # declared rounding against none
    reference_error: float | None  # unrounded against the PyTorch module's tensor


@dataclass(frozen=True, slots=True)
class Trail:
    """How the error of a package grows from operation to operation, for one input."""

    package: str
    points: tuple[TrailPoint, ...]
    compared: int  # operations that were compared with a tensor of the PyTorch module
    rounding_tolerance: float
    reference_tolerance: float
    divergences: tuple[Divergence, ...]  # conversion first
    notes: tuple[str, ...] = ()  # what could not be compared, and why


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
    failures: tuple[str, ...] = ()  # structural checks that did not, and where it first departs
    unrounded: Unrounded | None = None  # Core ML by reference semantics only
    meaning: str = ""  # what both roundings say together
    divergence: Divergence | None = None  # looked for when it did not pass

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
Rows = Sequence[Mapping[str, Sequence[int]]]  # tokenised rows, unpadded; or arrays
