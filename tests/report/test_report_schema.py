import json
from pathlib import Path

import jsonschema
import pytest

from edgekit.report.document import Report
from edgekit.report.render import write_report
from edgekit.report.schema import report_schema, write_schema

DOCS = Path(__file__).parents[2] / "docs"


def test_the_published_files_are_current(tmp_path: Path) -> None:
    for path in write_schema(tmp_path):
        published = (DOCS / path.name).read_text(encoding="utf-8")
        assert published == path.read_text(encoding="utf-8"), "run: python -m edgekit.report.schema docs"


@pytest.mark.parametrize("which", ["full_report", "bare_report", "hostile_report"])
def test_a_written_report_follows_the_published_schema(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    schema = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    written = write_report(request.getfixturevalue(which), tmp_path)[0]
    jsonschema.Draft202012Validator(schema).validate(json.loads(written.read_text(encoding="utf-8")))


def test_the_schema_refuses_what_the_model_refuses(full_report: Report) -> None:
    found = full_report.model_dump(mode="json")
    found["artifacts"][0]["verified"] = True
    with pytest.raises(jsonschema.ValidationError, match="verified"):
        jsonschema.Draft202012Validator(report_schema()).validate(found)


def test_every_field_is_described() -> None:
    schema = report_schema()
    for name, definition in [("Report", schema), *schema["$defs"].items()]:
        for field, value in definition.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
