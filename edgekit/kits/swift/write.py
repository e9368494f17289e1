"""Writes the Swift package: the template under its new name, the generated code, the model and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edgekit.files import atomic
from edgekit.kits.answers import Answer, samples_json
from edgekit.kits.manifest import API, Bundle, checked_manifest, write_text
from edgekit.kits.swift.code import info_code, label_code, text_info
from edgekit.kits.swift.interface import Interface, read_interface
from edgekit.kits.swift.package import copy_template, fill_package, module_name
from edgekit.kits.swift.readme import readme, use_lines
from edgekit.kits.swift.recorded import as_json, recorded_interface
from edgekit.kits.swift.supported import require_coreml
from edgekit.kits.tokenizer import Golden, TokenizerTables, write_golden
from edgekit.tasks import get_task
from edgekit.types import Artifact, Parity

_PARTS = {"Answering", "Texts", "Tokenizer"}


def write_swift(
    artifact: Artifact,
    parity: Parity,
    tables: TokenizerTables,
    folder: Path,
    *,
    name: str,
    golden: Sequence[Golden],
    answers: Sequence[Answer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes a SwiftPM package that answers a string with the model's labels, tags, number or embedding.

    Args:
        artifact: a Core ML package that edgekit exported, of a text task.
        parity: of that artifact.
        tables: of the model's tokenizer, made for its maximum length.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the Swift module is named after it.
        golden: nasty texts with their ids, for the package's own tests.
        answers: representative inputs and what a runner answered; tests replay them, and `edgekit-bench` runs
            them. At least one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no Core ML package, its task or its labels have no Swift package, or `folder` holds
            something else.
        DiskFull: no space was left.
    """
    require_coreml(artifact, tasks=API)
    manifest = checked_manifest(
        artifact, parity, tables, folder, platform="swift", golden=golden, answers=answers, licences=licences
    )
    interface = read_interface(artifact.path)
    module = module_name(name)
    api, named = API[artifact.signature.task], get_task(artifact.signature.task).named
    with atomic(folder) as made:
        copy_template(made, module, parts=_PARTS | ({"Labels"} if named else set()), api=api)
        fill_package(
            made,
            module,
            artifact,
            interface,
            files=tables.files,
            golden=partial(write_golden, golden),
            samples={"samples.json": _samples(artifact, interface, answers)},
            vectors={},
            manifest=manifest,
        )
        sources = made / "Sources" / module
        own, version = text_info(artifact, interface), manifest["edgekit_version"]
        info = info_code(artifact, interface, name=name, version=version, own=own)
        write_text(sources / "KitInfo.swift", info)
        if named:
            owner = "Tagger" if api == "Tagger" else "Classifier"
            write_text(sources / "Label.swift", label_code(artifact.signature.labels, owner=owner))
        write_text(made / "README.md", readme(artifact, parity, interface, name=name, module=module))
    return Bundle("swift", folder, artifact, manifest, use_lines(artifact.signature.task, folder, module))


def _samples(artifact: Artifact, interface: Interface, answers: Sequence[Answer]) -> str:
    made: dict[str, Any] = samples_json(artifact.signature, answers)
    made["model"] |= recorded_interface(artifact, interface)
    return as_json(made)
