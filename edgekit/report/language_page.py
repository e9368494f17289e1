"""What a decoder's report says, in order."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.report import device_tables, language_charts, origin_tables
from edgekit.report import language_tables as tables
from edgekit.report.document import NotMeasured, SourceRecord, StageRecord
from edgekit.report.language import ExportedDecoder, LanguageReport
from edgekit.report.page import Page, Sketch
from edgekit.report.sections import Section
from edgekit.report.summary import Figure
from edgekit.report.words import count, in_words, number, percent, size, within

_FEW_TOKENS = 10_000  # held-out tokens below which a figure is called rough


def language_page(report: LanguageReport) -> Page:
    """The page of a decoder's run."""
    charts = language_charts
    sketches = {
        "perplexity": Sketch(
            report, charts.perplexities, "Perplexity on held-out text", charts.perplexities_text(report)
        ),
        "distance": Sketch(report, charts.distances, "KL to the teacher", charts.distances_text(report)),
        "trade_off": Sketch(
            report, charts.trade_off, "Size and distance of every file", charts.trade_off_text(report)
        ),
        "curves": Sketch(
            report, charts.curves, "Validation perplexity while training", charts.curves_text(report)
        ),
    }
    every = (
        _distillation(report),
        _distance(report),
        _exports(report),
        _speed(report),
        _devices(report),
        _kits(report),
        _training(report),
        _limits(report),
        _data(report),
        _origin(report),
        _reproduce(report),
    )
    shown = [section for section in every if section]
    wanted = {section.picture for section in shown}
    return Page(
        name=report.name,
        description=report.description,
        headline=report.headline,
        checked=_checked(report),
        figures=_figures(report),
        sections=shown,
        version=report.edgekit_version,
        created=report.created,
        layout="",
        pictures={name: sketch for name, sketch in sketches.items() if name in wanted},
    )


def _figures(report: LanguageReport) -> list[Figure]:
    """Up to four numbers, most important first."""
    student, teacher = report.student, report.teacher
    found = [
        Figure("perplexity", number(student.perplexity.value), f"teacher {number(teacher.perplexity.value)}")
    ]
    if student.kl is not None:
        alone = report.label_only.kl if report.label_only else None
        note = f"without a teacher {number(alone.value, 2)}" if alone else ""
        found.append(Figure("nats a token to the teacher", number(student.kl.value, 2), note))
    best = _best(report)
    if best is not None:
        found.append(Figure(f"{best.kind} file", size(best.size_bytes), f"from {size(teacher.size_bytes)}"))
        row = report.speed_of(best.name)
        if row is not None and row.decode is not None:
            share = row.decode.share
            note = "" if share is None else f"{percent(share, 0)} of what the memory allows"
            found.append(Figure("tokens a second", number(row.decode.median, 0), note))
    return found


def _best(report: LanguageReport) -> ExportedDecoder | None:
    """The smallest verified file, of those whose speed is known if there are any."""
    verified = [one for one in report.artifacts if one.parity.passed and not one.rejected_because]
    timed = [one for one in verified if report.speed_of(one.name) is not None]
    return min(timed or verified, key=lambda one: one.size_bytes, default=None)


def _checked(report: LanguageReport) -> str:
    if not report.artifacts:
        return ""
    rejected = [one.name for one in report.artifacts if one.rejected_because]
    passed = len(report.artifacts) - len(rejected)
    files = "file was" if len(report.artifacts) == 1 else "files were"
    sentences = [f"{count(passed)} of {count(len(report.artifacts))} exported {files} run and verified."]
    if _by_reference(report):
        sentences.append("Core ML was executed by reference semantics, not on a device.")
    sentences.append(f"Rejected: {in_words(rejected)}." if rejected else "None was rejected.")
    return " ".join(sentences)


def _by_reference(report: LanguageReport) -> bool:
    return any("reference semantics" in one.parity.runtime for one in report.artifacts)


