"""Writes the Android module of a classifier of images or clips: what both kinds have alike."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgekit.files import atomic
from edgekit.kits.android.code import kit_code, label_code
from edgekit.kits.android.readme_classifier import Words, readme, use_lines
from edgekit.kits.android.write import ATTRIBUTES, KINDS, copy_template, place_of
from edgekit.kits.audio import AudioInput
from edgekit.kits.images import ImageInput
from edgekit.kits.manifest import FILE, Bundle, checked_manifest, write_text
from edgekit.kits.onnx_model import require_classifier_onnx
from edgekit.types import Artifact, Parity

# What a module without texts has no use for.
_LEFT_OUT = {"Engine", "Model", "WhiteSpace", "GoldenTest", "Recorded"}

Answer = TypeVar("Answer")
Golden = TypeVar("Golden")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a module for one kind of input has of its own."""

    folder: str  # of its part of the template: "images"
    words: Words


def write_classifier(
    kind: Kind,
    artifact: Artifact,
    parity: Parity,
    given: ImageInput | AudioInput,
    folder: Path,
    *,
    name: str,
    numbers: Mapping[str, int],
    golden: Sequence[Golden],
    write_golden: Callable[[Sequence[Golden], Path], Path],
    answers: Sequence[Answer],
    sample: Callable[[Answer], str],
    licences: Mapping[str, str | None] | None,
) -> Bundle:
    """As `write_android_images` and `write_android_audio`, which see.

    Args:
        numbers: constants of the preparation, by their names in `Kit`.
        write_golden: writes them into a file.
        sample: an answer as a line that Kotlin reads without a JSON parser.
    """
    require_classifier_onnx(artifact, given, kit=f"an Android kit for {kind.folder}")
    manifest = checked_manifest(
        artifact,
        parity,
        given,
        folder,
        platform="android",
        golden=golden,
        answers=answers,
        licences=licences,
    )
    place, words = place_of(name, model=f"model{artifact.path.suffix}"), kind.words
    manifest["file"] = {"name": place.model, "size_bytes": artifact.size_bytes, "sha256": artifact.sha256}
    left_out = {"tokenizer"} | KINDS - {kind.folder, "arrays"}
    with atomic(folder) as made:
        module = made / place.module
        copy_template(
            made,
            place,
            words.api,
            keep=lambda file: file.stem not in _LEFT_OUT and not left_out & set(file.parts),
        )
        code = kit_code(artifact, place, version=manifest["edgekit_version"], numbers=numbers)
        write_text(module / "src/main/kotlin/Kit.kt", code)
        write_text(module / "src/main/kotlin/Label.kt", label_code(artifact.signature.labels, place.package))
        model = module / "src/main/assets/edgekit" / place.module / place.model
        model.parent.mkdir(parents=True)
        shutil.copyfile(artifact.path, model)
        resources = module / "src/shared/resources"
        write_text(resources / "samples.txt", "".join(f"{sample(answer)}\n" for answer in answers))
        write_golden(golden, resources / "golden.txt")
        write_text(module / ".gitattributes", ATTRIBUTES)
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, words, place, name=name))
    return Bundle("android", folder, artifact, manifest, use_lines(words, folder, place))


def output_text(output: Sequence[float]) -> str:
    """Numbers with commas between."""
    return ",".join(repr(float(value)) for value in output)
