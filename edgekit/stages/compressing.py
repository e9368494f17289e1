"""Core ML weight compression as stages: plan, measure what each weight can bear, carry it out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import dumps, from_json, to_json
from edgekit.errors import ExportError
from edgekit.files import human, read_json, sha256_json, write_json
from edgekit.recipe.schema import Export
from edgekit.types import Artifact, LayerPrecision, Quantized, Rows, Trained

if TYPE_CHECKING:
    from edgekit.quantize.mix import Option
    from edgekit.stages.artifacts import Workbench
    from edgekit.stages.context import Context

# Scheme → weight → its bytes, and how far it alone moves the outputs when stored so.
Measured = Mapping[str, Mapping[str, tuple[int, float]]]
PLAIN = "fp16"
SPEC_BYTES = 1024  # of the program's text for one compressed weight, at most
_TAIL_LINES = 8


def compress(
    bench: Workbench, export: Export, source: Artifact, precision: str, path: Path
) -> tuple[Quantized, Artifact]:
    """A compressed copy of an fp16 package, with its plan; the plan carries the time and memory that it took.

    Raises:
        ExportError: a weight can't be stored so, no mix fits `export.mixed.max_bytes`, or training learned no
            ranges for int8-static.
    """
    if precision == "int8-static":
        source = _with_quantized_inputs(bench, export, source)
    mixed = precision == "mixed"
    plan, measured = _mixed(bench, export, source) if mixed else (_plan(bench, export, precision), {})
    name = f"{bench.name}-coreml-{precision}"
    result = bench.store.run(
        f"export-{name}",
        inputs={"source": source.sha256, "plan": plan},
        outputs=[path],
        make=lambda key: in_a_process(source, plan, path),
        title=f"Compress {name}",
    )
    artifact = from_json(Artifact, {**result["artifact"], "path": path, "name": name})
    spent = {"seconds": result["seconds"], "peak_bytes": result["peak_bytes"]}
    return replace(plan, **spent, measured=effects(measured)), artifact


def _with_quantized_inputs(bench: Workbench, export: Export, source: Artifact) -> Artifact:
    """A package like `source`, with activations quantized in the ranges that training learned."""
    from edgekit.export.coreml import export_coreml
    from edgekit.export.coreml_w8a8 import with_quantized_inputs
    from edgekit.stages.learned import learned_inputs

    ranges = learned_inputs(bench)
    if not ranges:
        raise ExportError(
            f"{bench.name} has no learned ranges of activations, which int8-static for coreml stores.",
            remedy="Train it with student.quantization_aware and this export in the recipe, or use int8.",
        )
    path = bench.store.private / "quantized_inputs" / source.path.name
    shape = export.model_dump(mode="json", include={"minimum_deployment_target", "shapes", "lengths"})

    def make(key: str) -> Artifact:
        model = with_quantized_inputs(bench.exportable, ranges)
        return export_coreml(model, path, precision=PLAIN, **shape)

    result = bench.store.run(
        f"export-{bench.name}-coreml-quantized-inputs",
        inputs={"source": source.sha256, "ranges": ranges, **shape},
        outputs=[path],
        make=make,
        title=f"Quantize {len(ranges)} activations of {bench.name}",
    )
    return from_json(Artifact, {**result, "path": path, "name": source.name})


def effects(measured: Measured) -> dict[str, dict[str, float]]:
    """Weight → scheme → how far it alone moves the outputs."""
    found: dict[str, dict[str, float]] = {}
    for scheme, weights in measured.items():
        for name, (_, effect) in weights.items():
            found.setdefault(name, {})[scheme] = effect
    return found


def _plan(bench: Workbench, export: Export, scheme: str) -> Quantized:
    from edgekit.quantize.coreml import plan_coreml

    return plan_coreml(
        bench.exportable.module,
        name=bench.name,
        scheme=scheme,
        block_size=export.block_size,
        group_size=export.group_size,
    )


def in_a_process(source: Artifact, plan: Quantized, path: Path, **more: Any) -> Mapping[str, Any]:
    """Carries out a plan in a process of its own, whose peak memory is the compression's alone.

    Args:
        more: what `compress_worker` takes beside these.

    Returns:
        The artifact, `seconds` and `peak_bytes`, as JSON values.

    Raises:
        ExportError: what went wrong in it.
    """
    request = dumps({"source": source, "plan": plan, "path": path.absolute(), **more})
    weights = sum(bool(layer.scheme) for layer in plan.layers)
    with progress.bar(f"Compressing to {plan.scheme}", weights, "weights") as bar:
        done = subprocess.run(
            [sys.executable, "-m", "edgekit.stages.compress_worker"],
            input=request,
            capture_output=True,
            text=True,
            check=False,
        )
        bar.advance(weights)
    lines = done.stdout.strip().splitlines()
    answer = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    if done.returncode == 0 and answer:
        return answer
    if "fact" in answer:
        raise ExportError(answer["fact"], remedy=answer["remedy"])
    tail = "\n".join(done.stderr.strip().splitlines()[-_TAIL_LINES:])
    raise ExportError(
        f"Compressing {source.path.name} to {plan.scheme} failed (code {done.returncode}): {tail}",
        remedy="Check that enough memory is free; if it happens every time, report it with this message.",
    )


def _mixed(bench: Workbench, export: Export, source: Artifact) -> tuple[Quantized, Measured]:
    """The plan that meets the budget with the least loss, and what it rests on."""
    from edgekit.quantize.coreml import PLAIN_BITS
    from edgekit.recipe.schema.precisions import mixable

    plans = {scheme: _plan(bench, export, scheme) for scheme in mixable(export.minimum_deployment_target)}
    rows = calibration_rows(bench, export.mixed.rows)
    measured = bench.store.run(
        f"sensitivity-{bench.name}-coreml",
        inputs={
            "weights": bench.sha256,
            "plans": plans,
            "rows": sha256_json(to_json(rows)),
            "minimum_deployment_target": export.minimum_deployment_target,
        },
        make=lambda key: _measure(bench, source, plans, rows, key),
        title=f"Sensitivity of {bench.name}",
    )
    sizes = {name: p.numel() for name, p in bench.exportable.module.named_parameters(remove_duplicate=False)}
    return mix(export, source, plans, measured, sizes, PLAIN, PLAIN_BITS, rows=len(rows)), measured


def mix(
    export: Export,
    source: Artifact,
    plans: Mapping[str, Quantized],
    measured: Measured,
    sizes: Mapping[str, int],
    plain: str,
    plain_bits: int,
    *,
    rows: int,
) -> Quantized:
    """The plan that meets the export's budget with the least loss.

    Args:
        plans: scheme → its plan for the whole model.
        measured: scheme → weight → its bytes, and how far it alone moves the outputs when stored so.
        sizes: weight → its values.
        plain: the precision of `source`, with so many bits a value.
        rows: that were compared.

    Raises:
        ExportError: no mix fits the budget, or `source` does as it is.
    """
    from edgekit.quantize.coreml import plan_mixed
    from edgekit.quantize.mix import Option, choose

    options: dict[str, list[Option]] = {}
    for scheme, weights in measured.items():
        for name, (stored, loss) in weights.items():
            of_weight = options.setdefault(name, [Option(plain, sizes[name] * plain_bits // 8, 0.0)])
            of_weight.append(Option(scheme, stored, loss))
    chosen = choose(options, _budget(export, source, options, plain_bits))
    if all(option.scheme == plain for option in chosen.values()):
        raise ExportError(
            f"{source.path.name} meets the budget of mixed as it is: {source.size_bytes:,} bytes.",
            remedy="Ask for fewer max_bytes or bits, or leave mixed out.",
        )
    progress.say(_summary(chosen, rows))
    losses = {n: (o.scheme, o.loss) for n, o in chosen.items() if o.scheme != plain}
    return plan_mixed(plans, losses, plain_bits=plain_bits)


def _budget(
    export: Export, source: Artifact, options: Mapping[str, Sequence[Option]], plain_bits: int
) -> int:
    """Bytes for the weights that can be compressed."""
    plain = sum(each[0].stored_bytes for each in options.values())
    if export.mixed.max_bytes is None:
        return int(plain * export.mean_bits / plain_bits)
    return export.mixed.max_bytes - (source.size_bytes - plain) - SPEC_BYTES * len(options)


def _summary(chosen: Mapping[str, Option], rows: int) -> str:
    from collections import Counter

    counts = Counter(option.scheme for option in chosen.values())
    told = ", ".join(f"{count} {scheme}" for scheme, count in counts.most_common())
    total = sum(option.stored_bytes for option in chosen.values())
    return f"Mixed, by sensitivity on {rows} rows: {told}; {human(total)} of weights"


def calibration_split(context: Context, trained: Trained) -> Rows:
    """The calibration split of a run in a model's own tokens."""
    from edgekit.data.judged import judged_rows
    from edgekit.models.load import load_processor

    processor = load_processor(trained.path, uri=trained.name)
    return judged_rows(context.recipe.task, processor, context.splits.calibration, context.max_length)[0]


