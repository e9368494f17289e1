"""A tiny image classifier as ONNX and Core ML, and its kits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tiny_kits import passed

from edgekit.export.coreml import export_coreml
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.kits.manifest import Bundle
from edgekit.models import families
from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.models.tasks import dummy_inputs
from edgekit.signatures import image_signature
from edgekit.stages.bundling import bundle
from edgekit.types import Artifact
from tests.image_examples import CLASSES, SIDE, save_images, tiny_model

LABELS = ("</script>", "<b>down</b>")  # in the place of "across" and "down"
EDGE = SIDE + 3  # what the shorter side is brought to


def image_onnx(folder: Path) -> Artifact:
    """Exported with its front end beside it."""
    return export_onnx(_exportable(folder), folder / "model.onnx")


def image_coreml(folder: Path, *, labels: tuple[str, ...] = LABELS) -> Artifact:
    """The same as a Core ML package."""
    return export_coreml(_exportable(folder, labels), folder / "model.mlpackage")


def _exportable(folder: Path, labels: tuple[str, ...] = LABELS) -> Exportable:
    model = replace(tiny_model(labels=labels), processor=ImageFrontEnd(SIDE, EDGE))
    model.processor.save_pretrained(folder)
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, task=model.signature.task),
        signature=image_signature(task=model.signature.task, labels=labels, size=SIDE),
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=1),
        provenance={},
        parameters=model.parameters,
    )


def image_files(folder: Path, count: int = 3) -> list[str]:
    """Paths of small PNG files."""
    root = save_images(folder, count)
    return [str(path) for kind in CLASSES for path in sorted((root / kind).glob("*.png"))]


def image_kit(
    artifact: Artifact, images: list[str], folder: Path, *, name: str = "tiny", platform: str = "web"
) -> Bundle:
    return bundle(
        artifact,
        passed(artifact),
        folder,
        platform=platform,
        name=name,
        texts=images,
        licences={"student": "Apache-2.0"},
    )
