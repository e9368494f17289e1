"""What the report says, in order. The page and the Markdown file draw the same sections."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.report import device_tables, origin_tables, quality_tables, result_tables, sensitivity, summary
from edgekit.report.document import Report
from edgekit.report.inputs import input_words
from edgekit.report.table import Table
from edgekit.report.words import count, in_words, percent


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what is under it. Empty parts are not drawn."""

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[tuple[str, tuple[Table, ...]], ...] = ()  # summary → tables shown on demand
    picture: str = ""  # name of a picture of the page
    picture_caption: str = ""
    command: str = ""
    listing_title: str = ""
    listing: str = ""

    def __bool__(self) -> bool:
        return bool(any(self.tables) or self.folded or self.picture or self.command or self.listing)


def sections(report: Report) -> list[Section]:
    """Every section that has something to show."""
    every = (
        _distillation(report),
        _steps(report),
        _trade_off(report),
        _curves(report),
        _parity(report),
        _latency(report),
        _devices(report),
        _kits(report),
        _quantization(report),
        *_mixed(report),
        _not_measured(report),
        _data(report),
        _origin(report),
        _reproduce(report),
    )
    return [section for section in every if section]


def _kept(*paragraphs: str) -> tuple[str, ...]:
    return tuple(p for p in paragraphs if p)


def _folded(*parts: tuple[str, tuple[Table, ...]]) -> tuple[tuple[str, tuple[Table, ...]], ...]:
    shown = ((title, tuple(t for t in tables if t)) for title, tables in parts)
    return tuple((title, tables) for title, tables in shown if tables)


def _distillation(report: Report) -> Section:
    scored = [e for e in (report.teacher, report.student) if e is not None and e.score is not None]
    baselines = [b for b in (report.baselines.label_only, report.baselines.tfidf) if b.score is not None]
    found = result_tables.distillation(report)
    return Section(
        id="distillation",
        title="What distillation bought",
        paragraphs=_kept(summary.gain(report)),
        tables=(found,) if scored or baselines else (),
        picture="scores" if len(scored) + len(baselines) > 1 else "",
        picture_caption="The dashed line is the teacher. All scores are from the same test split.",
    )


def _steps(report: Report) -> Section:
    rows = report.artifacts or report.teacher or report.student
    return Section(
        id="steps",
        title="Step by step",
        paragraphs=_kept(
            "Each score was measured on the model or file in its row, and comes with its 95 % interval."
            + (f" Speed-ups are against {report.speedup_reference}." if report.speedup_reference else ""),
        ),
        tables=(result_tables.steps(report),) if rows else (),
    )


def _trade_off(report: Report) -> Section:
    left_out = [a.name for a in report.artifacts if a.score is None]
    verb = "has no score and is" if len(left_out) == 1 else "have no score and are"
    return Section(
        id="trade-off",
        title="Size, score and latency",
        picture="trade_off" if any(a.score is not None for a in report.artifacts) else "",
        picture_caption=(
            "Further left is smaller, higher is better, a smaller disc is faster (its area is the median "
            "latency). Vertical lines are 95 % intervals."
            + (f" {in_words(left_out)} {verb} not drawn." if left_out else "")
        ),
    )


def _curves(report: Report) -> Section:
    return Section(
        id="training",
        title="Training",
        picture="curves" if any(report.curves.values()) else "",
        picture_caption="Score on the validation split while training.",
    )


def _parity(report: Report) -> Section:
    compared = any(a.parity is not None for a in report.artifacts)
    unexecuted = any(a.parity is not None and not a.parity.executed for a in report.artifacts)
    structure = quality_tables.structure(report)
    return Section(
        id="parity",
        title="Parity",
        paragraphs=_kept(
            "Every file that runs here was run over the test split and compared with what it was made from.",
            "Files marked “not executed” were only checked for structure: nothing is known here about their "
            "numbers."
            if unexecuted
            else "",
            "Core ML files were executed off a Mac, by reference semantics: what an operation is documented "
            "to compute, rounded as the program declares. It is not device output."
            if summary.by_reference(report)
            else "",
            "An error that goes away when nothing is rounded is lost precision; one that stays is the "
            "conversion’s, or the compression’s."
            if any(a.parity is not None and a.parity.unrounded is not None for a in report.artifacts)
            else "",
        ),
        tables=(quality_tables.parity(report), quality_tables.roundings(report), quality_tables.gates(report))
        if compared
        else (),
        folded=_folded(
            ("Error by batch size and length", (quality_tables.shapes(report),)),
            (f"Structural checks ({count(len(structure.rows))})", (structure,)),
        ),
    )


