"""`edgekit bench llm`: language models side by side, the way llama-bench measures them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, quiet_option, threads_option

if TYPE_CHECKING:
    from edgekit.llm_timing import Figure, LlmBench, LlmTiming


@click.command(short_help="Measure language models: load, first token, decoding, memory.")
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@threads_option
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    type=click.IntRange(1),
    default=(128, 512),
    show_default=True,
    help="Tokens of a prompt; may be given several times.",
)
@click.option(
    "--tokens", "-n", type=click.IntRange(1), default=128, show_default=True, help="Tokens to decode."
)
@click.option(
    "--depth", type=click.IntRange(0), default=0, show_default=True, help="Tokens in the caches before them."
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Timed turns of each model, after a warm-up.",
)
@click.option(
    "--against",
    type=click.Path(exists=True, path_type=Path),
    help="Teacher with the same tokenizer: KL from its distributions on the texts of --data.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Texts (a .txt file of lines, or a table with the column text): perplexity.",
)
@json_option
@quiet_option
def command(
    models: tuple[Path, ...],
    threads: int | None,
    prompts: tuple[int, ...],
    tokens: int,
    depth: int,
    repeats: int,
    against: Path | None,
    data: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure language MODELS (folders, .gguf files, ONNX folders, .mlpackages) in one process, in turn.

    Batch 1, random tokens, tokenization and sampling left out, as llama-bench has it: load time, time to the
    first token of each prompt, tokens per second when decoding (median and standard deviation of the
    repeats), size, peak memory of a process of its own, energy where the machine tells. Decoding's share is
    that of what the memory's bandwidth allows, measured in the same run: a token can't be had without reading
    every weight once. On a Mac a package is measured by each compute unit; elsewhere not at all.

    \b
    Examples:
      edgekit bench llm my-model/onnxruntime
      edgekit bench llm teacher/onnxruntime student/onnxruntime --threads 2 --depth 1024
      edgekit bench --protocol llm student/onnxruntime --against teacher --data texts.txt --json
    """
    from edgekit.api import bench_llm, read_texts

    console.start(quiet=quiet, as_json=as_json)
    result = bench_llm(
        models,
        prompts=tuple(dict.fromkeys(prompts)),
        tokens=tokens,
        depth=depth,
        repeats=repeats,
        threads=threads or 1,
        against=against,
        texts=read_texts(data) if data is not None else [],
    )
    if as_json:
        console.emit_json(result)
    else:
        _show(result)


def _show(result: LlmBench) -> None:
    from edgekit.files import human

    settings, rows = result.settings, [row for row in result.rows if not row.not_measured]
    at = f" at depth {settings.depth}" if settings.depth else ""
    headers = [
        "model",
        "size",
        "load ms",
        *(f"first of {prompt}, ms" for prompt in settings.prompts),
        f"decode{at}, tokens/s",
        "of bound",
        "peak memory",
    ]
    found = [_cells(row) for row in rows]
    extras = {
        "J/token": [_number(row.joules_per_token, 3) for row in rows],
        "perplexity": [_number(row.perplexity, 2) for row in rows],
        "KL": [_number(row.kl, 4) for row in rows],
        "same likeliest": [_percent(row.top1) for row in rows],
    }
    for title, values in extras.items():
        if any(value != "–" for value in values):
            headers.append(title)
            for cells, value in zip(found, values, strict=True):
                cells.append(value)
    console.table(headers, found, right=range(1, len(headers)))
    console.say()
    gigabytes = result.bandwidth_bytes_per_s / 1e9
    plural = "s" if settings.threads > 1 else ""
    console.say(
        f"{settings.threads} thread{plural}; medians ± standard deviation of {settings.repeats}; "
        f"memory read at {gigabytes:.1f} GB/s."
    )
    for row in rows:
        if row.weight_bytes is not None:
            reads = f"{human(row.weight_bytes)} and {human(row.cache_bytes or 0)} for each token before it"
            console.say(f"{row.model}: {row.runtime}; a token reads {reads}.")
    for row in result.rows:
        if row.not_measured:
            console.say(f"{row.model}: not measured: {row.not_measured}")


def _cells(row: LlmTiming) -> list[str]:
    from edgekit.files import human

    assert row.decode is not None
    return [
        row.model,
        human(row.size_bytes),
        _spread(row.load_ms, 0),
        *(f"{_spread(first.ms, 1)} ({first.tokens_per_second:.0f} tokens/s)" for first in row.first_token),
        _spread(row.decode, 1),
        _percent(row.decode.share),
        "–" if row.peak_bytes is None else human(row.peak_bytes),
    ]


def _spread(figure: Figure | None, digits: int) -> str:
    return "–" if figure is None else f"{figure.median:.{digits}f} ± {figure.sd:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
