"""What an app team gets and gives back: reports, kits, and what kits measured on devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.api import verify_artifact
from edgekit.codec import from_json
from edgekit.errors import DataError, ModelError, first_line
from edgekit.files import folder_lock, read_json
from edgekit.quiet import hush
from edgekit.recipe.schema import Recipe
from edgekit.recipe.schema.outputs import KIT_TARGETS
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import Artifact, Parity

if TYPE_CHECKING:
    from edgekit.device_result import DeviceResult
    from edgekit.kits.manifest import Bundle
    from edgekit.report.document import Report
    from edgekit.report.language import LanguageReport


def bundle_model(
    model: Path | str,
    *,
    platforms: Sequence[str],
    out: Path | None = None,
    name: str = "",
    texts: Sequence[str] = (),
    against: Path | str | None = None,
    licences: Mapping[str, str | None] | None = None,
    ort: bool = False,
) -> list[Bundle]:
    """Writes app kits around an exported file that was verified.

    Args:
        model: an `.onnx` file, a decoder's folder, or an `.mlpackage`; or a folder of results, of which each
            platform gets the smallest artifact that passed.
        platforms: "swift", "android", "web".
        out: folder of the kits, one folder a platform; `kits/` in the results folder when None.
        name: of the product; the recipe's, or the folder's, when empty.
        texts: images or sounds, as the app will meet them; tests replay the answers to them. The run's own
            test rows when empty; where there is no run, everyday sentences, random images or rising tones.
        against: the model to verify the file against, where no verdict on it is recorded.
        licences: what the kit is made of → SPDX; a run's sources are known.
        ort: Android alone: ship ONNX Runtime's own format.

    Raises:
        GateFailed: an artifact did not pass, or was not executed.
        ModelError: nothing fits, or whether it is right is not known.
        ExportError: there is no kit for it.
    """
    from edgekit.stages.bundling import FOLDER, bundle, results_folder
    from edgekit.stages.decoder_bundling import bundle_decoder, chosen_decoder, exported_decoders, folder_of

    hush()
    path = Path(model)
    home = results_folder(path)
    recipe = _recipe(home)
    decoders = exported_decoders(path)
    wanted = dict.fromkeys(platforms)
    outermost = home or (folder_of(decoders, path) if decoders else path.parent)
    folder = out or outermost / FOLDER
    told: dict[str, Any] = {
        "name": name or (recipe.name if recipe else outermost.resolve().name),
        "licences": {**_licences(recipe), **(licences or {})},
    }
    if decoders:
        picked = {p: chosen_decoder(decoders, path, home, p, against) for p in wanted}
        with folder_lock(folder):
            return [
                bundle_decoder(*one, folder / p, platform=p, texts=texts, ort=ort and p == "android", **told)
                for p, one in picked.items()
            ]
    chosen = {p: _chosen(path, home, p, against) for p in wanted}
    words = list(texts) or (_test_texts(recipe, home) if recipe and home else [])
    with folder_lock(folder):
        return [
            bundle(
                *one,
                folder / p,
                platform=p,
                texts=words or _everyday(one[0]),
                ort=ort and p == "android",
                **told,
            )
            for p, one in chosen.items()
        ]


def _chosen(
    path: Path, home: Path | None, platform: str, against: Path | str | None
) -> tuple[Artifact, Parity]:
    """The artifact of a platform, under the name that its parity has for it."""
    from edgekit.runtimes.describe import describe_artifact
    from edgekit.stages.bundling import fitting, recorded_parities

    known = recorded_parities(home) if home else {}
    if path.suffix in (".onnx", ".mlpackage"):
        artifact = describe_artifact(path)
        if against is not None:
            return verify_artifact(path, against=against)
        if artifact.sha256 not in known:
            raise ModelError(
                f"Whether {path} answers rightly is not known: no verdict on these bytes is recorded.",
                remedy="Give the model that it was made from with --against; it is verified first.",
            )
        return replace(artifact, name=known[artifact.sha256].artifact), known[artifact.sha256]
    if not path.is_dir():
        raise ModelError(f"{path} does not exist.", remedy="Give an exported file, or a folder of results.")
    found = [describe_artifact(file) for file in _exported(path)]
    passed = [one for one in found if one.sha256 in known and known[one.sha256].passed]
    artifact_or_none = fitting(passed, platform)
    if artifact_or_none is None:
        wanted = " or ".join(KIT_TARGETS[platform])
        raise ModelError(
            f"{path} has no verified {wanted} file, which a kit for {platform} carries "
            f"({len(found)} exported files, {len(passed)} of them passed).",
            remedy=f"Make one with `edgekit export … --target {KIT_TARGETS[platform][0]}`, or name a file.",
        )
    parity = known[artifact_or_none.sha256]
    return replace(artifact_or_none, name=parity.artifact), parity


def _everyday(artifact: Artifact) -> tuple[str, ...]:
    """Sentences for a model of texts; a kit makes images and sounds of its own."""
    from edgekit.stages.bundling import EVERYDAY

    return EVERYDAY if get_task(artifact.signature.task).reads == "text" else ()


def _exported(folder: Path) -> list[Path]:
    """A student's exported files; none of its teacher, none that was rejected, none inside a kit."""
    root = folder / "student" if (folder / "student").is_dir() else folder
    found = [*root.rglob("*.onnx"), *root.rglob("*.mlpackage")]
    return sorted(p for p in found if not {"rejected", "kits", ".edgekit"} & set(p.relative_to(root).parts))


