"""Tasks and architectures: which class loads a task, what a folder is for, dimension names, dummy inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.batches import is_padded
from edgekit.errors import ModelError
from edgekit.files import read_json
from edgekit.metadata import SIDECAR, read_signature
from edgekit.signatures import PIXELS
from edgekit.tasks import TASKS, Task, get_task
from edgekit.types import Signature

HEADS = {  # optimum's task → what a head is called, and how the classes end that have one
    "text-classification": ("classification", ("ForSequenceClassification",)),
    "token-classification": ("token classification", ("ForTokenClassification",)),
    "fill-mask": ("masked-lm", ("ForMaskedLM", "ForPreTraining")),
}
_AUTO = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "fill-mask": "AutoModelForMaskedLM",
    "text-generation": "AutoModelForCausalLM",
}


def load_module(task: Task, folder: Path, config: Any, *, uri: str, **settings: Any) -> Any:
    """A task's module from a folder: `module(**inputs).logits` is its answer.

    Args:
        settings: for transformers' `from_pretrained`.

    Raises:
        ModelError: a sentence encoder that edgekit can't express.
    """
    if task.optimum == "feature-extraction":
        from edgekit.models.families.sentence import load_sentence_encoder

        return load_sentence_encoder(folder, config, uri=uri, **settings)
    import transformers

    return getattr(transformers, _AUTO[task.optimum]).from_pretrained(folder, config=config, **settings)


def task_of(folder: Path) -> str:
    """The task that a model folder is for: by edgekit's sidecar, else by its own files.

    An encoder without a head counts as a text classifier that still lacks one.
    """
    sidecar = folder / SIDECAR
    if sidecar.is_file():
        return read_signature(read_json(sidecar), path=folder).task
    if (folder / "modules.json").is_file():
        return "sentence-embedding"
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    kind = next(
        (
            kind
            for kind, (_, endings) in HEADS.items()
            for name in config.get("architectures") or ()
            if name.endswith(endings)
        ),
        "text-classification",
    )
    problem = config.get("problem_type")
    if problem is None and kind == "text-classification" and len(config.get("id2label", "12")) == 1:
        problem = "regression"
    found = [t for t in TASKS.values() if t.optimum == kind]
    return next((t for t in found if t.problem_type == problem), found[0]).name


def normalized(config: Any) -> Any:
    """The configuration under optimum's architecture-independent names (`num_layers`, `hidden_size` …).

    Raises:
        ModelError: optimum doesn't know this architecture.
    """
    from optimum.utils import NormalizedConfigManager

    try:
        return NormalizedConfigManager.get_normalized_config_class(config.model_type)(config)
    except KeyError as error:
        raise ModelError(
            f"The architecture {config.model_type!r} has no normalized configuration in optimum.",
            remedy="Use an encoder that optimum knows, such as bert, distilbert or roberta.",
        ) from error


def layer_count(config: Any) -> tuple[str, int]:
    """Name of the configuration field that counts layers, and its value."""
    from edgekit.models.decoders.build import DECODERS

    if config.model_type in DECODERS:  # optimum does not know all of them
        return "num_hidden_layers", int(config.num_hidden_layers)
    wrapped = normalized(config)
    field = getattr(type(wrapped), "NUM_LAYERS", "num_hidden_layers")
    return field, int(wrapped.num_layers)


def dummy_inputs(module: Any, interface: Signature, *, batch: int, length: int) -> dict[str, Any]:
    """Random token ids with padding, `[batch, length]` int64, by optimum's generator; or pixels, or noise."""
    import torch

    if not is_padded(interface.inputs[0]):
        shapes = {spec.name: (batch, *map(int, spec.shape[1:])) for spec in interface.inputs}
        return {
            name: torch.randint(256, shape).float() if name == PIXELS else 0.1 * torch.randn(shape)
            for name, shape in shapes.items()
        }
    from optimum.utils.input_generators import DummyTextInputGenerator

    generator = DummyTextInputGenerator(
        get_task(interface.task).optimum, normalized(module.config), batch_size=batch, sequence_length=length
    )
    made = {
        spec.name: generator.generate(spec.name, framework="pt", int_dtype="int64")
        for spec in interface.inputs
    }
    made["attention_mask"] = torch.ones_like(made["input_ids"])
    made["attention_mask"][-1, length // 2 :] = 0
    if "token_type_ids" in made:
        made["token_type_ids"] = torch.zeros_like(made["input_ids"])
    return made
