"""What the schema asks for at each place, as JSON Schema, and how to say it in words."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from edgekit.recipe.places import Location, printable

Shape = dict[str, Any]  # a JSON Schema node


@functools.cache
def recipe_shape() -> Shape:
    """The shape of a whole recipe."""
    from edgekit.recipe.schema import Recipe

    return Recipe.model_json_schema()


def branches(shape: Shape) -> list[Shape]:
    """The alternatives of a shape without null, each with its reference followed; one when it's no union."""
    shape = _followed(shape)
    alternatives = shape.get("anyOf") or shape.get("oneOf")
    if alternatives is None:
        return [shape]
    return [b for alternative in alternatives for b in branches(alternative) if b.get("type") != "null"]


def nullable(shape: Shape) -> bool:
    """Whether null is allowed."""
    shape = _followed(shape)
    return shape.get("type") == "null" or any(
        nullable(s) for s in shape.get("anyOf") or shape.get("oneOf") or ()
    )


def _followed(shape: Shape) -> Shape:
    while "$ref" in shape:
        shape = recipe_shape()["$defs"][shape["$ref"].rsplit("/", 1)[-1]]
    return shape


def fits(shape: Shape, value: object) -> bool:
    """Whether a value is of the kind (mapping, list or scalar) that one branch takes."""
    if shape.get("type") == "object":
        return isinstance(value, dict)
    if shape.get("type") == "array":
        return isinstance(value, (list, tuple))
    return not isinstance(value, (dict, list, tuple))


def child(shape: Shape, key: str | int) -> Shape | None:
    """The shape below one branch, or None when it has none there."""
    if isinstance(key, int):
        prefix = shape.get("prefixItems", ())
        return prefix[key] if key < len(prefix) else shape.get("items")
    below = shape.get("properties", {}).get(key)
    if below is None and isinstance(shape.get("additionalProperties"), dict):
        below = shape["additionalProperties"]
    return below


def known_keys(shape: Shape) -> list[str] | None:
    """The keys that a section takes, in the schema's order; None when it takes any."""
    if shape.get("type") == "object" and shape.get("additionalProperties") is False:
        return list(shape.get("properties", {}))
    return None


def keys_named(name: str, shape: Shape | None = None, location: Location = ()) -> Iterator[Location]:
    """Every location in the schema (outside lists) whose last key is `name`."""
    for branch in branches(shape or recipe_shape()):
        for key, below in branch.get("properties", {}).items():
            if key == name:
                yield (*location, key)
            yield from keys_named(name, below, (*location, key))


def describe(shape: Shape) -> str:
    """The shape in words, to follow "must be": `a whole number from 1 to 1000, or null`."""
    said = list(dict.fromkeys(_describe_branch(branch) for branch in branches(shape)))
    words = ", or ".join(said)
    return f"{words}, or null" if nullable(shape) else words


def _describe_branch(shape: Shape) -> str:
    if "enum" in shape:
        return listed(shape["enum"])
    if "const" in shape:
        return show(shape["const"])
    kind = shape.get("type")
    if kind in ("integer", "number"):
        return f"a {'whole ' if kind == 'integer' else ''}number{_range(shape)}"
    if kind == "boolean":
        return "true or false"
    if kind == "string":
        if shape.get("format") == "path":
            return "the path of a file or folder"
        return (
            f"text matching {shape['pattern']}"
            if "pattern" in shape
            else f"text{_length(shape, 'character')}"
        )
    if kind == "array":
        prefix = shape.get("prefixItems")
        if prefix:
            return f"a list of {len(prefix)} entries ({'; '.join(describe(p) for p in prefix)})"
        return f"a list{_length(shape, 'entry')}, each {describe(shape.get('items', {}))}"
    if kind == "object":
        keys = known_keys(shape)
        return (
            f"a section with keys such as {', '.join(keys[:4])}" if keys else "a section of keys and values"
        )
    return "another kind of value"


def _range(shape: Shape) -> str:
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    parts = []
    if low is not None:
        parts.append(f"of at least {low}")
    if "exclusiveMinimum" in shape:
        parts.append(f"above {shape['exclusiveMinimum']}")
    if high is not None:
        parts.append(f"of at most {high}")
    if "exclusiveMaximum" in shape:
        parts.append(f"below {shape['exclusiveMaximum']}")
    return f" {' and '.join(parts)}" if parts else ""


def _length(shape: Shape, unit: str) -> str:
    low = shape.get("minItems", shape.get("minLength"))
    high = shape.get("maxItems", shape.get("maxLength"))
    words = [f"at least {low}"] if low is not None else []
    words += [f"at most {high}"] if high is not None else []
    if not words:
        return ""
    count = high if high is not None else low
    plural = {"entry": "entries", "character": "characters"}[unit] if count != 1 else unit
    return f" of {' and '.join(words)} {plural}"


def listed(choices: list[Any]) -> str:
    """`'onnx' or 'coreml'`."""
    shown = [show(choice) for choice in choices]
    return f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0]


def show(value: object) -> str:
    """A value as it would stand in YAML, kept short."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        return "a section" if value else "an empty section"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, PurePath):
        value = str(value)
    return printable(repr(value), 60)
