"""What a kit that runs ONNX needs of a model."""

from __future__ import annotations

from collections.abc import Iterable

from edgekit.errors import ExportError
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.images import ImageInput, require_image_input
from edgekit.tasks import IMAGE_CLASSIFICATION, get_task
from edgekit.types import Artifact

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def require_onnx(artifact: Artifact, *, kit: str, tasks: Iterable[str]) -> None:
    """Lets an ONNX model pass that takes what a kit's tokenizer gives, at any length.

    Args:
        kit: its name in a sentence: "Android kit".
        tasks: for which there is such a kit.

    Raises:
        ExportError: the target, the task or the interface is another.
    """
    signature = artifact.signature
    if artifact.target not in ("onnx", "onnxruntime"):
        raise ExportError(
            f"{artifact.name} is for {artifact.target}; a kit with ONNX Runtime carries ONNX.",
            remedy="Export the model with --target onnx and give that artifact.",
        )
    if signature.task not in tasks:
        raise ExportError(
            f"There is no {kit} for {signature.task}.", remedy=f"It exists for {', '.join(tasks)}."
        )
    if unknown := [spec.name for spec in signature.inputs if spec.name not in INPUTS]:
        raise ExportError(
            f"{artifact.name} has inputs that a kit's tokenizer doesn't give: {', '.join(unknown)}.",
            remedy=f"A kit gives {', '.join(INPUTS)}.",
        )
    fixed = any(isinstance(spec.shape[-1], int) for spec in signature.inputs)
    if fixed or signature.outputs[0].name != get_task(signature.task).output:
        raise ExportError(
            f"{artifact.name} takes texts of one length only, or gives {signature.outputs[0].name}.",
            remedy="Export it with edgekit's ONNX target, whose sequence length is free.",
        )


def require_image_onnx(artifact: Artifact, given: ImageInput, *, kit: str) -> None:
    """Lets an ONNX image classifier pass that takes what a kit prepares.

    Raises:
        ExportError: the target, the task or the interface is another.
    """
    signature = artifact.signature
    if artifact.target not in ("onnx", "onnxruntime") or signature.task != IMAGE_CLASSIFICATION.name:
        raise ExportError(
            f"{artifact.name} is for {artifact.target} and {signature.task}; {kit} carries an image "
            "classifier as ONNX.",
            remedy="Export an image classifier with --target onnx and give that artifact.",
        )
    require_image_input(artifact, given)


def require_decoder(parts: GeneratorParts, *, kit: str) -> None:
    """Lets a decoder pass that keeps its caches outside, as 32-bit numbers.

    Raises:
        ExportError: the target or the caches are others.
    """
    artifact, caches = parts.artifact, parts.generation.caches
    if artifact.target != "onnxruntime" or not caches:
        raise ExportError(
            f"{artifact.name} is for {artifact.target}; a {kit} that writes text carries ONNX with caches.",
            remedy="Export the decoder with --target onnxruntime, and bundle that.",
        )
    if other := {one.dtype for one in caches} - {"float32"}:
        raise ExportError(
            f"{artifact.name} keeps keys and values as {', '.join(sorted(other))}, which a {kit} does not.",
            remedy="Export the decoder with caches in fp32, and bundle that.",
        )
