"""The seams as JSON and back: what stages record and what artifacts carry in their metadata."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
_ARRAY = "base64"


def to_json(value: Any) -> Any:
    """A seam dataclass, or a container of them, as plain JSON values; an array as its bytes in base64."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=_array_told)


def from_json(kind: type[T], value: Any) -> T:
    """Rebuilds a seam from `to_json`'s result.

    Raises:
        pydantic.ValidationError: the value does not describe a `kind`.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(value)


def _array_told(array: Any) -> dict[str, Any]:
    told = base64.b64encode(array.tobytes()).decode("ascii")
    return {_ARRAY: told, "dtype": str(array.dtype), "shape": list(array.shape)}


def rows_from_json(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of tokens or of arrays, as `to_json` told them."""
    return [{name: _array_read(value) for name, value in row.items()} for row in rows]


def _array_read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    import numpy as np

    return np.frombuffer(base64.b64decode(value[_ARRAY]), value["dtype"]).reshape(value["shape"])


def dumps(value: Any) -> str:
    """`to_json` as one compact line with sorted keys, for metadata fields."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