def calibration_rows(bench: Workbench, count: int) -> Rows:
    """At most `count` rows, evenly from the bench's calibration rows, or from its test rows if it has none.

    Their labels are never looked at.
    """
    rows = bench.calibration() if bench.calibration else bench.rows
    step = max(1, len(rows) // count)
    return [rows[i] for i in range(0, len(rows), step)][:count]


def _measure(
    bench: Workbench, source: Artifact, plans: Mapping[str, Quantized], rows: Rows, key: str
) -> dict[str, dict[str, tuple[int, float]]]:
    """Scheme → weight → its bytes, and how far it alone moves the outputs when stored so.

    Each weight is put into the PyTorch module as it is executed from a package that coremltools compressed.
    What is measured is kept weight by weight, so that a run that was stopped goes on where it was.
    """
    from edgekit.export.coreml_compress import compressed, open_package
    from edgekit.quantize.sensitivity import Sensitivity
    from edgekit.stages.expanding import expanded

    package = open_package(source.path)
    probe = Sensitivity(
        bench.exportable.module,
        bench.exportable.signature,
        rows,
        pad_id=bench.model.processor.pad_token_id,
    )

    def losses(layers: Sequence[LayerPrecision]) -> Iterator[tuple[str, int, float]]:
        for weight in expanded(compressed(package, layers), layers):
            yield weight.name, weight.stored_bytes, probe.loss(weight.name, weight.value)

    return kept_losses(bench, plans, losses, key)


def kept_losses(
    bench: Workbench,
    plans: Mapping[str, Quantized],
    losses: Callable[[Sequence[LayerPrecision]], Iterable[tuple[str, int, float]]],
    key: str,
) -> dict[str, dict[str, tuple[int, float]]]:
    """Scheme → weight → bytes and loss; each is written down at once, and what is there is not found again.

    Args:
        losses: of some weights of one scheme, the name, bytes and loss of one after another.
        key: of the record.
    """
    record = bench.store.private / "sensitivity" / f"{key}.json"
    known = read_json(record) if record.is_file() else {}
    wanted = {scheme: [la for la in plan.layers if la.scheme] for scheme, plan in plans.items()}
    total = sum(len(layers) for layers in wanted.values())
    with progress.bar(f"Sensitivity of {bench.name}", total, "weights") as bar:
        for scheme, layers in wanted.items():
            found = known.setdefault(scheme, {})
            bar.advance(len(found))
            bar.note(scheme)
            left = [layer for layer in layers if layer.name not in found]
            for name, stored, loss in losses(left) if left else ():
                found[name] = (stored, loss)
                write_json(record, known)
                bar.advance()
    return known
