"""The options that name a labelled file, shared by the commands that judge a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edgekit.types import LabelledFile

_Command = TypeVar("_Command", bound=Callable[..., Any])
FILE = click.Path(exists=True, path_type=Path)


def data_options(*, required: bool) -> Callable[[_Command], _Command]:
    """`--data`, `--text-column`, `--pair-column`, `--label-column` and `--label-separator`."""

    def add(command: _Command) -> _Command:
        for option in (
            click.option(
                "--label-separator", default=None, help="Splits a label cell that holds several, such as a,b."
            ),
            click.option("--label-column", default="label", show_default=True, help="Column of the label."),
            click.option("--pair-column", default=None, help="Column of the second text of a pair."),
            click.option("--text-column", default="text", show_default=True, help="Column of the text."),
            click.option(
                "--data",
                type=FILE,
                required=required,
                help="Labelled rows: CSV, TSV, JSONL, Parquet or a datasets folder.",
            ),
        ):
            command = option(command)
        return command

    return add


def labelled_file(
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
) -> LabelledFile | None:
    """The options' values as one object; None when no file was given."""
    from edgekit.types import LabelledFile

    if data is None:
        return None
    return LabelledFile(
        data, text=text_column, text_pair=pair_column, label=label_column, label_separator=label_separator
    )
