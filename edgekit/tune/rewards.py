"""Binary rewards: whether a sample is right."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from edgekit.errors import DataError, EdgekitError, RecipeError, first_line
from edgekit.tune.sandbox import Limits, run_python

Reward = Callable[[Mapping[str, Any], str], bool]  # (row of the prompts file, sample) → right

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


def exact(row: Mapping[str, Any], sample: str) -> bool:
    """The sample is the row's `answer`, or one of them where it is a list.

    Case, outer punctuation and repeated spaces don't count, and numbers do by value. Only the first line is
    read, and of it only what follows a last "=".
    """
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    lines = sample.strip().splitlines()
    said = _normalised(lines[0].rpartition("=")[2]) if lines else ""
    return any(said == _normalised(str(answer)) for answer in answers)


def regex(row: Mapping[str, Any], sample: str) -> bool:
    """The row's `regex` matches somewhere in the sample."""
    return re.search(str(row["regex"]), sample) is not None


def unit_test(row: Mapping[str, Any], sample: str, *, limits: Limits = Limits()) -> bool:  # noqa: B008 - frozen
    """The sample's code (its first fenced block, else all of it) passes the row's `test`, run after it."""
    fenced = _FENCE.search(sample)
    code = fenced.group(1) if fenced else sample
    code = f"{row.get('before', '')}\n{code}\n\n{row['test']}\n"
    return run_python(code, limits).passed


REWARDS: dict[str, tuple[Callable[..., bool], str]] = {  # name → the reward, the field that it needs
    "exact": (exact, "answer"),
    "regex": (regex, "regex"),
    "unit-test": (unit_test, "test"),
}


def find_reward(name: str) -> Reward:
    """A reward of the table, or a user's own as `module:function`, called with a row and a sample.

    Raises:
        RecipeError: neither of them.
    """
    if name in REWARDS:
        reward, needed = REWARDS[name]
        return partial(_checked, reward, needed)
    module, colon, function = name.partition(":")
    if not colon:
        raise RecipeError(
            f"There is no reward {name!r}.", remedy=f"Use {', '.join(REWARDS)}, or your own module:function."
        )
    try:
        own = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise RecipeError(
            f"The reward {name!r} can't be imported: {first_line(error)}",
            remedy="Install the module, or put its folder on PYTHONPATH.",
        ) from error
    return partial(_own, own, name)


def _checked(reward: Callable[..., bool], needed: str, row: Mapping[str, Any], sample: str) -> bool:
    if needed not in row:
        raise DataError(
            f"A prompt ({str(row.get('prompt'))[:60]!r}) has no {needed!r}.",
            remedy=f"Give every row the key {needed!r}, or choose another --reward.",
        )
    return reward(row, sample)


def _own(reward: Callable[..., Any], name: str, row: Mapping[str, Any], sample: str) -> bool:
    try:
        return bool(reward(row, sample))
    except EdgekitError:
        raise
    except Exception as error:
        raise DataError(
            f"The reward {name} raised {type(error).__name__}: {first_line(error)}",
            remedy="Let it return False for a sample that it can't judge.",
        ) from error


def _normalised(text: str) -> str | float:
    plain = " ".join(text.split()).strip(" .,;:!?\"'`*").casefold()
    if _NUMBER.fullmatch(plain):
        value = float(plain.replace(",", ""))
        return value if math.isfinite(value) else plain
    return plain
