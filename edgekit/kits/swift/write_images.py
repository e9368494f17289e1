"""Writes the Swift package of an image classifier: image in, the probability of every label out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.images import (
    GoldenImage,
    ImageAnswer,
    ImageInput,
    require_image_input,
    write_golden_images,
)
from edgekit.kits.images.interface import image_samples_json
from edgekit.kits.manifest import Bundle, checked_manifest, write_text
from edgekit.kits.swift.code import info_code, label_code
from edgekit.kits.swift.interface import Interface, read_interface
from edgekit.kits.swift.package import copy_template, fill_package, module_name
from edgekit.kits.swift.readme_images import readme, use_lines
from edgekit.kits.swift.recorded import as_json, recorded_interface, recorded_tensor
from edgekit.kits.swift.supported import require_coreml
from edgekit.tasks import IMAGE_CLASSIFICATION
from edgekit.types import Artifact, Parity

_API = "ImageClassifier"
_PARTS = {"Answering", "Images", "Labels", "Tensors"}


def write_swift_images(
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
    """Writes a SwiftPM package that answers a `CGImage`, or pixels, with the probability of every label.

    Args:
        artifact: a Core ML package of an image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the Swift module is named after it.
        golden: images with their prepared pixels, for the package's own tests.
        answers: images and what a runner answered; tests replay them, and `edgekit-bench` runs them. At least
            one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no Core ML package of an image classifier, two of its labels are one text to Swift,
            or `folder` holds something else.
        DiskFull: no space was left.
    """
    require_coreml(artifact, tasks=[IMAGE_CLASSIFICATION.name])
    require_image_input(artifact, given)
    manifest = checked_manifest(
        artifact, parity, given, folder, platform="swift", golden=golden, answers=answers, licences=licences
    )
    interface = read_interface(artifact.path)
    module, version = module_name(name), manifest["edgekit_version"]
    own = {"imageSize: Int": str(given.size), "shortestEdge: Int": str(given.shortest_edge)}
    with atomic(folder) as made:
        copy_template(made, module, parts=_PARTS, api=_API)
        fill_package(
            made,
            module,
            artifact,
            interface,
            files={},
            golden=partial(write_golden_images, golden),
            samples={"samples.json": _samples(artifact, interface, answers, given)},
            vectors={},
            manifest=manifest,
        )
        sources = made / "Sources" / module
        info = info_code(artifact, interface, name=name, version=version, own=own)
        write_text(sources / "KitInfo.swift", info)
        write_text(sources / "Label.swift", label_code(artifact.signature.labels, owner=_API))
        write_text(made / "README.md", readme(artifact, parity, interface, name=name, module=module))
    return Bundle("swift", folder, artifact, manifest, use_lines(folder, module))


def _samples(
    artifact: Artifact, interface: Interface, answers: Sequence[ImageAnswer], given: ImageInput
) -> str:
    made = image_samples_json(artifact.signature, answers)
    made["model"] |= recorded_interface(artifact, interface)
    pixels, shape = artifact.signature.inputs[0].name, (1, 3, given.size, given.size)
    for sample, answer in zip(made["samples"], answers, strict=True):
        sample["tensors"] = {pixels: recorded_tensor(shape, tuple(answer.pixels))}
    return as_json(made)
