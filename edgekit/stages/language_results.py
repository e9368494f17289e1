"""The last stages of a decoder's recipe: figures on held-out text, exports, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.data.documents import count_next
from edgekit.files import size_bytes, write_json
from edgekit.stages.context import Context
from edgekit.stages.language import JUDGED_TOGETHER, block_collator
from edgekit.stages.language_tokens import in_common, kept_tokens_of
from edgekit.stages.training import load_trained
from edgekit.types import Interval, Model, Trained

if TYPE_CHECKING:
    from edgekit.llm_timing import LlmBench
    from edgekit.report.language import DecoderFigures, LanguageReport
    from edgekit.stages.bundling import Kit
    from edgekit.stages.decoder_artifacts import BuiltDecoder

Sums = dict[str, dict[str, list[float]]]  # model → what → one number a block


def score_decoders(context: Context, models: Sequence[Trained]) -> Sums:
    """What each model says of the test text, the first being the teacher; see `token_figures`."""
    from edgekit.distill.language.judge import FIGURES

    def make(key: str) -> Sums:
        loaded = {one.name: load_trained(context, one) for one in models}
        teacher, *students = loaded.values()
        alike = [one for one in students if kept_tokens_of(teacher, one) is None]
        # The student and the one without a teacher are cut alike.
        fewer = [one for one in students if kept_tokens_of(teacher, one) is not None]
        device = context.placement.device
        for model in loaded.values():
            model.module.to(device)
        try:
            return {
                **_token_sums(context, teacher, [teacher, *alike]),
                **(_token_sums(context, teacher, fewer) if fewer else {}),
            }
        finally:
            for model in loaded.values():
                model.module.to("cpu")

    found: Sums = context.store.run(
        "scores",
        inputs={
            "models": [[one.name, one.sha256] for one in models],
            "data": context.splits.fingerprint,
            "max_length": context.max_length,
            "device": context.placement.device,
            "figures": FIGURES,
        },
        make=make,
        title="Score on the test text",
    )
    return found


def _token_sums(context: Context, teacher: Model, models: Sequence[Model]) -> Sums:
    """`token_figures` of models that share one tokenizer."""
    from edgekit.batches import by_length
    from edgekit.data.segments import segments
    from edgekit.distill.language.judge import token_figures

    processor = models[0].processor
    blocks, _ = context.judged("test", processor)
    kept, shared = kept_tokens_of(teacher, models[0]), None
    if kept is not None:
        told = segments(processor, teacher.processor, context.splits.test.inputs)
        _, shared = in_common(kept, blocks, told)
    with progress.bar("Score on the test text", len(blocks), "rows") as bar:
        return token_figures(
            {one.name: one.module for one in (teacher, *models)},
            block_collator(models[0], blocks, context.placement.device),
            by_length(blocks, JUDGED_TOGETHER),
            teacher=teacher.name,
            shared=shared,
            advance=bar.advance,
        )


def export_decoders(context: Context, student: Trained) -> list[BuiltDecoder]:
    """Every artifact of the recipe, verified against the student."""
    from edgekit.export.decoder_targets import DecoderOptions
    from edgekit.stages.decoder_artifacts import build_decoder
    from edgekit.stages.decoder_settings import DecoderSettings

    recipe = context.recipe
    if not recipe.exports:
        return []
    return build_decoder(
        student.path,
        student.path,
        [(export.target, precision) for export in recipe.exports for precision in export.precisions],
        name=student.name,
        store=context.store,
        settings=DecoderSettings(
            options={
                export.target: DecoderOptions(
                    block_size=export.block_size, group_size=export.group_size, **export.decoder.model_dump()
                )
                for export in recipe.exports
            },
            keep_rejected=recipe.gates.keep_rejected,
            threads=recipe.benchmark.threads,
        ),
        provenance=context.provenance(model=student.name, weights_sha256=student.sha256),
    )


def report_decoders(
    context: Context,
    models: Sequence[Trained],
    sums: Sums,
    built: Sequence[BuiltDecoder],
    speeds: LlmBench | None,
    kits: Sequence[Kit],
    *,
    command: str,
) -> LanguageReport:
    """Writes report.html, report.md and report.json from what the stages recorded.

    Args:
        models: teacher, student, and the label-only student if there is one.
    """
    from datetime import UTC, datetime

    from edgekit import __version__
    from edgekit.benchmark.environment import record_environment
    from edgekit.recipe.dump import to_yaml
    from edgekit.report.language import ExportedDecoder, LanguageReport
    from edgekit.report.render import write_report
    from edgekit.stages.bundling import kit_records
    from edgekit.stages.devices import kept_results, with_devices

    recipe, splits = context.recipe, context.splits
    processor = context.processor
    figures = [_figures(context, one, sums[one.name], taught=i > 0) for i, one in enumerate(models)]
    apart = sums[models[-1].name], sums[models[1].name]
    report = LanguageReport(
        task=recipe.task,
        name=recipe.name,
        description=recipe.description,
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        edgekit_version=__version__,
        recipe_yaml=to_yaml(recipe),
        teacher=figures[0],
        student=figures[1],
        label_only=figures[2] if len(figures) > 2 else None,
        kl_gain=_per_token(context, *apart, what="kl") if len(figures) > 2 else None,
        documents={
            "train": len(splits.train) + len(context.transfer),
            "validation": len(splits.validation),
            "test": len(splits.test),
        },
        tokens={
            "train": count_next(context.rows_for(processor)),
            "validation": count_next(context.judged("validation", processor)[0]),
            "test": count_next(context.judged("test", processor)[0]),
        },
        dropped=splits.dropped,
        sources=[
            {"name": name, "uri": one.uri, "sha256": one.sha256, "license": one.license}
            for name, one in context.sources.items()
        ],
        artifacts=tuple(
            ExportedDecoder(
                name=one.artifact.name,
                path=one.artifact.path.relative_to(context.folder).as_posix(),
                size_bytes=one.artifact.size_bytes,
                parity=one.parity,
                rejected_because=one.rejected_because,
                sha256=one.artifact.sha256,
            )
            for one in built
        ),
        stages=[{"name": s.name, "seconds": s.seconds, "reused": s.reused} for s in context.store.runs],
        environment=record_environment(recipe.benchmark.threads),
        speeds=speeds,
        kits=tuple(kit_records(kits, context.folder)),
    )
    report = with_devices(report, kept_results(context.folder))
    write_report(report, context.folder)
    write_json(context.store.private / "run.json", {"recipe": recipe.model_dump(mode="json")})
    return report


def _figures(context: Context, one: Trained, sums: dict[str, list[float]], *, taught: bool) -> DecoderFigures:
    import math

    from edgekit.report.language import DecoderFigures

    nll = _per_token(context, sums, what="nll")
    return DecoderFigures(
        name=one.name,
        parameters=one.parameters,
        size_bytes=size_bytes(one.path / "model.safetensors"),
        perplexity=Interval(*(math.exp(x) for x in (nll.value, nll.low, nll.high))),
        kl=_per_token(context, sums, what="kl") if taught else None,
        same=_per_token(context, sums, what="same") if taught else None,
        seconds=one.seconds,
        curve=one.curve,
        vocabulary=load_trained(context, one).module.config.vocab_size,
        compared=sum(sums["compared"]) / max(sum(sums["own"]), 1) if taught else None,
    )


def _per_token(
    context: Context, sums: dict[str, list[float]], less: dict[str, list[float]] | None = None, *, what: str
) -> Interval:
    """Mean over tokens, of blocks drawn again and again for the interval; minus another model's, paired."""
    import numpy as np

    total = np.array(sums[what]) - (np.array(less[what]) if less else 0.0)
    tokens = np.array(sums["tokens" if what == "nll" else "compared"])
    random = np.random.default_rng(context.recipe.seed)
    drawn = random.integers(0, len(tokens), size=(context.recipe.benchmark.bootstrap, len(tokens)))
    counted = np.maximum(tokens[drawn].sum(axis=1), 1)
    low, high = np.quantile(total[drawn].sum(axis=1) / counted, [0.025, 0.975])
    return Interval(float(total.sum() / max(tokens.sum(), 1)), float(low), float(high))
