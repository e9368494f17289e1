"""Makes a student from its teacher: cut along any dimension, or a small network with the teacher's tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgekit.models.students.layers import block_influence, select_layers, with_layers
from edgekit.models.students.narrow import narrowed
from edgekit.models.students.vocabulary import (
    Trimmed,
    chat_tokens,
    count_tokens,
    named_tokens,
    trim,
    with_vocabulary,
)
from edgekit.models.tasks import layer_count
from edgekit.signatures import INTEGER_INPUTS
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.recipe.schema import Student

__all__ = ["build_student", "make_student", "select_layers"]


def build_student(
    teacher: Model, *, layers: int, select: str | tuple[int, ...], name: str, rows: Rows = ()
) -> Model:
    """A new model with some of the teacher's layers and copies of all its other weights (Sanh et al., 2019).

    Args:
        rows: token rows to measure importance on; only `select="importance"` reads them.

    Raises:
        ModelError: the layers aren't there, or the architecture keeps them somewhere unexpected.
    """
    _, count = layer_count(teacher.module.config)
    influence = block_influence(teacher, rows) if select == "importance" else None
    chosen = select_layers(count, layers, select, influence=influence)
    return _made(
        teacher,
        with_layers(teacher.module, chosen),
        name=name,
        how=f"layers {list(chosen)} of {teacher.name}",
    )


def make_student(parent: Model, config: Student, *, name: str, rows: Rows = (), seed: int = 0) -> Model:
    """The student that a recipe describes, before any training.

    A student with a vocabulary of its own has its own `processor` and reads texts through that;
    `edgekit.models.students.vocabulary.aligned` tells which rows still match the teacher's position by
    position. `config.quantization_aware` is a matter of training; see `edgekit.models.students.int8`.

    Args:
        rows: training (and transfer) texts as the parent's token rows. The first 256 measure importance; all
            count tokens. Needed for `select: importance`, heads, widths and vocabulary.
        seed: of weights that are not inherited.

    Raises:
        ModelError: the parent can't be cut this way, or sizes don't fit it.
    """
    if get_task(parent.signature.task).reads != "text":
        from edgekit.models.images.student import cut_network

        return cut_network(parent, config, name=name)
    if config.architecture != "teacher":
        return _small(parent, config, name=name, rows=rows, seed=seed)
    made = build_student(parent, layers=config.layers, select=config.select, name=name, rows=rows)
    told = [made.source.uri]
    if config.heads or config.intermediate_size or config.hidden_size:
        module = _narrower(made)(
            made,
            rows,
            heads=config.heads,
            intermediate_size=config.intermediate_size,
            hidden_size=config.hidden_size,
        )
        made = replace(made, module=module)
        told.append(f"{module.config.num_attention_heads} heads, width {module.config.hidden_size}")
        if config.intermediate_size:
            told.append(f"{config.intermediate_size} feed-forward units")
    counts: Mapping[int, int] = count_tokens(rows)
    if config.vocabulary:
        trimmed = _trim(parent, config, counts)
        counts = {new: counts.get(old, 0) for new, old in enumerate(trimmed.kept)}
        made = replace(made, module=with_vocabulary(made.module, trimmed), processor=trimmed.processor)
        told.append(f"{len(trimmed.kept):,} tokens")
    if config.embedding_rank:
        from edgekit.models.small.low_rank import with_low_rank
        from edgekit.models.small.register import register

        register()
        tokens = made.module.get_input_embeddings().num_embeddings
        module = with_low_rank(made.module, config.embedding_rank, _weights(counts, tokens))
        made = replace(made, module=module)
        told.append(f"token table of rank {config.embedding_rank}")
    return replace(made, source=replace(made.source, uri="; ".join(told)))


def _narrower(model: Model) -> Callable[..., Any]:
    if model.signature.task != TEXT_GENERATION.name:
        return narrowed
    from edgekit.models.students.narrow_decoder import narrowed_decoder

    return narrowed_decoder


def _small(parent: Model, config: Student, *, name: str, rows: Rows, seed: int) -> Model:
    import torch

    from edgekit.models.small.build import build_small

    words = parent.module.get_input_embeddings()
    counts: Mapping[int, int] = count_tokens(rows)
    processor = parent.processor
    with torch.no_grad():
        ids = torch.arange(words.num_embeddings, device=words.weight.device)
        table = words(ids).float().cpu()
    if config.vocabulary:
        trimmed = _trim(parent, config, counts)
        counts = {new: counts.get(old, 0) for new, old in enumerate(trimmed.kept)}
        processor, table = trimmed.processor, table[list(trimmed.kept)]
    module = build_small(
        config.architecture,
        table,
        _weights(counts, table.shape[0]),
        parent_config=parent.module.config,
        task=parent.signature.task,
        pad_token_id=processor.pad_token_id,
        embedding_size=getattr(parent.module, "embedding_size", None),
        layers=config.layers,
        hidden_size=config.hidden_size,
        embedding_rank=config.embedding_rank,
        seed=seed,
    )
    made = _made(parent, module, name=name, how=f"{config.architecture} with the tokens of {parent.name}")
    inputs = tuple(spec for spec in parent.signature.inputs if spec.name != INTEGER_INPUTS[2])
    return replace(made, processor=processor, signature=replace(parent.signature, inputs=inputs))


def _trim(parent: Model, config: Student, counts: Mapping[int, int]) -> Trimmed:
    assert config.vocabulary is not None
    return trim(
        parent.processor,
        counts,
        min_count=config.vocabulary.min_count,
        size=config.vocabulary.size,
        keep=named_tokens(parent.module) | chat_tokens(parent.processor),
    )


def _weights(counts: Mapping[int, int], tokens: int) -> Tensor:
    """How much each token's row counts, `[V]`: its occurrences, and a little for those not seen."""
    import torch

    weights = torch.ones(tokens, dtype=torch.float64)
    for i, count in counts.items():
        weights[i] += count
    return weights


def _made(parent: Model, module: Any, *, name: str, how: str) -> Model:
    return replace(parent, name=name, module=module, source=replace(parent.source, uri=how, license=None))
