"""The seams as JSON and back: what stages record and what artifacts carry in their metadata."""

from __future__ import annotations

import json
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A seam dataclass, or a container of them, as plain JSON values."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


def from_json(kind: type[T], value: Any) -> T:
    """Rebuilds a seam from `to_json`'s result.

    Raises:
        pydantic.ValidationError: the value does not describe a `kind`.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(value)


def dumps(value: Any) -> str:
    """`to_json` as one compact line with sorted keys, for metadata fields."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
