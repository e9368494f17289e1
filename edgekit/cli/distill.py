"""`edgekit distill`: a student from a user's own teacher and file, with flags alone."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options
from edgekit.cli.options import device_option, json_option, out_option, quiet_option
from edgekit.tasks import TASKS, TEXT_GENERATION

CHOICES = (*TASKS, TEXT_GENERATION.name)
MODES = ("offline", "online", "mutual", "early_exits", "snapshot")

SPELLED = {  # recipe key → the flag a user typed for it
    "distill.epochs": "--epochs",
    "distill.learning_rate": "--learning-rate",
    "distill.temperature": "--temperature",
    "distill.mode": "--mode",
    "task": "--task",
    "distill.batch_size": "--batch-size",
    "student.layers": "--layers",
    "data.max_length": "--max-length",
    "teacher.finetune.epochs": "--finetune-epochs",
}


def _losses(_: click.Context, __: click.Parameter, typed: tuple[str, ...]) -> dict[str, float] | None:
    """`NAME=WEIGHT` options as a mapping; None when there is none."""
    found = {}
    for text in typed:
        name, equals, weight = text.partition("=")
        try:
            found[name.strip().replace("-", "_")] = float(weight)
        except ValueError as error:
            raise click.BadParameter(f"{text!r}: write NAME=WEIGHT, as in soft_targets=1.0") from error
        if not name.strip() or not equals:
            raise click.BadParameter(f"{text!r}: write NAME=WEIGHT, as in soft_targets=1.0")
    return found or None


@click.command(short_help="Train a small student under a large teacher.")
@click.argument("teacher")
@data_options(required=True)
@click.option(
    "--task",
    type=click.Choice(CHOICES),
    default="text-classification",
    show_default=True,
    metavar="TASK",
    help="What the model does with a text; one of " + ", ".join(CHOICES) + ".",
)
@click.option(
    "--mode", type=click.Choice(MODES), default="offline", show_default=True, help="Who teaches the student."
)
@click.option(
    "--loss",
    "losses",
    multiple=True,
    callback=_losses,
    metavar="NAME=WEIGHT",
    help="A loss and its weight, as distill.weights in a recipe; repeatable. [default: by task]",
)
@click.option("--layers", type=click.IntRange(1, 256), default=3, show_default=True, help="Student's layers.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of the student.")
@click.option(
    "--finetune-epochs",
    type=click.IntRange(0, 1000),
    help="Train the teacher first; 0: use it as it is. [default: 3 if it has no head, else 0]",
)
@click.option("--batch-size", type=click.IntRange(1, 65536), default=32, show_default=True)
@click.option("--learning-rate", type=float, default=1e-4, show_default=True, help="Of the student.")
@click.option("--temperature", type=float, help="Of the soft targets. [default: 2]")
@click.option("--max-length", type=click.IntRange(8, 8192), default=128, show_default=True, help="Tokens.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--export", "exports", multiple=True, help="onnx or coreml, as fp and int8; repeatable.")
@click.option("--no-baselines", is_flag=True, help="Leave out the label-only student and TF-IDF.")
@click.option("--drop-empty", is_flag=True, help="Leave out rows with empty text instead of refusing them.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any other key of a recipe; repeatable."
)
@device_option
@out_option(help="Results folder. [default: exported/<data file's name>]")
@json_option
@quiet_option
def command(teacher: str, data: Path, out: Path | None, as_json: bool, quiet: bool, **flags: Any) -> None:
    """Distil TEACHER into a student with fewer layers, on your labelled file.

    TEACHER is a local folder, hub:ORGANISATION/NAME@REVISION, or a file inside a pinned package. The same
    student trained on labels alone and TF-IDF + logistic regression stand beside it in the report.

    \b
    Examples:
      edgekit distill my-teacher --data reviews.csv
      edgekit distill my-encoder --data r.csv --text-column body --label-column stars --layers 4
      edgekit distill my-teacher --data reviews.parquet --export onnx --export coreml --out exported/mine
      edgekit distill my-teacher --data r.csv --loss soft_targets=1 --loss attention_relations=1
      edgekit distill my-teacher --data r.csv --mode mutual --set distill.mutual.peers=3
      edgekit distill my-tagger --data tags.jsonl --task token-classification --label-column tags
      edgekit distill my-teacher --data r.csv --set student.heads=6 --set distill.assistants='[{layers: 6}]'
      edgekit distill my-llm --data texts.txt --task text-generation --layers 12 --export onnxruntime

    Losses and keys are those of a recipe, such as soft_targets, labels, hidden_cosine, logit_mse.
    """
    from edgekit.api import distill_model
    from edgekit.cli.datafile import labelled_file
    from edgekit.cli.run import show_result

    console.start(quiet=quiet, as_json=as_json)
    labelled = labelled_file(
        data, *(flags.pop(k) for k in ("text_column", "pair_column", "label_column", "label_separator"))
    )
    assert labelled is not None
    result = distill_model(
        teacher,
        labelled,
        out=out,
        command=shlex.join(["edgekit", *sys.argv[1:]]),
        baselines=not flags.pop("no_baselines"),
        spelled=SPELLED,
        **flags,
    )
    if as_json:
        console.emit_json({"folder": result.folder, "report": result.report, "rejected": result.rejected})
        return
    show_result(result)
