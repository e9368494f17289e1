"""Tasks and architectures, as optimum names them: classes, dimension names, dummy inputs."""

from __future__ import annotations

from typing import Any

from edgekit.errors import ModelError
from edgekit.types import Signature


def model_class(task: str) -> Any:
    """The transformers Auto class of a task, by optimum's task table."""
    from optimum.exporters.tasks import TasksManager

    return TasksManager.get_model_class_for_task(task, framework="pt")


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
    wrapped = normalized(config)
    field = getattr(type(wrapped), "NUM_LAYERS", "num_hidden_layers")
    return field, int(wrapped.num_layers)


def dummy_inputs(module: Any, interface: Signature, *, batch: int, length: int) -> dict[str, Any]:
    """Random token ids with padding, `[batch, length]` int64, made by optimum's generator."""
    import torch
    from optimum.utils.input_generators import DummyTextInputGenerator

    generator = DummyTextInputGenerator(
        interface.task, normalized(module.config), batch_size=batch, sequence_length=length
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
