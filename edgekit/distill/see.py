"""Runs a model once and keeps what the losses want to look at."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.distill.knowledge import Needs, Seen
from edgekit.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

# What families call the three projections of an attention module; or the one that holds all three.
_PROJECTIONS = (
    ("query", "key", "value"),  # BERT, RoBERTa, ELECTRA, ALBERT
    ("q", "k", "v"),  # MPNet
    ("q_lin", "k_lin", "v_lin"),  # DistilBERT
    ("query_proj", "key_proj", "value_proj"),  # DeBERTa-v2 and v3
    ("q_proj", "k_proj", "v_proj"),  # most decoders
    ("Wqkv",),  # ModernBERT: queries, keys and values side by side
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model that losses depend on."""

    layers: int
    width: int  # of hidden states
    heads: int | None  # None: the model has no attention
    classes: int  # last dimension of the task's output
    attention_width: int | None = None  # of queries, keys and values together over all heads; None: not known


def shape_of(module: Any, *, classes: int) -> ModelShape:
    """The shape of a transformers module, or of a module whose `config` has the same attributes.

    Args:
        classes: last dimension of the task's output; configurations name it differently per task.
    """
    config = module.config
    heads = getattr(config, "num_attention_heads", None)
    attention = next((m for m in module.modules() if _projection_names(m)), None)
    width = None
    if attention is not None:
        names = _projection_names(attention)
        size = getattr(getattr(attention, names[0]), "out_features", None)
        width = size // 3 if size and len(names) == 1 else size
    return ModelShape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=heads,
        classes=classes,
        attention_width=width,
    )


def see(module: Any, inputs: Mapping[str, Tensor], needs: Needs) -> Seen:
    """Runs a transformers module once; gradients and autocast are the caller's.

    Args:
        module: returns an object with `.logits`; loaded with `attn_implementation="eager"` where `needs`
            asks for attentions, since only that form gives them out.
        inputs: `[B, L]` each, by the names of the module's forward.
        needs: layers are 1-based; hidden 0 is the embeddings' output.

    Returns:
        float32 tensors: logits as the module gives them, hidden states `[B, L, D]`, attention probabilities
        `[B, H, L, L]`, and queries, keys and values `[B, L, D]`, before any rotation.

    Raises:
        TrainingError: the module has no such layers, no attention, or does not show them.
    """
    flags = [("output_hidden_states", needs.hidden), ("output_attentions", needs.attentions)]
    asked = {flag: True for flag, layers in flags if layers}
    for flag in asked:
        if not _accepts(module, flag):
            raise _hidden_from_view(module, flag.removeprefix("output_"))
    with _watch_projections(module, needs.relations) as projected:
        out = module(**inputs, **asked)
    # Attentions start at layer 1, hidden states at the embeddings.
    hidden = _chosen(module, "hidden_states", getattr(out, "hidden_states", None), needs.hidden, first=0)
    attentions = _chosen(module, "attentions", getattr(out, "attentions", None), needs.attentions, first=1)
    relations = _chosen(module, "queries, keys and values", projected, needs.relations, first=1)
    return Seen(
        logits=out.logits.float(),
        hidden={layer: tensor.float() for layer, tensor in hidden.items()},
        attentions={layer: tensor.float() for layer, tensor in attentions.items()},
        relations={layer: _queries_keys_values(run) for layer, run in relations.items()},
    )


def _chosen(
    module: Any, what: str, shown: Sequence[Any] | None, layers: frozenset[int], *, first: int
) -> dict[int, Any]:
    if not layers:
        return {}
    if not shown or any(part is None for part in shown):
        raise _hidden_from_view(module, what)
    last = len(shown) - 1 + first
    wrong = sorted(layer for layer in layers if not first <= layer <= last)
    if wrong:
        raise TrainingError(
            f"{type(module).__name__} shows {what} of layers {first} to {last}; a loss asks for {wrong}.",
            remedy="Set distill.layer_map to layers that both models have.",
        )
    return {layer: shown[layer - first] for layer in layers}


def _hidden_from_view(module: Any, what: str) -> TrainingError:
    return TrainingError(
        f"{type(module).__name__} does not show its {what.replace('_', ' ')}.",
        remedy="Set the distill.weights of losses that look at them to 0, or use a transformer encoder such "
        "as BERT, loaded with eager attention.",
    )


def _accepts(module: Any, flag: str) -> bool:
    parameters = inspect.signature(module.forward).parameters
    return flag in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _projection_names(module: Any) -> tuple[str, ...]:
    children = dict(module.named_children())
    return next((names for names in _PROJECTIONS if all(name in children for name in names)), ())


@contextlib.contextmanager
def _watch_projections(module: Any, layers: frozenset[int]) -> Iterator[list[dict[str, Any]]]:
    """A list that gains each layer's projections by name while the module runs.

    A layer begins when its attention does, not with its place in the module tree: ALBERT runs one attention
    several times. Only a projection's first output counts: DeBERTa sends positions through it as well.
    """
    runs: list[dict[str, Any]] = []
    handles = []

    def begin(names: tuple[str, ...]) -> Any:
        return lambda *_: runs.append(dict.fromkeys(names))

    def keep(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if runs[-1][name] is None:
                runs[-1][name] = output

        return hook

    try:
        for attention in module.modules() if layers else ():
            names = _projection_names(attention)
            if names:
                handles.append(attention.register_forward_pre_hook(begin(names)))
                handles += [getattr(attention, n).register_forward_hook(keep(n)) for n in names]
        yield runs
    finally:
        for handle in handles:
            handle.remove()


def _queries_keys_values(run: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    parts = tuple(run.values()) if len(run) == 3 else next(iter(run.values())).chunk(3, dim=-1)
    return parts[0].float(), parts[1].float(), parts[2].float()
