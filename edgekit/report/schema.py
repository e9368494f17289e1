"""The published layout of report.json: `python -m edgekit.report.schema docs`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.files import atomic, write_json
from edgekit.report.document import SCHEMA_VERSION, Report
from edgekit.report.markup import draw, escape
from edgekit.report.table import Cell, Column, table

_INTRODUCTION = f"""# report.json, version {SCHEMA_VERSION}

What `edgekit` records about a run, for programs. `report.html` and `report.md` show the same, rounded.
This page and `report.schema.json` (JSON Schema, draft 2020-12) are generated from
`edgekit/report/document.py`; write both again with `python -m edgekit.report.schema docs`.

- Every field is always there. `null` means that it does not apply or was not measured; the field's
  description, or an entry of `not_measured`, says which.
- Scores, agreements and retained shares are 0–1. Differences of scores are in points, which are hundredths.
- Intervals are 95 %. Sizes are bytes, times are seconds or, in fields that end with `_ms`, milliseconds.
- `schema_version` changes its first number when a field changes its meaning or goes away, and its second
  when a field is added. A reader should ignore fields it doesn't know.
"""


def report_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of report.json, made from the model."""
    schema = Report.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edgekit report {SCHEMA_VERSION}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_markdown() -> str:
    """The same layout for people: a table of fields for each object."""
    schema = report_schema()
    blocks = [_INTRODUCTION.strip(), *_object("The report", schema)]
    for name, definition in schema["$defs"].items():
        if "properties" in definition:
            blocks += _object(name, definition)
    return "\n\n".join(blocks) + "\n"


def _object(name: str, definition: Mapping[str, Any]) -> list[str]:
    rows = [
        (Cell(field, code=True), Cell(_kind(value)), Cell(value.get("description", "")))
        for field, value in definition["properties"].items()
    ]
    fields = table(name, (Column("Field"), Column("Type"), Column("Meaning")), rows)
    return [f"## {escape(name)}", escape(definition["description"]), draw(fields)]


def _kind(value: Mapping[str, Any]) -> str:
    """A field's type in a word or two: `number or null`, `list of ArtifactRecord`."""
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        return "any JSON value" if name == "JsonValue" else name
    if "const" in value:
        return f'"{value["const"]}"'
    if "enum" in value:
        return " or ".join(f'"{word}"' for word in value["enum"])
    if "anyOf" in value:
        return " or ".join(_kind(option) for option in value["anyOf"])
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}"
    if value.get("type") == "object":
        return f"object, name to {_kind(value['additionalProperties'])}"
    return str(value["type"])


def write_schema(folder: Path) -> list[Path]:
    """Writes report.schema.json and report-schema.md into `folder`."""
    as_json, as_markdown = folder / "report.schema.json", folder / "report-schema.md"
    write_json(as_json, report_schema())
    with atomic(as_markdown) as temporary:
        temporary.write_text(schema_markdown(), encoding="utf-8")
    return [as_json, as_markdown]


if __name__ == "__main__":
    for path in write_schema(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(path)
