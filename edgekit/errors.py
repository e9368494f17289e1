"""Every error a user can meet: it states a fact and a remedy, and carries its exit code."""

from __future__ import annotations


class EdgekitError(Exception):
    """Base of all errors that edgekit raises on purpose.

    Args:
        fact: what is wrong, naming the file, field or value.
        remedy: what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, fact: str, *, remedy: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.fact}\n{self.remedy}" if self.remedy else self.fact


class RecipeError(EdgekitError):
    """A recipe, an override or a command-line value is not valid. `problems` holds every one found."""

    exit_code = 2

    def __init__(self, fact: str, *, remedy: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(fact, remedy=remedy)
        self.problems = problems


class MissingExtra(EdgekitError):
    """An optional dependency is needed and not installed."""

    exit_code = 3

    def __init__(self, module: str, *, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs the package {module!r}, which is not installed.",
            remedy=f'Install it with: pip install "edgekit[{extra}]"',
        )


class AssetError(EdgekitError):
    """A model or data file cannot be had, is damaged, or is refused as unsafe."""

    exit_code = 4


class DataError(EdgekitError):
    """The data cannot be used as asked: a missing column, one class only, empty texts."""

    exit_code = 5


class ModelError(EdgekitError):
    """A model does not fit its task, its tokenizer, or another model."""

    exit_code = 6


class TrainingError(EdgekitError):
    """Training had to stop; the last good checkpoint is kept."""

    exit_code = 7


class ExportError(EdgekitError):
    """A model could not be written for a target."""

    exit_code = 8


class GateFailed(EdgekitError):
    """An artifact was built but is not good enough to ship; it is kept under `rejected/`."""

    exit_code = 9


class RunLocked(EdgekitError):
    """Another process works on the same folder."""

    exit_code = 10


class DiskFull(EdgekitError):
    """Not enough space to write; nothing was overwritten."""

    exit_code = 11


def first_line(error: BaseException, limit: int = 300) -> str:
    """The first line of another library's message, for use inside ours."""
    text = str(error).strip()
    return text.splitlines()[0][:limit] if text else type(error).__name__
