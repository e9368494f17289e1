"""What `edgekit doctor X.mlpackage` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.cli import console
from edgekit.files import human

if TYPE_CHECKING:
    from edgekit.advice.advise import Advice, Finding, Work

_TITLES = {
    "placement": "May leave the Neural Engine, or not run",
    "memory": "Costs memory",
    "speed": "Costs time",
}
_NOTHING = "None of the rules applies."
_ADVICE = (
    "Read from the program, not measured: only Xcode's performance report or MLComputePlan on a Mac shows "
    "where an operation runs."
)
_BOUND = (
    "Lower bounds, not predictions: on the Neural Engine nothing is faster than its weights, inputs and "
    "outputs cross main memory (from cold caches), or its multiply-adds run at the published peak. Real "
    "times are often many times larger. '-' is a figure that nobody published."
)


def advice(found: Advice) -> None:
    """Findings by effect, then sizes, then the lower bounds."""
    at = "" if found.length is None else f", at length {found.length}"
    console.say(f"{found.package}: {found.operations} operations in {found.function!r}, {found.target}{at}\n")
    for effect, title in _TITLES.items():
        findings = [one for one in found.findings if one.effect == effect]
        if findings:
            _findings(title, findings)
    console.say(f"{_ADVICE if found.findings else _NOTHING}\n")
    _sizes(found)
    _bounds(found)
    _sources(found)


def _findings(title: str, findings: list[Finding]) -> None:
    rows = [
        (one.id, f"{one.confidence}, {one.basis}", _where(one), one.statement, one.remedy, _example(one))
        for one in findings
    ]
    console.table((title, "Confidence", "Found", "Why", "What helps", "For example"), rows)
    console.say()


def _where(one: Finding) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in one.operations.items())
    return f"{counts}; {one.detail}" if one.detail else counts


def _example(one: Finding) -> str:
    return one.examples[0] + (", …" if len(one.examples) > 1 else "")


def _sizes(found: Advice) -> None:
    sizes = found.sizes
    rows = [
        ("Package on disk", human(sizes.package_bytes)),
        ("Weights as stored", human(sizes.weights_stored_bytes)),
        ("Weights expanded", human(sizes.weights_dense_bytes)),
    ]
    if sizes.state_bytes:
        rows.append(("States", human(sizes.state_bytes)))
    for one in found.work:
        rows += [
            (f"Activations alive at once{_at(one)}", human(one.live_activation_bytes)),
            (f"Moved at least{_at(one)}", human(one.least_traffic_bytes)),
            (f"Multiply-adds{_at(one)}", f"{one.multiply_adds:,}"),
            (f"Other arithmetic{_at(one)}", f"{one.elementwise:,}"),
        ]
        if one.uncounted:
            rows.append((f"Not counted{_at(one)}", f"{len(one.uncounted)} operations"))
    console.table(("Sizes", ""), rows, right=(1,))
    console.say()


def _at(one: Work) -> str:
    return "" if one.length is None else f", length {one.length}"


def _bounds(found: Advice) -> None:
    rows = [
        (
            bound.chip.name,
            "-" if bound.length is None else str(bound.length),
            "-" if bound.memory_ms is None else f"{bound.memory_ms:.3g} ms",
            f"{bound.compute_ms:.3g} ms",
            f"{bound.at_least_ms:.3g} ms",
        )
        for bound in found.lower_bounds
    ]
    headers = ("Lower bound on", "Length", "Memory", "Multiply-adds", "Not below")
    console.table(headers, rows, right=(1, 2, 3, 4))
    console.say(f"\n{_BOUND}\n")


def _sources(found: Advice) -> None:
    unique = {source.url: source.title for one in found.findings for source in one.sources}
    for bound in found.lower_bounds:
        chip = bound.chip
        unique.setdefault(chip.peak_source, f"{chip.name}, peak")
        if chip.bandwidth_source:
            unique.setdefault(chip.bandwidth_source, f"{chip.name}, bandwidth")
    console.table(("Source", "Where"), [(title, where) for where, title in unique.items()])
