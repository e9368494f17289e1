"""`edgekit generate`: a prompt in, text out as it is written."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, threads_option


@click.command(short_help="Write text with a language model.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("prompt", required=False)
@click.option("--tokens", "-n", type=click.IntRange(1), default=128, show_default=True, help="Most to write.")
@click.option("--chat", is_flag=True, help="Put PROMPT into the model's chat template.")
@click.option("--system", help="What the system says first; with --chat.")
@click.option(
    "--temperature", type=float, default=0.0, show_default=True, help="0 takes the likeliest token."
)
@click.option("--top-k", type=int, default=0, help="Draw from the K likeliest tokens.")
@click.option("--top-p", type=float, default=1.0, help="Draw from the fewest tokens of probability P.")
@click.option(
    "--min-p", type=float, default=0.0, help="Drop tokens below P times the likeliest's probability."
)
@click.option("--repetition-penalty", type=float, default=1.0, help="Above 1: less of what was said before.")
@click.option("--seed", type=int, help="Makes draws repeatable.")
@click.option("--stop", multiple=True, help="A text that ends the output; may be given several times.")
@click.option("--context", type=click.IntRange(2), help="Tokens that the caches hold, unless it is exported.")
@threads_option
@json_option
def command(
    model: Path,
    prompt: str | None,
    tokens: int,
    chat: bool,
    system: str | None,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    repetition_penalty: float,
    seed: int | None,
    stop: tuple[str, ...],
    context: int | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write on after PROMPT with MODEL (a folder, a .gguf file, an ONNX folder or an .mlpackage).

    Text appears as it is written; --json prints it at the end, with tokens and seconds. Without PROMPT, it is
    read from standard input.

    \b
    Examples:
      edgekit generate my-model "The capital of France is" -n 32
      edgekit generate my-model/onnxruntime "Why is the sky blue?" --chat --temperature 0.7 --top-p 0.9
      edgekit generate model.mlpackage "Once upon a time" --json
    """
    from edgekit.errors import DataError
    from edgekit.generation import Sampling, generate

    if prompt is None and sys.stdin.isatty():
        raise DataError("There is no prompt.", remedy="Give one as an argument, or on stdin.")
    prompt = sys.stdin.read().rstrip("\n") if prompt is None else prompt
    found = generate(
        model,
        prompt,
        tokens=tokens,
        sampling=Sampling(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            seed=seed,
        ),
        chat=chat,
        system=system,
        stop=stop,
        context=context,
        threads=threads or 1,
        on_text=None if as_json else lambda piece: click.echo(piece, nl=False),
    )
    if as_json:
        console.emit_json({**dataclasses.asdict(found), "tokens_per_second": found.tokens_per_second})
    else:
        console.say()
