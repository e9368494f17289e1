"""Writes the Swift package: the template under its new name, the generated code, the model and its tables."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.files import atomic
from edgekit.kits.answers import Answer, samples_json
from edgekit.kits.manifest import API, Bundle, checked_manifest, write_text
from edgekit.kits.swift.code import info_code, label_code
from edgekit.kits.swift.interface import Interface, read_interface
from edgekit.kits.swift.package import copy_template, fill_package, module_name
from edgekit.kits.swift.readme import readme, use_lines
from edgekit.kits.tokenizer import Golden, TokenizerTables
from edgekit.tasks import get_task
from edgekit.types import Artifact, Parity


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
    _require_supported(artifact)
    manifest = checked_manifest(
        artifact, parity, tables, folder, platform="swift", golden=golden, answers=answers, licences=licences
    )
    interface = read_interface(artifact.path)
    module = module_name(name)
    api, named = API[artifact.signature.task], get_task(artifact.signature.task).named
    with atomic(folder) as made:
        copy_template(made, module, keep=partial(_belongs, api=api, named=named))
        fill_package(
            made,
            module,
            artifact,
            interface,
            files=tables.files,
            golden=golden,
            samples={"samples.json": _samples(artifact, interface, answers)},
            vectors={},
            manifest=manifest,
        )
        sources = made / "Sources" / module
        info = info_code(artifact, interface, name=name, version=manifest["edgekit_version"])
        write_text(sources / "KitInfo.swift", info)
        if named:
            owner = "Tagger" if api == "Tagger" else "Classifier"
            write_text(sources / "Label.swift", label_code(artifact.signature.labels, owner=owner))
        write_text(made / "README.md", readme(artifact, parity, interface, name=name, module=module))
    return Bundle("swift", folder, artifact, manifest, use_lines(artifact.signature.task, folder, module))


def _require_supported(artifact: Artifact) -> None:
    signature = artifact.signature
    if artifact.target != "coreml":
        raise ExportError(
            f"{artifact.name} is for {artifact.target}; a Swift package carries Core ML.",
            remedy="Export the model with --target coreml and give that artifact.",
        )
    if signature.task not in API:
        raise ExportError(
            f"There is no Swift package for {signature.task}.", remedy=f"It exists for {', '.join(API)}."
        )
    # Swift compares strings as people read them, and a dictionary of two such labels would be refused.
    forms: dict[str, str] = {}
    for label in signature.labels if get_task(signature.task).truth == "class" else ():
        form = unicodedata.normalize("NFC", label)
        if form in forms:
            raise ExportError(
                f"The labels {forms[form]!a} and {label!a} are the same text to Swift.",
                remedy="Rename one of them in the training data's labels, and export again.",
            )
        forms[form] = label


def _belongs(path: Path, *, api: str, named: bool) -> bool:
    if path.parent.name == "Tasks":
        return path.stem in (api, f"{api}Tests")
    return "Generating" not in path.parts and (named or path.name != "LabelTests.swift")


def _samples(artifact: Artifact, interface: Interface, answers: Sequence[Answer]) -> str:
    made: dict[str, Any] = samples_json(artifact.signature, answers)
    made["model"] |= {
        "lengths": list(interface.lengths),
        "probabilities": interface.probabilities,
        "perToken": get_task(artifact.signature.task).per_token,
    }
    return json.dumps(made, separators=(",", ":"), ensure_ascii=False) + "\n"
