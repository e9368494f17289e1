"""What devices measured: read, matched with a run's artifacts by their bytes, kept, reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from edgekit.device_result import DeviceResult
from edgekit.errors import DataError
from edgekit.files import atomic, sha256_file

if TYPE_CHECKING:
    from edgekit.report.document import Report
    from edgekit.report.language import LanguageReport

AnyReport = TypeVar("AnyReport", bound="Report | LanguageReport")
FOLDER = "devices"  # in a results folder
PHONE = "Latency on a phone"
_OTHER_BYTES = "Imported, of a file that has changed: "
_SYSTEMS = ("iOS", "iPadOS", "Android")


def read_result(path: Path) -> DeviceResult:
    """A result file as a kit's benchmark wrote it.

    Raises:
        DataError: it can't be read, or a field is missing, unknown or of the wrong kind; every problem named.
    """
    try:
        return DeviceResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}.", remedy="Check the path.") from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()]
        shown = "; ".join(problems[:8]) + (f"; and {len(problems) - 8} more" if len(problems) > 8 else "")
        raise DataError(
            f"{path} is no device result: {shown}.",
            remedy="Give the file that a kit's benchmark wrote; docs/device-result.schema.json describes it.",
        ) from None


def keep(path: Path, result: DeviceResult, folder: Path) -> Path:
    """A copy of a result file in a results folder; the same file twice is one copy."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{result.kit.platform} {result.device.model}").strip("-")[:60]
    kept = folder / FOLDER / f"{name}-{sha256_file(path)[:12]}.json"
    if not kept.exists():
        with atomic(kept) as temporary:
            temporary.write_bytes(path.read_bytes())
    return kept


def kept_results(folder: Path) -> list[DeviceResult]:
    """All results that were imported into a results folder, oldest first."""
    found = [read_result(path) for path in sorted((folder / FOLDER).glob("*.json"))]
    return sorted(found, key=lambda result: result.date_utc)


def with_devices(report: AnyReport, results: Sequence[DeviceResult]) -> AnyReport:
    """The report with the results of its own artifacts; one of other bytes is listed as missing, with why."""
    from edgekit.report.document import NotMeasured
    from edgekit.report.language import LanguageReport

    known = {artifact.sha256 for artifact in report.artifacts}
    ours = tuple(result for result in results if result.artifact.sha256 in known)
    if isinstance(report, LanguageReport):
        return replace(report, devices=ours)
    missing = [gap for gap in report.not_measured if not gap.what.startswith(_OTHER_BYTES)]
    if any(r.device.os.startswith(_SYSTEMS) and not r.device.simulated for r in ours):
        missing = [gap for gap in missing if gap.what != PHONE]
    missing += [
        NotMeasured(
            what=f"{_OTHER_BYTES}{result.artifact.name} on {result.device.model}, {result.date_utc[:10]}",
            why="No file of this run has the sha256 that was measured: measure the new kit.",
        )
        for result in results
        if result.artifact.sha256 not in known
    ]
    return report.model_copy(update={"devices": ours, "not_measured": tuple(missing)})
