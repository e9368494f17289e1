"""What would waste a training run, refused before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.batches import is_padded
from edgekit.distill.see import see
from edgekit.distill.terms import make_terms, total_needs
from edgekit.errors import DataError, ModelError, RecipeError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.see import ModelShape
    from edgekit.recipe.schema import Distill
    from edgekit.tasks import Task
    from edgekit.types import Model, Rows

SOFTENED = ("soft_targets", "reverse_kl", "symmetric_kl", "jensen_shannon", "decoupled", "correlation")
# Losses over one representation per row.
WHOLE_ROWS = (
    "embedding_cosine",
    "embedding_mse",
    "relation_distance",
    "relation_angle",
    "similarity",
    "probability_transfer",
    "correlation_congruence",
    "contrastive",
)
SOFT_LIMIT = 20.0  # above, softened probabilities of a handful of classes are all but equal


def check_settings(config: Distill, *, task: Task, student: ModelShape, teacher: ModelShape) -> None:
    """Refuses losses, weights and a temperature that this task and these two shapes can't use.

    Raises:
        TrainingError: a loss that the task or an architecture can't have (soft targets of a number, attention
            of a BiLSTM), or a layer map with layers that don't exist.
        RecipeError: a temperature or a weight that leaves nothing to learn from.
    """
    make_terms(config.weights, config, task=task, student=student, teacher=teacher)
    weights = config.weights
    used = [name for name in SOFTENED if getattr(weights, name)]
    if used and config.temperature > SOFT_LIMIT and teacher.classes <= 100:
        raise RecipeError(
            f"distill.temperature is {config.temperature:g}: at that, the probabilities of {teacher.classes} "
            "classes are all but equal, and T² multiplies what is left.",
            remedy=f"Use 1 to 10 (the default is 2), or logit_mse, which is its limit; "
            f"above {SOFT_LIMIT:g} only hundreds of classes have a use for it.",
        )
    values = {name: value for name, value in weights.model_dump().items() if value}
    smallest, largest = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    if values[largest] > 1e5 * values[smallest]:
        raise RecipeError(
            f"distill.weights.{smallest} ({values[smallest]:g}) is nothing beside {largest} "
            f"({values[largest]:g}).",
            remedy="Bring them within a factor of 100,000, or set the smaller one to 0.",
        )


def check_packing(config: Distill, *, task: Task) -> None:
    """Refuses several texts in one row where a model answers, or a loss looks, once a row.

    Raises:
        RecipeError: names the task, or the losses that take a row for one text.
    """
    if config.packing and not task.per_token:
        raise RecipeError(
            f"packing puts several texts into one row; a {task.name} model answers once a row.",
            remedy="Set packing: false; length buckets leave little padding to save.",
        )
    between_rows = [f"distill.weights.{name}" for name in WHOLE_ROWS if getattr(config.weights, name)]
    if config.packing and between_rows:
        raise RecipeError(
            f"packing puts several texts into one row, and {', '.join(between_rows)} "
            f"{'takes' if len(between_rows) == 1 else 'take'} a row for one text.",
            remedy="Set packing: false, or these weights to 0.",
        )


def check_labels(student: Model, teacher: Model) -> None:
    """Refuses two models that mean different things by the same output.

    Raises:
        ModelError: names the first label that differs.
    """
    ours, theirs = student.signature.labels, teacher.signature.labels
    if ours == theirs:
        return
    pairs = [(i, a, b) for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
    where = (
        f"label {pairs[0][0]} is {pairs[0][1]!r} here and {pairs[0][2]!r} there"
        if pairs
        else "the rest agree"
    )
    raise ModelError(
        f"{student.name} has {len(ours)} labels and its teacher {teacher.name} {len(theirs)}; {where}.",
        remedy="Give both the same labels in the same order (data.labels), or another teacher.",
    )


def check_rows(rows: Rows, model: Model) -> None:
    """Refuses token rows that the model would read wrongly.

    Raises:
        ModelError: a token id beyond the token table.
        DataError: a mask that hides a real token (built from ids, where the padding token is also the end
            of a text), or the padding token inside a text of a model that counts positions from it.
    """
    if not is_padded(model.signature.inputs[0]):
        return  # pixels: any value is one
    table = model.module.get_input_embeddings().num_embeddings
    padding = model.processor.pad_token_id
    counts_from_ids = _counts_from_ids(model.module)
    for number, row in enumerate(rows):
        ids, mask = row["input_ids"], row["attention_mask"]
        if max(ids) >= table:
            raise ModelError(
                f"Training row {number} holds token {max(ids):,}; {model.name} has {table:,} tokens.",
                remedy="Use the tokenizer that this model was trained with.",
            )
        hidden = [place for place, real in enumerate(mask) if not real]
        if hidden or len(mask) != len(ids):
            raise DataError(
                f"The attention mask of training row {number} hides {len(hidden)} of its {len(ids)} tokens, "
                f"the first at position {hidden[0] if hidden else len(mask)}.",
                remedy="Build masks from the length of a text, not from ids: a padding token that also ends "
                f"a text (here id {padding}) would be hidden. Or give the tokenizer a pad_token of its own.",
            )
        if counts_from_ids and padding in ids:
            raise DataError(
                f"Training row {number} holds the padding token (id {padding}) at position "
                f"{list(ids).index(padding)}, and {model.name} counts positions by it.",
                remedy="Set pad_token in tokenizer_config.json to a token that texts never contain.",
            )


def check_alignment(
    config: Distill, aligned: Sequence[bool], *, task: Task, student: ModelShape, teacher: ModelShape
) -> None:
    """Refuses to compare token by token what was not cut into the same tokens.

    Args:
        aligned: for each training row, whether student and teacher read the same tokens.

    Raises:
        ModelError: how many rows differ, and what asks for equal ones.
    """
    apart = len(aligned) - sum(aligned)
    asking = [
        f"distill.weights.{term.name}"
        for term in make_terms(config.weights, config, task=task, student=student, teacher=teacher)
        if _looks_at_tokens(term, task)
    ]
    if config.mode == "online":  # its teacher reads the student's batch
        asking.append("distill.mode")
    if config.packing:
        asking.append("distill.packing")
    if config.hard_samples is not None:
        asking.append("distill.hard_samples")
    if apart and asking:
        raise ModelError(
            f"In {apart:,} of {len(aligned):,} training rows the student's tokens are not the teacher's, and "
            f"{', '.join(asking)} {'compares' if len(asking) == 1 else 'compare'} token by token.",
            remedy="Set what is named to 0 or null, so that only answers to whole texts are compared; or "
            "give both one tokenizer (student.vocabulary.min_count: 1 keeps every token of these rows).",
        )


def check_steady(module: Any, inputs: Mapping[str, Tensor]) -> None:
    """Refuses a teacher that answers differently when asked again.

    Raises:
        TrainingError: it is in training mode, or something in it is random all the same.
    """
    import torch

    awake = [name or type(module).__name__ for name, part in module.named_modules() if part.training]
    if awake:
        raise TrainingError(
            f"The teacher is in training mode ({len(awake)} modules, the first is {awake[0]}): its dropout "
            "would teach noise.",
            remedy="Call .eval() on it.",
        )
    with torch.no_grad():
        first, again = (see(module, inputs, total_needs(())[0]).logits for _ in range(2))
    if not torch.equal(first, again):
        raise TrainingError(
            f"The teacher answered the same {len(first)} rows twice and differed by up to "
            f"{float((first - again).abs().max()):g}.",
            remedy="Switch off whatever in it is random (dropout by function call, sampling).",
        )


def check_hard_samples(student: Model, teacher: Model, *, teachers: int = 1) -> None:
    """Refuses generated samples where there is no common embedding space.

    Raises:
        ModelError: several teachers, or token tables of different widths or lengths.
    """
    import inspect

    if teachers > 1:
        raise ModelError(
            f"distill.hard_samples moves texts in one teacher's embeddings; there are {teachers} teachers.",
            remedy="Set distill.hard_samples to null, or leave out more_teachers.",
        )
    for model in (student, teacher):
        if "inputs_embeds" not in inspect.signature(model.module.forward).parameters:
            raise ModelError(
                f"{model.name} ({type(model.module).__name__}) takes tokens only, not embeddings.",
                remedy="Set distill.hard_samples to null, or use a transformer encoder.",
            )
    ours, theirs = (_width(m.module.get_input_embeddings()) for m in (student, teacher))
    if ours != theirs:
        raise ModelError(
            f"distill.hard_samples needs one embedding space; the student's tokens have {ours} numbers and "
            f"the teacher's {theirs}.",
            remedy="Set distill.hard_samples to null, or leave out student.hidden_size and embedding_rank.",
        )


def _looks_at_tokens(term: Any, task: Task) -> bool:
    """Whether a term compares positions: inner states (unless pooled first), or answers per token."""
    from edgekit.distill.term_kinds import Embedding

    if not term.needs_teacher or isinstance(term, Embedding):
        return False
    inside = term.teacher_needs.hidden | term.teacher_needs.attentions | term.teacher_needs.relations
    return bool(inside) or task.per_token


def _counts_from_ids(module: Any) -> bool:
    """Whether positions are counted by skipping the padding id (RoBERTa, MPNet)."""
    return any(
        "position" in name and getattr(part, "padding_idx", None) is not None
        for name, part in module.named_modules()
    )


def _width(table: Any) -> int:
    import torch

    with torch.no_grad():
        device = next(table.parameters()).device
        return int(table(torch.zeros(1, 1, dtype=torch.long, device=device)).shape[-1])
