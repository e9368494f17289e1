"""What `edgekit fit` may choose: values and ranges by key, laid over what the base model suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from edgekit.recipe.schema.base import Config, Count
from edgekit.recipe.schema.precisions import Precision, TargetName

OPEN = ("student.", "distill.", "pretrain.", "data.augment")  # what the teacher does not depend on
_ENDS = {"low", "high"}


class Range(Config):
    """Numbers from `low` to `high`, both included; whole numbers when both ends are."""

    low: int | float
    high: int | float
    step: Annotated[int | float, Field(gt=0)] | None = Field(None, description="Between two neighbours.")
    log: bool = Field(False, description="Tried evenly in the logarithm; without a step.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0 and no step")
        return self


Choice = Range | tuple[JsonValue, ...] | None


def _flat(value: Any) -> Any:
    """`{student: {layers: [1, 2]}}` → `{student.layers: [1, 2]}`: dots may be written either way."""
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping) and not _ENDS & set(inner):
            flat |= {f"{key}.{below}": choice for below, choice in _flat(inner).items()}
        else:
            flat[str(key)] = inner
    return flat


def _range(key: str, value: Mapping[str, Any]) -> Range:
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in (key, *first["loc"]))
        raise ValueError(where + first["msg"].removeprefix("Value error, ")) from error


class Fit(Config):
    """The search for a student inside bounds; only `edgekit fit` reads this."""

    space: dict[str, Any] = Field(
        {},
        description="Key of the recipe → a list of values, or low, high, step and log; one value pins it, "
        "and null leaves it as the recipe has it. What is not listed is derived from the base model.",
    )
    derive: bool = Field(True, description="false: nothing is derived, only `space` is tried.")
    target: TargetName | None = Field(
        None, description="Target of `exports` whose files are to fit; null: the first that runs here."
    )
    precisions: tuple[Precision, ...] = Field(
        (), description="Tried for every student; empty: all that the target has."
    )
    trials: Count = Field(40, description="Students that are trained, those that stop early included.")
    members: Count = Field(4, description="Students of the result that are exported and tested, at most.")

    @field_validator("space")
    @classmethod
    def _open(cls, value: dict[str, Any]) -> dict[str, Choice]:
        made: dict[str, Choice] = {}
        for key, choice in _flat(value).items():
            if not key.startswith(OPEN):
                raise ValueError(
                    f"{key!r} can't be searched; keys below student, distill, pretrain and data.augment can: "
                    "the teacher and its test rows stay the same for all"
                )
            if choice is None or isinstance(choice, Range):
                made[key] = choice
            elif isinstance(choice, Mapping):
                made[key] = _range(key, choice)
            elif isinstance(choice, list | tuple) and choice:
                made[key] = tuple(choice)
            else:
                raise ValueError(f"{key}: give a list of values, or low and high, not {choice!r}")
        return made
