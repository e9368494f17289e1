"""Advice on one package: what the rules find, what it weighs, and a lower bound of its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.advice.cost import cost
from edgekit.advice.lengths import default_length
from edgekit.advice.memory import least_traffic_bytes, live_bytes, state_bytes
from edgekit.advice.roofline import Bound, bounds
from edgekit.advice.rules.rule import Confidence, Effect
from edgekit.advice.rules.sources import Source
from edgekit.advice.rules.table import RULES
from edgekit.advice.scene import TARGETS, Scene, fix, survey
from edgekit.advice.weights import stored_bytes
from edgekit.errors import ModelError
from edgekit.files import size_bytes
from edgekit.mil import Model


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies, and where."""

    id: str
    effect: Effect
    confidence: Confidence
    basis: str  # "Apple", or "third-party observation"
    statement: str
    remedy: str
    sources: tuple[Source, ...]
    operations: Mapping[str, int]  # operation type, or "input" or "state" → how many
    examples: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the package weighs, on disk and in memory."""

    package_bytes: int
    weights_stored_bytes: int
    weights_dense_bytes: int  # with every compressed weight expanded
    state_bytes: int


@dataclass(frozen=True, slots=True)
class Work:
    """What one prediction asks for, at one length."""

    length: int | None
    multiply_adds: int
    elementwise: int
    least_traffic_bytes: int  # weights as stored, inputs and outputs
    live_activation_bytes: int  # the most at once, if every operation writes its result
    uncounted: tuple[str, ...]  # operations that could not be counted


@dataclass(frozen=True, slots=True)
class Advice:
    """All that can be said of a package without running it."""

    package: str
    function: str
    target: str  # "iOS17"
    length: int | None  # at which the rules looked; None when all shapes are fixed
    operations: int
    findings: tuple[Finding, ...]
    sizes: Sizes
    work: tuple[Work, ...]
    lower_bounds: tuple[Bound, ...]  # of the time; never a prediction


def advise(path: Path, *, lengths: Sequence[int] = ()) -> Advice:
    """Reads a package and applies every rule; nothing is executed.

    Args:
        path: a `.mlpackage` with an ML Program.
        lengths: extents of the flexible axes, such as tokens; the rules look at the first. The package's own
            default when empty.

    Raises:
        ModelError: not a package that can be read, no ML Program, or a length that it doesn't take.
        MissingExtra: coremltools is not installed.
    """
    model = _load(path)
    asked: list[int | None] = list(dict.fromkeys(lengths)) or [None]
    scene = survey(model)
    fix(scene, asked[0])
    findings = _findings(scene)
    work: list[Work] = []
    at_least: list[Bound] = []
    for length in asked:
        fix(scene, length)
        shown = default_length(model) if length is None else length
        counted, traffic = cost(scene.function), least_traffic_bytes(scene)
        work.append(
            Work(
                shown,
                counted.multiply_adds,
                counted.elementwise,
                traffic,
                live_bytes(scene.function),
                counted.uncounted,
            )
        )
        at_least += bounds(counted, traffic, shown)
    return Advice(
        package=str(path),
        function=model.function_name,
        target=TARGETS.get(scene.opset, f"opset {scene.opset}"),
        length=work[0].length,
        operations=len(scene.operations),
        findings=findings,
        sizes=Sizes(
            package_bytes=size_bytes(path),
            weights_stored_bytes=stored_bytes(scene.weights),
            weights_dense_bytes=sum(w.dense_bytes for w in scene.weights),
            state_bytes=state_bytes(scene),
        ),
        work=tuple(work),
        lower_bounds=tuple(at_least),
    )


def _load(path: Path) -> Model:
    from edgekit.mil import load

    if path.suffix == ".onnx":
        raise ModelError(
            f"{path} is an ONNX file; this advice reads Core ML packages.",
            remedy="Export the model with `edgekit export MODEL --target coreml`, and give the .mlpackage.",
        )
    return load(path)


def _findings(scene: Scene) -> tuple[Finding, ...]:
    made = []
    for rule in RULES:
        hit = rule.find(scene)
        if hit is not None:
            made.append(
                Finding(
                    rule.id,
                    rule.effect,
                    rule.confidence,
                    rule.basis,
                    rule.statement,
                    rule.remedy,
                    rule.sources,
                    hit.operations,
                    hit.examples,
                    hit.detail,
                )
            )
    return tuple(made)
