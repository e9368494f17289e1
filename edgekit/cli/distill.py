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

SPELLED = {  # recipe key → the flag a user typed for it
    "distill.epochs": "--epochs",
    "distill.learning_rate": "--learning-rate",
    "distill.temperature": "--temperature",
    "distill.batch_size": "--batch-size",
    "student.layers": "--layers",
    "data.max_length": "--max-length",
    "teacher.finetune.epochs": "--finetune-epochs",
}


@click.command(short_help="Train a small student under a large teacher.")
@click.argument("teacher")
@data_options(required=True)
@click.option("--layers", type=click.IntRange(1, 256), default=3, show_default=True, help="Student's layers.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of the student.")
@click.option(
    "--finetune-epochs",
    type=click.IntRange(0, 1000),
    help="Train the teacher first; 0: use it as it is. [default: 3 if it has no head, else 0]",
)
@click.option("--batch-size", type=click.IntRange(1, 65536), default=32, show_default=True)
@click.option("--learning-rate", type=float, default=1e-4, show_default=True, help="Of the student.")
@click.option("--temperature", type=float, default=2.0, show_default=True, help="Of the soft targets.")
@click.option("--max-length", type=click.IntRange(8, 8192), default=128, show_default=True, help="Tokens.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--export", "exports", multiple=True, help="onnx or coreml, as fp and int8; repeatable.")
@click.option("--no-baselines", is_flag=True, help="Leave out the label-only student and TF-IDF.")
@click.option("--drop-empty", is_flag=True, help="Leave out rows with empty text instead of refusing them.")
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
    """
    from edgekit.api import distill_model
    from edgekit.cli.datafile import labelled_file
    from edgekit.cli.run import show_result

    console.start(quiet=quiet, as_json=as_json)
    labelled = labelled_file(data, *(flags.pop(k) for k in ("text_column", "pair_column", "label_column")))
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