def _distillation(report: LanguageReport) -> Section:
    kept, all_of_them = report.student.vocabulary, report.teacher.vocabulary
    fewer = kept is not None and all_of_them is not None and kept < all_of_them
    paragraphs = [
        f"Over {count(report.tokens['test'])} tokens of {count(report.documents['test'])} documents that "
        f"no training saw; {'the tokens kept' if fewer else 'whole vocabularies'} are compared in fp32, 95 % "
        "intervals are over blocks of text."
    ]
    if kept is not None and all_of_them is not None and kept < all_of_them:
        paragraphs.append(
            f"The student kept {count(kept)} of its teacher’s {count(all_of_them)} tokens. Its perplexity is "
            "per token of its teacher’s. The teacher is asked for the next token given that it is one of "
            f"those, where both read the same token: {percent(report.student.compared)} of the student’s."
        )
    return Section(
        id="distillation",
        title="On held-out text",
        paragraphs=tuple(paragraphs),
        tables=(tables.models(report),),
        picture="perplexity",
        picture_caption="The dashed line is the teacher. Perplexity is e to the mean loss of a token.",
    )


def _distance(report: LanguageReport) -> Section:
    gain = report.kl_gain
    if gain is None:
        return Section(id="distance", title="What the teacher was worth")
    interval = within(gain.low, gain.high, digits=3)
    against = "against the same student trained on the texts alone"
    if gain.low > 0:
        said = f"The teacher saves {number(gain.value, 3)} nats a token of KL {against} ({interval})."
    elif gain.high < 0:
        said = f"The teacher costs {number(-gain.value, 3)} nats a token of KL {against} ({interval})."
    else:
        nats = f"{number(gain.value, 3)} nats a token ({interval})"
        said = f"Whether the teacher helps can’t be told from chance: {nats}."
    if report.label_only is not None:
        own, alone = (number(one.perplexity.value) for one in (report.student, report.label_only))
        said += f" On the text itself the student’s perplexity is {own}, and {alone} without a teacher."
    return Section(
        id="distance",
        title="What the teacher was worth",
        paragraphs=(said,),
        picture="distance",
        picture_caption="KL(teacher ‖ model) of next tokens: 0 says what the teacher says.",
        tables=(),
    )


def _exports(report: LanguageReport) -> Section:
    stored = [one.parity.stored for one in report.artifacts if one.parity.stored is not None]
    positions = sorted({one.parity.positions for one in report.artifacts})
    compared = f"over {in_words([count(n) for n in positions])} next tokens of the built-in texts"
    paragraphs = [
        f"Every file was run and compared with the student {compared}, at once and token by token, and both "
        "wrote on."
    ]
    if len(stored) == len(report.artifacts):
        numbers = in_words([count(one.numbers) for one in stored])
        paragraphs.append(f"So was every stored number ({numbers}), with the weight that it stands for.")
    if _by_reference(report):
        paragraphs.append(
            "Core ML files were executed off a Mac, by reference semantics: what an operation is documented "
            "to compute, rounded as the program declares. It is not device output."
        )
    return Section(
        id="exports",
        title="Exported files",
        paragraphs=tuple(paragraphs),
        tables=(tables.exports(report),),
        folded=tuple(
            (title, (found,))
            for title, found in (("Gates", tables.gates(report)), ("Text by text", tables.texts(report)))
            if found
        ),
        picture="trade_off" if len(language_charts.placed(report)) > 1 else "",
        picture_caption="Left is smaller, lower is nearer to the student; hollow marks were rejected.",
    )


