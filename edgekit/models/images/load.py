"""Loads an image classifier with its front end: a folder that edgekit saved, or published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ModelError, first_line
from edgekit.models.images.front_end import FILE, ImageFrontEnd, load_front_end
from edgekit.quiet import quiet
from edgekit.signatures import image_signature
from edgekit.tasks import Task
from edgekit.types import Model, Source


def load_image_model(
    source: Source,
    *,
    name: str,
    task: Task,
    labels: tuple[str, ...],
    size: int,
    fresh_head: bool,
    dropout: float | None,
) -> Model:
    """An image classifier in fp32, on the CPU.

    Args:
        labels: class names in id order; empty takes the model's own.
        size: side in pixels that images are brought to; its weights fit any.
        fresh_head: whether a classifier for these labels may be made anew.
        dropout: replaces the model's; None leaves it.

    Raises:
        ModelError: unreadable, not an architecture that edgekit reads images with, or made for other labels.
    """
    from edgekit.models.small.register import register

    register()
    settings: dict[str, Any] = {} if dropout is None else {"dropout": dropout}
    if source.path.is_file():
        if not labels or not fresh_head:
            raise ModelError(
                f"{source.uri} holds weights without labels.",
                remedy="Add teacher.finetune to the recipe, so that a classifier for your labels is trained.",
            )
        from edgekit.models.images.published import load_published

        settings |= {"image_size": size, **_named(labels)}
        module: Any = load_published(source.path, uri=source.uri, **settings)
        front_end = ImageFrontEnd(size, size)
    else:
        module, front_end = _folder(source, labels, size, fresh_head=fresh_head, **settings)
    module = module.float().eval()
    own = tuple(str(module.config.id2label[i]) for i in range(len(module.config.id2label)))
    signature = image_signature(task=task.name, labels=own, size=front_end.size)
    return Model(name=name, module=module, processor=front_end, signature=signature, source=source)


def _named(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def _folder(
    source: Source, labels: tuple[str, ...], size: int, *, fresh_head: bool, **settings: Any
) -> tuple[Any, ImageFrontEnd]:
    from transformers import AutoConfig, AutoModelForImageClassification

    folder, uri = Path(source.path), source.uri
    if not (folder / FILE).is_file():
        raise ModelError(f"{uri} has no {FILE}.", remedy="Put it beside the model's config.json.")
    front_end = load_front_end(folder, uri=uri)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{uri}: config.json can't be read: {first_line(error)}",
            remedy="Give a folder that edgekit saved.",
        ) from error
    if not config.model_type.startswith("edgekit-"):
        raise ModelError(
            f"{uri} is a {config.model_type} model, which normalises nothing by itself.",
            remedy="Use EfficientNet-Lite0, or an image model that edgekit saved.",
        )
    own = tuple(str(config.id2label[i]) for i in range(len(config.id2label)))
    if labels and labels != own:
        if not fresh_head:
            raise ModelError(
                f"{uri} was trained for the classes {', '.join(own[:6])}; the data has "
                f"{', '.join(labels[:6])}.",
                remedy="Add teacher.finetune to the recipe, or use a teacher for these classes.",
            )
        settings |= _named(labels)
    elif size != front_end.size and not fresh_head:
        size = front_end.size
    config.update({**settings, "image_size": size})
    try:
        with quiet():
            module = AutoModelForImageClassification.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                ignore_mismatched_sizes=fresh_head,
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{uri}: the weights can't be loaded: {first_line(error)}",
            remedy="Check that config.json and model.safetensors belong together.",
        ) from error
    if size != front_end.size:
        front_end = ImageFrontEnd(size, round(size * front_end.shortest_edge / front_end.size))
    return module, front_end
