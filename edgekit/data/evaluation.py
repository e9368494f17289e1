"""A whole labelled file as one split: for judging a model that exists already."""

from __future__ import annotations

from pathlib import Path

from edgekit.data.read import read_rows
from edgekit.data.rows import collect
from edgekit.errors import DataError
from edgekit.recipe.schema import Data
from edgekit.tasks import get_task
from edgekit.types import Split


def load_evaluation(
    path: Path, data: Data, *, labels: tuple[str, ...], task: str = "text-classification"
) -> Split:
    """Every usable row of a file, labelled with the ids of a model's own classes.

    Args:
        labels: the model's, in id order; empty for a task whose labels have no names.

    Raises:
        DataError: no rows, a missing column, or a label that the model doesn't have.
        MissingExtra: reading this format needs a package that isn't installed.
    """
    found = collect(read_rows(path, data, split="test"), data, task=task, known=labels or None)
    if not found.rows:
        raise DataError(f"{path} holds no usable rows.", remedy="Check its columns and data.label.")
    truth = () if get_task(task).truth == "nothing" else tuple(r.label for r in found.rows)
    return Split(inputs=tuple(r.input for r in found.rows), labels=truth)