def _speed(report: LanguageReport) -> Section:
    bench = report.speeds
    if bench is None:
        return Section(id="speed", title="Speed on this machine")
    gigabytes = bench.bandwidth_bytes_per_s / 1e9
    threads = f"{bench.settings.threads} thread{'s' if bench.settings.threads > 1 else ''}"
    return Section(
        id="speed",
        title="Speed on this machine",
        paragraphs=(
            f"Batch 1, random tokens, tokenization and sampling left out, {threads}; medians and "
            f"standard deviations of {count(bench.settings.repeats)} turns after a warm-up. Decoding writes "
            f"{count(bench.settings.tokens)} tokens one by one, after {count(bench.settings.depth)} others.",
            f"The bound is what the memory allows, read at {gigabytes:.1f} GB/s in the same run: no "
            "token can be had without reading every weight once.",
        ),
        tables=(tables.speed(report),),
    )


def _devices(report: LanguageReport) -> Section:
    return Section(
        id="devices",
        title="Devices",
        paragraphs=(device_tables.summary(report),) if device_tables.summary(report) else (),
        tables=(device_tables.writing(report), device_tables.conditions(report)),
    )


def _kits(report: LanguageReport) -> Section:
    return Section(
        id="kits",
        title="App kits",
        paragraphs=("Each carries its model, its tokenizer, and tests with what the very file wrote.",)
        if report.kits
        else (),
        tables=(device_tables.kits(report), device_tables.usage(report)),
    )


def _training(report: LanguageReport) -> Section:
    return Section(
        id="training",
        title="Training",
        picture="curves" if any(one.curve for one in report.models) else "",
        picture_caption="Perplexity on the validation text while training.",
        folded=(("Every evaluation", (tables.evaluations(report),)),) if tables.evaluations(report) else (),
    )


def _limits(report: LanguageReport) -> Section:
    return Section(
        id="limits",
        title="Limits",
        paragraphs=(
            "One training with one seed: another seed gives other figures, by how much was not measured. The "
            "intervals are about the text alone.",
        ),
        tables=(origin_tables.not_measured(list(_gaps(report))),),
    )


def _gaps(report: LanguageReport) -> Iterator[NotMeasured]:
    tokens = report.tokens["test"]
    if tokens < _FEW_TOKENS:
        yield NotMeasured(
            what="A finer perplexity and KL",
            why=f"The held-out text has {count(tokens)} predicted tokens: take these figures as rough.",
        )
    yield NotMeasured(
        what="Instructions, facts, longer texts",
        why="Figures are of next tokens of held-out text like that of training.",
    )
    if report.label_only is None:
        yield NotMeasured(
            what="The student without a teacher", why="baselines.label_only is off in the recipe."
        )
    silent = [one for one in report.artifacts if report.speed_of(one.name) is None]
    reasons = {row.model: row.not_measured for row in (report.speeds.rows if report.speeds else ())}
    for one in silent:
        yield NotMeasured(
            what=f"Speed of {one.name}",
            why=reasons.get(one.name, "")
            or "No benchmark was made in this run: `edgekit bench llm` makes one.",
        )
    if not any(not result.device.simulated for result in report.devices):
        yield NotMeasured(
            what="Speed on a phone", why="No phone was attached: import what a kit measured on one."
        )


def _data(report: LanguageReport) -> Section:
    return Section(
        id="data",
        title="Data",
        tables=(tables.text(report), origin_tables.dropped(report.dropped)),
    )


def _origin(report: LanguageReport) -> Section:
    sources = [
        SourceRecord(role=one["name"], uri=one["uri"], sha256=one["sha256"], license=one["license"])
        for one in report.sources
    ]
    stages = [StageRecord(**one) for one in report.stages]
    folded = (
        ("Environment", origin_tables.environment(report.environment)),
        ("Time by stage", origin_tables.stages(stages)),
    )
    return Section(
        id="origin",
        title="Sources, files and machine",
        tables=(origin_tables.sources(sources), tables.files(report)),
        folded=tuple((title, (found,)) for title, found in folded if found),
    )


def _reproduce(report: LanguageReport) -> Section:
    return Section(
        id="reproduce",
        title="How to reproduce",
        command=report.command,
        listing_title="The resolved recipe, with every default",
        listing=report.recipe_yaml,
    )
