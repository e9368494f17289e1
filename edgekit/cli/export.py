"""`edgekit export`: write a model for a device, and verify the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.decoder_options import DECODER_ONLY, decoder_options, refuse_options
from edgekit.cli.options import json_option, keep_rejected_option, out_option, quiet_option

if TYPE_CHECKING:
    from edgekit.ort_format import OrtFile
    from edgekit.stages.artifacts import Built
    from edgekit.types import Quantized

ENCODER_ONLY = (
    "max_length", "shapes", "ort", "calibration", "smoothing", "bits",
    "max_bytes", "mix", "minimum_deployment_target", "pair_column", "label_column", "label_separator",
)  # fmt: skip


def compression_options(*, default: str) -> Callable[[Any], Any]:
    """The options that say how weights are stored, shared with `quantize`."""

    def add(command: Any) -> Any:
        for option in (
            click.option(
                "--group-size",
                type=click.IntRange(1, 1024),
                help="Channels that share a table in the grouped palettes. [default: 32]",
            ),
            click.option(
                "--block-size",
                type=click.IntRange(8, 1024),
                help="Inputs that share a scale in int4 and int8-weights. [default: 32]",
            ),
            click.option(
                "--calibration",
                type=click.Choice(["minmax", "percentile", "entropy", "mse"]),
                help="How int8-static chooses an activation's range. [default: percentile]",
            ),
            click.option(
                "--smoothing",
                type=click.FloatRange(0, 1),
                help="How much of the outliers int8-smooth moves into the weights. [default: 0.5]",
            ),
            click.option(
                "--minimum-deployment-target",
                type=click.Choice(["iOS16", "iOS17", "iOS18"]),
                default="iOS17",
                show_default=True,
                help="Core ML only.",
            ),
            click.option(
                "--bits",
                type=click.FloatRange(1, 32),
                help="Mean bits of a weight in mixed. [default: 6; 12 for onnx]",
            ),
            click.option("--max-bytes", help="Size of the mixed file, such as 6MB."),
            click.option("--mixed", "mix", is_flag=True, help="The same as --precision mixed."),
            click.option(
                "--precision",
                "-p",
                "precisions",
                multiple=True,
                help=f"Repeatable, or several with commas. [default: {default}]",
            ),
        ):
            command = option(command)
        return command

    return add


def compression(words: Sequence[str], chosen: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The precisions that were typed, and the other `compression_options` as the API takes them."""
    precisions = [name.strip() for word in words for name in word.split(",") if name.strip()]
    budget = {name: chosen[name] for name in ("max_bytes", "bits") if chosen[name] is not None}
    if chosen["mix"]:
        precisions.append("mixed")
    if budget and "mixed" not in precisions:
        raise click.UsageError(f"--{next(iter(budget)).replace('_', '-')} is for --mixed.")
    names = ("block_size", "group_size", "calibration", "smoothing")
    given = {name: chosen[name] for name in names if chosen[name] is not None}
    options = {"minimum_deployment_target": chosen["minimum_deployment_target"], **given}
    return tuple(dict.fromkeys(precisions)), {**options, **({"mixed": budget} if budget else {})}


