"""Options for language models alone, and the refusal of options that a model has no use for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

_Command = TypeVar("_Command", bound=Callable[..., Any])
DECODER_ONLY = (
    "context", "table_bits", "kv_cache", "split_phases", "force", "steps", "max_kl", "max_perplexity_ratio",
    "min_top1",
)  # fmt: skip


def judging_options(command: _Command) -> _Command:
    """`--steps`, `--max-kl`, `--max-perplexity-ratio` and `--min-top1`."""
    for option in (
        click.option(
            "--min-top1", type=click.FloatRange(0, 1), help="Gate: share of equal likeliest tokens."
        ),
        click.option(
            "--max-perplexity-ratio", type=click.FloatRange(0, min_open=True), help="Gate: to MODEL's."
        ),
        click.option(
            "--max-kl",
            type=click.FloatRange(0, min_open=True),
            help="Gate of a language model: mean KL in nats. "
            "[default: 1e-4 fp32, .01 fp16, .05 int8, .75 int4]",
        ),
        click.option(
            "--steps",
            type=click.IntRange(1),
            help="Tokens of each text that a language model reads, and writes, one by one. "
            "[default: 32; 4 of a package, which is executed slowly]",
        ),
    ):
        command = option(command)
    return command


def decoder_options(command: _Command) -> _Command:
    """`--context`, `--table-bits`, `--kv-cache`, `--split-phases`, `--force`, those of `judging_options`."""
    command = judging_options(command)
    for option in (
        click.option(
            "--force", is_flag=True, help="Export a language model although memory may not suffice."
        ),
        click.option(
            "--split-phases",
            is_flag=True,
            help="A language model's package gets a function for prompts and one for single tokens.",
        ),
        click.option(
            "--kv-cache",
            type=click.Choice(["fp32", "fp16", "int8"]),
            default="fp32",
            show_default=True,
            help="What a language model's keys and values are stored in, onnxruntime only.",
        ),
        click.option(
            "--table-bits",
            type=click.Choice(["4", "8"]),
            default="8",
            show_default=True,
            callback=lambda context, parameter, value: int(value),
            help="Of a language model's token table, onnxruntime only.",
        ),
        click.option(
            "--context",
            type=click.IntRange(2),
            help="Tokens that a language model's cache holds. [default: 2048, or the model's own fewer]",
        ),
    ):
        command = option(command)
    return command


def refuse_options(names: Iterable[str], what: str) -> None:
    """Refuses options that were given and that `what` has no use for.

    Raises:
        click.UsageError: names the first of them.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if parameter.name in set(names) and given:
            raise click.UsageError(f"{parameter.opts[0]} is not for {what}.", ctx=context)
