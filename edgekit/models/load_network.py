"""Loads a classifier of arrays with its front end: a folder that edgekit saved, or published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ModelError, first_line
from edgekit.models.front_ends import FILE, FrontEnd, fresh_front_end, load_front_end
from edgekit.quiet import quiet
from edgekit.tasks import Task
from edgekit.types import Model, Source

AUTO = {  # what a task reads → transformers' class
    "image": "AutoModelForImageClassification",
    "audio": "AutoModelForAudioClassification",
}


def load_network(
    source: Source,
    *,
    name: str,
    task: Task,
    labels: tuple[str, ...],
    extent: int,
    rate: int,
    fresh_head: bool,
    dropout: float | None,
) -> Model:
    """A classifier in fp32, on the CPU.

    Args:
        labels: class names in id order; empty takes the model's own.
        extent, rate: of an input, as `fresh_front_end` says; the weights fit any.
        fresh_head: whether a classifier for these labels may be made anew.
        dropout: replaces the model's; None leaves it.

    Raises:
        ModelError: unreadable, not an architecture that edgekit reads arrays with, or made for other labels.
    """
    from edgekit.models.small.register import register

    register()
    settings: dict[str, Any] = {} if dropout is None else {"dropout": dropout}
    front_end = fresh_front_end(task, extent=extent, rate=rate)
    if source.path.is_file():
        if not labels or not fresh_head:
            raise ModelError(
                f"{source.uri} holds weights without labels.",
                remedy="Add teacher.finetune to the recipe, so that a classifier for your labels is trained.",
            )
        from edgekit.models.images.published import load_published

        settings |= {**front_end.settings, **_named(labels)}
        module: Any = load_published(source.path, reads=task.reads, uri=source.uri, **settings)
    else:
        module, front_end = _folder(source, labels, front_end, AUTO[task.reads], fresh_head, settings)
    module = module.float().eval()
    own = tuple(str(module.config.id2label[i]) for i in range(len(module.config.id2label)))
    return Model(
        name=name, module=module, processor=front_end, signature=front_end.signature(task, own), source=source
    )


def _named(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def _folder(
    source: Source,
    labels: tuple[str, ...],
    wanted: FrontEnd,
    auto: str,
    fresh_head: bool,
    settings: dict[str, Any],
) -> tuple[Any, FrontEnd]:
    import transformers

    folder, uri = Path(source.path), source.uri
    if not (folder / FILE).is_file():
        raise ModelError(f"{uri} has no {FILE}.", remedy="Put it beside the model's config.json.")
    front_end = load_front_end(folder, uri=uri)
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{uri}: config.json can't be read: {first_line(error)}",
            remedy="Give a folder that edgekit saved.",
        ) from error
    if not config.model_type.startswith("edgekit-"):
        raise ModelError(
            f"{uri} is a {config.model_type} model, which normalises nothing by itself.",
            remedy="Use EfficientNet-Lite0, or a model that edgekit saved for this task.",
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
    if fresh_head:
        front_end = front_end.at(wanted)
    config.update({**settings, **front_end.settings})
    try:
        with quiet():
            module = getattr(transformers, auto).from_pretrained(
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
    return module, front_end
