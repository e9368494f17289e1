"""Writes the Android module of an image classifier: the template's part for images, the model, its tests."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.android.code import kit_code, label_code
from edgekit.kits.android.readme_images import readme, use_lines
from edgekit.kits.android.write import ATTRIBUTES, copy_template, place_of
from edgekit.kits.images import GoldenImage, ImageAnswer, ImageInput, write_golden_images
from edgekit.kits.manifest import FILE, Bundle, checked_manifest, write_text
from edgekit.kits.onnx_model import require_image_onnx
from edgekit.types import Artifact, Parity

_API = "ImageClassifier"
# What a module for images alone has no use for.
_LEFT_OUT = {"Engine", "Model", "WhiteSpace", "GoldenTest", "Recorded"}
_PARTS_LEFT_OUT = {"generation", "tokenizer", "texts"}


def write_android_images(
    artifact: Artifact,
    parity: Parity,
    given: ImageInput,
    folder: Path,
    *,
    name: str,
    golden: Sequence[GoldenImage],
    answers: Sequence[ImageAnswer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes a Gradle module that answers a `Bitmap` with the probability of every label.

    Args:
        artifact: an ONNX image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the kit; an older kit there is replaced.
        name: of the product, in the author's words; module and package are named after it.
        golden: images with their prepared pixels, for the module's own tests.
        answers: images and what a runner answered; tests replay them, and the benchmark runs them. At least
            one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX image classifier, or `folder` holds something else.
        DiskFull: no space was left.
    """
    require_image_onnx(artifact, given, kit="an Android kit for images")
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
    place = place_of(name, model=f"model{artifact.path.suffix}")
    numbers = {"IMAGE_SIZE": given.size, "SHORTEST_EDGE": given.shortest_edge}
    manifest["file"] = {"name": place.model, "size_bytes": artifact.size_bytes, "sha256": artifact.sha256}
    with atomic(folder) as made:
        module = made / place.module
        copy_template(made, place, _API, keep=_belongs)
        code = kit_code(artifact, place, version=manifest["edgekit_version"], numbers=numbers)
        write_text(module / "src/main/kotlin/Kit.kt", code)
        write_text(module / "src/main/kotlin/Label.kt", label_code(artifact.signature.labels, place.package))
        model = module / "src/main/assets/edgekit" / place.module / place.model
        model.parent.mkdir(parents=True)
        shutil.copyfile(artifact.path, model)
        resources = module / "src/shared/resources"
        write_text(resources / "samples.txt", "".join(map(_sample, answers)))
        write_golden_images(golden, resources / "golden.txt")
        write_text(module / ".gitattributes", ATTRIBUTES)
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, place, name=name))
    return Bundle("android", folder, artifact, manifest, use_lines(folder, place))


def _belongs(file: Path) -> bool:
    return file.stem not in _LEFT_OUT and not _PARTS_LEFT_OUT & set(file.parts)


def _sample(answer: ImageAnswer) -> str:
    """A line that Kotlin reads without a JSON parser; see `readSamples` of images."""
    rgb = base64.b64encode(answer.rgb).decode("ascii")
    output = ",".join(repr(float(value)) for value in answer.output)
    return f"{answer.width} {answer.height} {rgb} {output}\n"