def _latency(report: Report) -> Section:
    rows, one = result_tables.timings(report), input_words(report.task).one
    protocols = list(dict.fromkeys(row.protocol for row in rows if row.p50_ms is not None))
    measured = next((row for row in rows if row.p50_ms is not None), None)
    runs = (
        f"{count(measured.runs)} timed runs each after {count(measured.warmup)} untimed ones."
        if measured
        else ""
    )
    return Section(
        id="latency",
        title="Latency",
        paragraphs=_kept(
            f"One {one} at a time. {runs} Protocol: {in_words(protocols)}."
            if protocols
            else f"One {one} at a time.",
        ),
        tables=(result_tables.latency(report),) if rows else (),
    )


def _devices(report: Report) -> Section:
    return Section(
        id="devices",
        title="Devices",
        paragraphs=_kept(
            device_tables.summary(report),
            "“Off by” is the largest difference of an answer from the verified one."
            if report.devices
            else "",
        ),
        tables=(
            device_tables.devices(report),
            device_tables.writing(report),
            device_tables.conditions(report),
        ),
    )


def _kits(report: Report) -> Section:
    return Section(
        id="kits",
        title="App kits",
        paragraphs=("Each carries its model, what prepares its inputs, and tests with the verified answers.",)
        if report.kits
        else (),
        tables=(device_tables.kits(report), device_tables.usage(report)),
    )


def _quantization(report: Report) -> Section:
    skipped = quality_tables.skipped(report)
    return Section(
        id="quantization",
        title="Quantization",
        paragraphs=("Each weight that kept its precision did so for a reason, given here.",)
        if skipped
        else (),
        tables=(quality_tables.quantization(report), skipped),
    )


def _mixed(report: Report) -> list[Section]:
    return [
        Section(
            id=name,
            title=sensitivity.title(artifact),
            paragraphs=(sensitivity.described(artifact),),
            picture=name,
            picture_caption=sensitivity.caption(artifact),
        )
        for name, artifact in sensitivity.pictures(report).items()
    ]


def _not_measured(report: Report) -> Section:
    return Section(
        id="not-measured",
        title="What was not measured",
        tables=(origin_tables.not_measured(report.not_measured),),
    )


def _data(report: Report) -> Section:
    left_out = report.data.dropped if report.data else {}
    return Section(
        id="data",
        title="Data",
        paragraphs=_kept(_lengths(report)),
        tables=(
            origin_tables.splits(report),
            origin_tables.dropped(left_out),
        ),
    )


def _lengths(report: Report) -> str:
    found = report.data.token_lengths if report.data else None
    if found is None:
        return ""
    cut = f", which shortens {percent(found.cut_share)} of them" if found.cut_share else ""
    return (
        f"Half of the training texts have at most {count(found.p50)} tokens, 90 in 100 at most "
        f"{count(found.p90)}, 99 in 100 at most {count(found.p99)}; the longest has {count(found.longest)}. "
        f"They are cut after {count(found.limit)}{cut}."
    )


def _origin(report: Report) -> Section:
    return Section(
        id="origin",
        title="Sources, files and machine",
        tables=(
            origin_tables.sources(report.sources),
            origin_tables.files(report),
            origin_tables.fingerprints(report),
        ),
        folded=_folded(
            ("Environment", (origin_tables.environment(report.environment),)),
            ("Time by stage", (origin_tables.stages(report.stages),)),
        ),
    )


def _reproduce(report: Report) -> Section:
    return Section(
        id="reproduce",
        title="How to reproduce",
        command=report.command,
        listing_title="The resolved recipe, with every default",
        listing=report.recipe.yaml,
    )
