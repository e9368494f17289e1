"""Tables that several commands print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.cli import console
from edgekit.files import human

if TYPE_CHECKING:
    from edgekit.report.document import Report
    from edgekit.types import Artifact, Gate, Parity, Timing, Unrounded


def artifact_table(report: Report) -> None:
    """A run's artifacts, one line each."""
    rows = []
    for one in report.artifacts:
        timing = one.timing
        rows.append(
            (
                one.name,
                human(one.size_bytes),
                _percent(one.score),
                _number(timing.p50_ms if timing else None, "ms"),
                _times(timing.speedup.value if timing and timing.speedup else None),
                _verdict(one.parity.executed, one.parity.passed) if one.parity else "not verified",
            )
        )
    console.table(("Artifact", "Size", "Score", "p50", "Speed", "Verified"), rows, right=(1, 2, 3, 4))


def parity_lines(artifact: Artifact, parity: Parity) -> None:
    """One artifact's parity, gate by gate."""
    console.say(f"{artifact.path}  {artifact.target} {artifact.precision}, {human(artifact.size_bytes)}")
    console.say(f"  {_verdict(parity.executed, parity.passed)} against {parity.reference}, {parity.runtime}")
    if parity.executed:
        console.say(f"  {_errors(parity, parity.metric_name)}")
        if parity.unrounded is not None:
            console.say(f"  unrounded, {_errors(parity.unrounded, parity.metric_name)}")
            console.say(f"  {parity.meaning}")
        if parity.metric is None:
            console.say("  no metric: no labelled data was given (--data)")
    for gate in parity.gates:
        console.say(f"  {'ok  ' if gate.passed else 'FAIL'} {gate.name}: {_gate_value(gate)}")
    for text in parity.checks:
        console.say(f"  ok   {text}")
    for text in parity.failures:
        console.say(f"  FAIL {text}")


def _gate_value(gate: Gate) -> str:
    spread = f" [{gate.interval.low:.4g}, {gate.interval.high:.4g}]" if gate.interval else ""
    place = f", on {gate.measured_on}" if gate.measured_on else ""
    return f"{gate.value:.4g}{spread} (gate {gate.limit:g}){place}"


def timing_table(timings: Sequence[Timing]) -> None:
    """Benchmark rows."""
    rows = [
        (
            t.artifact,
            human(t.size_bytes) if t.size_bytes is not None else "–",
            _number(t.p50_ms, "ms"),
            _number(t.p90_ms, "ms"),
            _number(t.p99_ms, "ms"),
            _number(t.end_to_end_p50_ms, "ms"),
            _number(t.pass_seconds, "s"),
            human(t.peak_bytes) if t.peak_bytes else "–",
            _percent(t.score.value if t.score else None),
            _interval(t.retained, 100, "%"),
            _interval(t.speedup, 1, "×"),
        )
        for t in timings
    ]
    headers = (
        "Model",
        "Size",
        "p50",
        "p90",
        "p99",
        "End to end",
        "Full pass",
        "Peak memory",
        "Score",
        "Retained",
    )
    console.table((*headers, "Speed"), rows, right=range(1, 11))
    for t in timings:
        if t.not_measured:
            console.say(f"{t.artifact}: not measured: {t.not_measured}")


def _errors(found: Parity | Unrounded, metric: str | None) -> str:
    """Error and score of one pass; both roundings are told alike."""
    agreed = "" if found.label_agreement is None else f", same label {_percent(found.label_agreement)}"
    scored = ""
    if found.metric is not None:
        scored = f", {metric} {_percent(found.metric)}, {found.metric_drop:+.2f} points lost"
    return (
        f"{found.samples} rows: largest difference {found.max_abs_error:.3g}, "
        f"mean cosine {found.cosine:.6f}{agreed}{scored}"
    )


def _verdict(executed: bool, passed: bool) -> str:
    if not passed:
        return "FAILED its gates"
    return "executed, passed" if executed else "not executed, structure passed"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}×"


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.2f} {unit}"


def _interval(interval: Any, scale: float, unit: str) -> str:
    if interval is None:
        return "–"
    return f"{scale * interval.value:.2f} {unit} [{scale * interval.low:.2f}, {scale * interval.high:.2f}]"


def rejected_names(built: Iterable[Any]) -> list[str]:
    """Names of artifacts that did not pass."""
    return [b.artifact.name for b in built if b.rejected_because]
