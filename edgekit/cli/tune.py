"""`edgekit tune`: a decoder fine-tuned on a user's own examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgekit.cli import console
from edgekit.cli.options import device_option, json_option, out_option, quiet_option

if TYPE_CHECKING:
    from edgekit.tuning import Memory

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--rank", type=click.IntRange(1), default=8, show_default=True, help="Of the adapters."),
    click.option(
        "--alpha", type=click.IntRange(1), default=16, show_default=True, help="Adapters count alpha / rank."
    ),
    click.option("--epochs", type=click.IntRange(1, 1000), default=3, show_default=True),
    click.option("--batch-size", type=click.IntRange(1, 65536), default=8, show_default=True),
    click.option(
        "--gradient-accumulation", type=click.IntRange(1, 1024), default=1, show_default=True,
        help="Batches of one step.",
    ),
    click.option("--learning-rate", type=float, help="[default: 2e-4 for adapters, 2e-5 for full]"),
    click.option(
        "--max-length", type=click.IntRange(2), default=1024, show_default=True, help="Tokens of one example."
    ),
    click.option("--packing", is_flag=True, help="Several examples in one row, kept apart."),
    click.option("--gradient-checkpointing", is_flag=True, help="Trade time for memory."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option(
        "--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True
    ),
)  # fmt: skip


def tuning_options(method: str) -> Callable[[_Command], _Command]:
    """What `tune` and `self-train` share; their names are those of `edgekit.tuning.Settings`."""

    def add(command: _Command) -> _Command:
        for option in reversed(_OPTIONS):
            command = option(command)
        return click.option(
            "--method", type=click.Choice(["full", "lora", "qlora"]), default=method, show_default=True,
            help="Train every weight, adapters, or adapters beside 4-bit weights.",
        )(command)  # fmt: skip

    return add


@click.command(short_help="Fine-tune a language model: full, LoRA or QLoRA.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON lines.")
@tuning_options("lora")
@click.option("--merge/--no-merge", default=True, show_default=True, help="Add adapters to the weights.")
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    help="Share of rows held out, for loss and perplexity before and after.",
)
@click.option("--estimate", is_flag=True, help="Only print what each method needs in memory.")
@device_option
@out_option(help="Folder of the tuned model.")
@json_option
@quiet_option
def command(
    model: Path, data: Path | None, out: Path | None, estimate: bool, as_json: bool, quiet: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Fine-tune MODEL, a folder or a .gguf file, on the rows of a JSON-lines file.

    A row is {"prompt": …, "completion": …}, {"messages": [{"role": …, "content": …}, …]} or {"text": …}. Only
    completions and what the assistant says are learned. The result is a plain model of the same family; a run
    that was stopped goes on when it is started again.

    \b
    Examples:
      edgekit tune my-model --data pairs.jsonl -o tuned
      edgekit tune my-model --data chats.jsonl --method qlora --rank 16 -o tuned
      edgekit tune my-model --estimate --batch-size 4 --max-length 2048
    """
    from edgekit import tuning

    console.start(quiet=quiet, as_json=as_json)
    settings = tuning.Settings(**options)
    if estimate:
        found = tuning.estimate(model, settings)
        if as_json:
            console.emit_json([{**_plain(one), "total": one.total} for one in found])
        else:
            _table(found)
            console.say(
                f"Bytes of one step of {settings.batch_size} × {settings.max_length} tokens, predicted."
            )
        return
    if data is None or out is None:
        raise click.UsageError("Give --data and --out, or --estimate.")
    tuned = tuning.tune(model, data, out, settings)
    if as_json:
        console.emit_json(tuned)
        return
    if tuned.before and tuned.after:
        console.table(
            ("held out", "loss", "perplexity"),
            [
                (name, f"{held.loss:.4f}", f"{held.perplexity:.2f}")
                for name, held in (("before", tuned.before), ("after", tuned.after))
            ],
            right=(1, 2),
        )
    _table([tuned.predicted, tuned.measured], names=("predicted", "measured"))
    left_out = f", {tuned.left_out} left out" if tuned.left_out else ""
    console.say(
        f"{tuned.rows} rows{left_out}; {tuned.trained:,} parameters trained in {tuned.seconds:.0f} s. "
        f"Model: {tuned.path}"
    )


def _plain(memory: Memory) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(memory)


def _table(rows: list[Memory], names: tuple[str, ...] = ()) -> None:
    headers = ("", *rows[0].headers) if names else rows[0].headers
    cells = [(*names[i : i + 1], *row.row()) for i, row in enumerate(rows)]
    console.table(headers, cells, right=range(1 + len(names[:1]), len(headers)))
