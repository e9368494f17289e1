"""Writes the Swift package of a classifier of images or clips: what both kinds have alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from edgekit.files import atomic
from edgekit.kits.audio import AudioInput
from edgekit.kits.images import ImageInput
from edgekit.kits.manifest import Bundle, checked_manifest, write_text
from edgekit.kits.swift.code import info_code, label_code
from edgekit.kits.swift.interface import read_interface
from edgekit.kits.swift.package import copy_template, fill_package, module_name
from edgekit.kits.swift.readme_classifier import Words, readme, use_lines
from edgekit.kits.swift.recorded import as_json, recorded_interface
from edgekit.types import Artifact, Parity, Signature

_PARTS = {"Answering", "Labels", "Tensors"}

Answer = TypeVar("Answer")
Golden = TypeVar("Golden")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a package for one kind of input has of its own."""

    folder: str  # of its part of the template: "Images"
    words: Words


def write_classifier(
    kind: Kind,
    artifact: Artifact,
    parity: Parity,
    given: ImageInput | AudioInput,
    folder: Path,
    *,
    name: str,
    own: Mapping[str, str],
    golden: Sequence[Golden],
    write_golden: Callable[[Sequence[Golden], Path], Path],
    answers: Sequence[Answer],
    samples_json: Callable[[Signature, Sequence[Answer]], dict[str, Any]],
    recorded: Callable[[Answer], dict[str, Any]],
    licences: Mapping[str, str | None] | None,
) -> Bundle:
    """As `write_swift_images` and `write_swift_audio`, which see.

    Args:
        own: constants of the preparation, for `KitInfo`: "name: Type" → value.
        write_golden: writes them into a file.
        samples_json: the content of a file with the answers.
        recorded: what the model reads of one; see `recorded_tensor`.
    """
    manifest = checked_manifest(
        artifact, parity, given, folder, platform="swift", golden=golden, answers=answers, licences=licences
    )
    interface, words = read_interface(artifact.path), kind.words
    module, version = module_name(name), manifest["edgekit_version"]
    samples = samples_json(artifact.signature, answers)
    samples["model"] |= recorded_interface(artifact, interface)
    for sample, answer in zip(samples["samples"], answers, strict=True):
        sample["tensors"] = {artifact.signature.inputs[0].name: recorded(answer)}
    with atomic(folder) as made:
        copy_template(made, module, parts=_PARTS | {kind.folder}, api=words.api)
        fill_package(
            made,
            module,
            artifact,
            interface,
            files={},
            golden=partial(write_golden, golden),
            samples={"samples.json": as_json(samples)},
            vectors={},
            manifest=manifest,
        )
        sources = made / "Sources" / module
        info = info_code(artifact, interface, name=name, version=version, own=own)
        write_text(sources / "KitInfo.swift", info)
        write_text(sources / "Label.swift", label_code(artifact.signature.labels, owner=words.api))
        write_text(made / "README.md", readme(artifact, parity, interface, words, name=name, module=module))
    return Bundle("swift", folder, artifact, manifest, use_lines(words, folder, module))