@click.command(short_help="Write a model as ONNX, Core ML or Core AI, and verify the file.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--target",
    "-t",
    "targets",
    multiple=True,
    required=True,
    help="onnx, onnxruntime, coreml or coreai; repeatable.",
)
@compression_options(default="fp16 for coreml, else fp32")
@out_option(help="Results folder. [default: exported/<model's name>]")
@data_options(required=False)
@click.option("--max-length", type=click.IntRange(2, 8192), help="Tokens. [default: as the tokenizer says]")
@click.option(
    "--shapes",
    type=click.Choice(["range", "enumerated", "fixed"]),
    default="range",
    show_default=True,
    help="Sequence shapes, Core ML only.",
)
@click.option("--ort", is_flag=True, help="Each ONNX file in ONNX Runtime's own format (.ort) as well.")
@decoder_options
@keep_rejected_option
@json_option
@quiet_option
def command(
    model: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    out: Path | None,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    max_length: int | None,
    shapes: str,
    ort: bool,
    keep_rejected: bool,
    as_json: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Export MODEL, a folder or a .gguf file: an artifact per target and precision, each verified against it.

    With --data the task metric is compared as well. An artifact that fails its gates moves to rejected/,
    and the command exits with 9, unless --keep-rejected is given. Precisions are fp32, fp16 and those that
    `edgekit quantize --help` lists; of several targets each takes the precisions that it has. onnx holds
    standard operators alone and runs anywhere; onnxruntime is the same model in ONNX Runtime's own
    operators, and faster there. With --ort each ONNX file that passes is also written as .ort, made from it
    and run against it, beside the list of operators that a runtime built for it alone needs.

    coreai (fp32, int8, int4; weights alone) is Apple's format for iOS and macOS 27, and needs its extra.

    A language model becomes a folder for onnxruntime (fp32, int8, int4, int4-hqq) and a package with states
    for coreml (fp16, int8, int4, palette4, palette4-grouped) or coreai, compared on texts: --data texts.txt,
    or built-in ones. What the export will need of memory is told first, and refused when it can't fit.

    \b
    Examples:
      edgekit export exported/movie-reviews/student --target onnx
      edgekit export my-model --target onnx --target coreml --data test.csv
      edgekit export my-model --target onnxruntime -p int8-static --data test.csv
      edgekit export my-model --target onnxruntime -p int8 --ort
      edgekit export my-model -t coreml -p fp16,int8,palette6
      edgekit export my-model -t coreml -p int4 --minimum-deployment-target iOS18
      edgekit export my-model -t coreml --mixed --max-bytes 6MB --data test.csv
      edgekit export my-model -t coreai -p fp32,int8
      edgekit export my-llm -t onnxruntime -t coreml -p int4 --context 2048
    """
    from edgekit.api import export_model, is_decoder
    from edgekit.recipe.schema import Gates
    from edgekit.recipe.schema.precisions import precisions_of

    console.start(quiet=quiet, as_json=as_json)
    own = {name: chosen.pop(name) for name in DECODER_ONLY}
    if is_decoder(model):
        refuse_options([n for n in ENCODER_ONLY if chosen.get(n) != "iOS18"], "a language model")
        own |= {name: chosen[name] for name in ("block_size", "group_size") if chosen[name] is not None}
        return _export_decoder(
            model, targets, compression(precisions, chosen)[0], out, data, text_column, as_json,
            keep_rejected=keep_rejected, **own,
        )  # fmt: skip
    refuse_options(own, "this model, which is no language model")
    named, options = compression(precisions, chosen)
    by_target = {t: named for t in targets}
    if len(targets) > 1:
        homes = {p: [t for t in targets if p in precisions_of(t)] for p in named}
        # What none of them has stays, and is refused with a reason.
        by_target = {t: tuple(p for p in named if t in (homes[p] or targets)) for t in targets}
    built = export_model(
        model,
        targets=targets,
        precisions=by_target,
        out=out,
        data=labelled_file(data, text_column, pair_column, label_column, label_separator),
        max_length=max_length,
        shapes=shapes,
        ort=ort,
        gates=Gates(keep_rejected=keep_rejected),
        **options,
    )
    return finish(built, as_json=as_json, keep_rejected=keep_rejected)


def _export_decoder(
    model: Path,
    targets: Sequence[str],
    precisions: Sequence[str],
    out: Path | None,
    data: Path | None,
    column: str,
    as_json: bool,
    **settings: Any,
) -> int:
    from edgekit.api import decoder_settings, export_decoder
    from edgekit.cli.show_decoder import built_lines
    from edgekit.cli.verify import finite
    from edgekit.errors import GateFailed

    how = decoder_settings(data, column=column, **settings)
    built = export_decoder(model, targets=targets, precisions=precisions, out=out, settings=how)
    if as_json:
        console.emit_json(finite({"artifacts": built}))
    else:
        for one in built:
            built_lines(one)
    failed = any(one.rejected_because for one in built) and not how.keep_rejected
    return GateFailed.exit_code if failed else 0


def finish(built: Sequence[Built], *, as_json: bool, keep_rejected: bool) -> int:
    """Shows what was built; the exit code of the gates."""
    from edgekit.cli.show import parity_lines, rejected_names
    from edgekit.errors import GateFailed

    if as_json:
        console.emit_json({"artifacts": built})
    else:
        for one in built:
            parity_lines(one.artifact, one.parity)
            if one.quantized is not None:
                plan_lines(one.quantized)
            if one.ort is not None:
                ort_lines(one.ort)
    return GateFailed.exit_code if rejected_names(built) and not keep_rejected else 0


def ort_lines(file: OrtFile) -> None:
    """The `.ort` file beside an ONNX file."""
    from edgekit.files import human

    off = f"{file.difference:.1e}" if file.difference else "nothing"
    console.say(f"  {file.path}  ONNX Runtime's format, {human(file.size_bytes)}, {off} away from the .onnx")
    console.say(f"  {file.operators}  for a runtime built for it alone")


def plan_lines(plan: Quantized) -> None:
    """What each weight became, what that cost, and where the plan had to give way."""
    from collections import Counter

    from edgekit.files import human

    stored = [layer for layer in plan.layers if layer.scheme]
    counts = Counter(layer.scheme for layer in stored)
    said = ", ".join(f"{count} × {scheme}" for scheme, count in counts.most_common())
    console.say(f"  weights: {said}; {len(plan.layers) - len(stored)} left as they were")
    if plan.seconds is not None and plan.peak_bytes is not None:
        peak = human(plan.peak_bytes)
        console.say(f"  compressed in {plan.seconds:.1f} s; peak memory {peak}, of a process of its own")
    for layer in stored:
        if layer.note:
            console.say(f"  note {layer.name}: {layer.note}")
    if plan.scheme == "mixed":
        rows = [
            (layer.name, layer.scheme or f"fp{layer.bits}", str(layer.bits), _loss(layer.sensitivity))
            for layer in plan.layers
            if layer.scheme or "sensitive" in layer.skipped_because
        ]
        console.table(("Weight", "Stored as", "Bits", "Effect on the outputs"), rows, right=(2, 3))


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"