def _recipe(home: Path | None) -> Recipe | None:
    """The recipe of a run, as it was resolved; None for a folder that `edgekit export` made."""
    record = home / ".edgekit" / "run.json" if home else None
    return Recipe.model_validate(read_json(record)["recipe"]) if record and record.is_file() else None


def _licences(recipe: Recipe | None) -> dict[str, str | None]:
    from edgekit.pipeline import assets_of

    return {role: asset.license for role, asset in assets_of(recipe).items()} if recipe else {}


def _test_texts(recipe: Recipe, home: Path) -> list[Any]:
    """Inputs of the run's test split, from the files that it fetched."""
    from edgekit.errors import AssetError
    from edgekit.pipeline import prepare

    try:
        return list(prepare(recipe, home, offline=True).splits.test.inputs)
    except AssetError as error:
        raise DataError(
            f"The texts that {home.name} was tested on are not at hand: {error.fact}",
            remedy="Give a file with texts as the app will meet them: --texts FILE, one a line.",
        ) from error


def read_report(folder: Path | str) -> Report | LanguageReport:
    """A finished run's report; the second of a decoder.

    Raises:
        ModelError: there is no report.json, or it is not one that this version can read.
    """
    from edgekit.report.document import Report
    from edgekit.report.language import LanguageReport

    path = Path(folder) / "report.json"
    if not path.is_file():
        raise ModelError(f"{path} does not exist.", remedy="Give the folder of a finished run.")
    try:
        told = read_json(path)
        if isinstance(told, dict) and told.get("task") == TEXT_GENERATION.name:
            return from_json(LanguageReport, told)
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, of UTF-8, and of a field
        raise ModelError(
            f"{path} can't be read as a report: {first_line(error)}",
            remedy="Run the recipe again with this version; finished stages are reused.",
        ) from error


def render_report(folder: Path | str) -> tuple[Report | LanguageReport, list[Path]]:
    """Writes a finished run's report.html and report.md again, from its report.json.

    Raises:
        ModelError: as `read_report`.
    """
    from edgekit.report.render import write_report

    report = read_report(folder)
    return report, write_report(report, Path(folder))


def import_result(
    result: Path | str, *, into: Path | str | None = None, simulated: bool = False
) -> tuple[DeviceResult, Path]:
    """Puts what a kit measured on a device into the report of the run that the kit came from.

    Args:
        result: the file that the kit's benchmark wrote.
        into: results folder of the run; the one below `exported/` that has the artifact when None.
        simulated: take figures of a simulator or a stand-in too; they are marked.

    Returns:
        The result, and the results folder whose report now shows it.

    Raises:
        DataError: the file is no result, is of another artifact, or its device is simulated.
        ModelError: there is no report to put it into.
    """
    from edgekit.report.render import write_report
    from edgekit.stages.devices import keep, kept_results, read_result, with_devices

    path = Path(result)
    found = read_result(path)
    if found.device.simulated and not simulated:
        raise DataError(
            f"{path} was measured on a simulator or a stand-in ({found.device.model}): it says nothing of a "
            "device.",
            remedy="Measure on a device; or take it, marked as simulated, with --simulated.",
        )
    folder = Path(into) if into is not None else _run_of(found)
    with folder_lock(folder):
        report = read_report(folder)
        hashes = {artifact.name: artifact.sha256 for artifact in report.artifacts}
        if found.artifact.sha256 not in hashes.values():
            raise DataError(
                f"{path} is of {found.artifact.name} with sha256 {found.artifact.sha256[:12]}…, and {folder} "
                f"has {', '.join(f'{name} {sha[:12]}…' for name, sha in hashes.items())}.",
                remedy="Import it into the run that its kit was made from, or measure the new kit.",
            )
        keep(path, found, folder)
        write_report(with_devices(report, kept_results(folder)), folder)
    return found, folder


def _run_of(result: DeviceResult) -> Path:
    """The run below `exported/` whose report names the artifact."""
    from edgekit.pipeline import RESULTS

    reports = sorted(RESULTS.glob("*/report.json"))
    for report in reports:
        if result.artifact.sha256 in report.read_text(encoding="utf-8"):
            return report.parent
    raise DataError(
        f"None of the {len(reports)} reports below {RESULTS}/ has the artifact that was measured "
        f"({result.artifact.name}, sha256 {result.artifact.sha256[:12]}…).",
        remedy="Name the folder of its run with --into.",
    )
