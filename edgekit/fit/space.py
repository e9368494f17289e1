"""The students that a search may draw: what the base model suggests under what the recipe says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgekit.errors import ModelError, RecipeError
from edgekit.recipe.schema import Range, Recipe
from edgekit.recipe.schema.fit import Choice
from edgekit.stages.context import Context
from edgekit.tasks import get_task

Space = dict[str, Range | tuple[Any, ...]]
TOKENWISE = (
    "hidden_cosine", "hidden_mse", "hints", "attention_maps", "attention_relations", "attention_transfer",
)  # fmt: skip
_SHARE = 4  # the narrowest student has a quarter of the base's width
_STEPS = 8  # sizes of feed-forward units and vocabulary that are told apart
_ROUND = 500  # tokens


def space_of(context: Context) -> Space:
    """The derived space under the recipe's own.

    Raises:
        RecipeError: nothing is left to choose.
    """
    fit = context.recipe.fit
    own: Mapping[str, Choice] = fit.space
    derived = _derived(context) if fit.derive else {}
    for key in own:  # `student.vocabulary` in the recipe replaces `student.vocabulary.size`
        derived = {k: v for k, v in derived.items() if not k.startswith(f"{key}.")}
    merged = {**derived, **own}
    space = {key: choice for key, choice in merged.items() if choice is not None}
    if not space:
        raise RecipeError("The search has nothing to choose.", remedy="List keys under fit.space.")
    return space


def _derived(context: Context) -> Space:
    """Every dimension that this base model and task have, the recipe's own training as their middle."""
    from edgekit.models.small.low_rank import BASES
    from edgekit.models.students.narrow import LAYOUTS
    from edgekit.models.tasks import layer_count

    recipe, config = context.recipe, context.base.module.config
    space: Space = {}
    if recipe.student.model is None and recipe.student.architecture == "teacher":
        space["student.layers"] = Range(low=1, high=layer_count(config)[1])
        if config.model_type in LAYOUTS:
            width, head = config.hidden_size, config.hidden_size // config.num_attention_heads
            least = max(1, width // _SHARE // head) * head
            space["student.hidden_size"] = Range(low=least, high=width, step=head)
            units = getattr(config, LAYOUTS[config.model_type].intermediate)
            step = max(1, units // _STEPS)
            space["student.intermediate_size"] = Range(low=step, high=step * _STEPS, step=step)
        if config.model_type in BASES:
            space["student.embedding_rank"] = (None, config.hidden_size // 6, config.hidden_size // 3)
        if not get_task(recipe.task).per_token:
            space |= _vocabulary(context)
    rate = recipe.distill.learning_rate
    space["distill.learning_rate"] = Range(low=rate / 2, high=min(1.0, rate * 5), log=True)
    weights = recipe.distill.weights
    if weights.soft_targets:
        space["distill.temperature"] = Range(low=1.0, high=5.0, log=True)
    for name in ("labels",) if "student.vocabulary.size" in space else ("labels", "hidden_cosine"):
        if (weight := getattr(weights, name)) and weights.soft_targets:
            space[f"distill.weights.{name}"] = (0.0, weight)
    if _generated(context):
        space["distill.hard_samples"] = (None, {})
    if recipe.data.augment is None and recipe.data.text_pair is None and recipe.distill.mode == "offline":
        space["data.augment"] = (None, {"copies": 2})
    return space


def _generated(context: Context) -> bool:
    """Whether hard samples can be generated: one teacher, whose embeddings some student shares."""
    import inspect

    recipe = context.recipe
    return (
        recipe.distill.hard_samples is None
        and recipe.distill.mode == "offline"
        and not recipe.more_teachers
        and recipe.student.model is None
        and recipe.student.architecture == "teacher"
        and "inputs_embeds" in inspect.signature(context.base.module.forward).parameters
    )


def _vocabulary(context: Context) -> Space:
    """From the tokens that any text falls back to, up to all that the texts use; {} if that is no choice."""
    span = tokens_of(context)
    if span is None:
        return {}
    least, most = span
    step = max(1, round((most - least) / _STEPS / _ROUND)) * _ROUND
    if most - least < step:
        return {}
    return {"student.vocabulary.size": Range(low=most - (most - least) // step * step, high=most, step=step)}


def tokens_of(context: Context) -> tuple[int, int] | None:
    """How many tokens any text falls back to, and those with all that the texts use; None if none can go."""
    from edgekit.models.students.vocabulary import count_tokens, trim

    counts = count_tokens(context.rows_for(context.processor))
    ids = [v for k, v in context.base.module.config.to_dict().items() if k.endswith("_token_id")]
    keep = [i for i in ids if isinstance(i, int)]
    try:
        least = len(trim(context.processor, {}, keep=keep).kept)
        most = len(trim(context.processor, counts, keep=keep).kept)
    except ModelError:
        return None
    return least, most


def draw(trial: Any, space: Space) -> dict[str, Any]:
    """One value for each key, chosen by an Optuna trial. Listed values go by their JSON."""
    chosen = {}
    for key, choice in space.items():
        if not isinstance(choice, Range):
            chosen[key] = json.loads(trial.suggest_categorical(key, [json.dumps(v) for v in choice]))
        elif isinstance(choice.low, int) and isinstance(choice.high, int):
            step = int(choice.step or 1)
            high = choice.low + (choice.high - choice.low) // step * step
            chosen[key] = trial.suggest_int(key, choice.low, high, step=step, log=choice.log)
        else:
            chosen[key] = trial.suggest_float(
                key, float(choice.low), float(choice.high), step=choice.step, log=choice.log
            )
    return chosen


def params_of(chosen: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """A choice as Optuna's parameters, to propose it; values outside the space are left out."""
    params: dict[str, Any] = {}
    for key, value in chosen.items():
        choice = space[key]
        if not isinstance(choice, Range):
            if value in choice:
                params[key] = json.dumps(value)
        elif isinstance(value, int | float) and choice.low <= value <= choice.high:
            params[key] = value
    return params


def smallest_choices(space: Space) -> list[dict[str, Any]]:
    """The least of every size: with the lowest rank, and without low rank, which takes a product less."""
    least = {key: _least(choice) for key, choice in space.items()}
    ranks = space.get("student.embedding_rank")
    if isinstance(ranks, tuple) and None in ranks and least["student.embedding_rank"] is not None:
        return [least, {**least, "student.embedding_rank": None}]
    return [least]


def _least(choice: Range | tuple[Any, ...]) -> Any:
    if isinstance(choice, Range):
        return choice.low
    numbers = [v for v in choice if isinstance(v, int | float) and not isinstance(v, bool)]
    sizes = [v for v in choice if isinstance(v, dict) and "size" in v]
    if numbers:
        return min(numbers)
    return min(sizes, key=lambda v: v["size"]) if sizes else choice[0]


def recipe_with(
    recipe: Recipe, chosen: Mapping[str, Any], config: Any = None, *, tokens: int | None = None
) -> Recipe:
    """The recipe with a choice laid over it.

    What asks for all that the base has (full width, a rank as wide as the model, every token of the texts) is
    left out, so that two ways to say one student are one recipe. A student that lacks tokens reads some texts
    in others than its teacher, so losses that compare token by token are left out for it; and one with token
    embeddings of its own gets no samples that were generated among its teacher's.

    Args:
        config: of the base model, transformers'; None: nothing is left out.
        tokens: the size of a vocabulary that has all tokens of the texts.

    Raises:
        ModelError: the values don't go together.
    """
    from pydantic import ValidationError

    tree = recipe.model_dump(mode="json", exclude_unset=True)
    whole = recipe.model_dump(mode="json")
    for key in sorted(chosen):
        *sections, last = key.split(".")
        here, told = tree, whole
        for depth, part in enumerate(sections):
            told = told.get(part) or {}
            # A section that the recipe leaves to its task (`distill.weights`) changes at this key alone.
            here[part] = here.get(part) or (dict(told) if depth else {})
            here = here[part]
        here[last] = chosen[key]
    student, distill = tree.setdefault("student", {}), tree.setdefault("distill", {})
    if config is not None:
        _leave_out_defaults(student, config)
    size = (student.get("vocabulary") or {}).get("size")
    # Changed copies bring words that the texts don't have, and a student may do without these.
    if size and tokens and size >= tokens and not (tree.get("data") or {}).get("augment"):
        student["vocabulary"] = {k: v for k, v in student["vocabulary"].items() if k != "size"}
        size = None
    if size:
        distill["weights"] = {
            **whole["distill"]["weights"], **distill.get("weights", {}), **dict.fromkeys(TOKENWISE, 0.0),
        }  # fmt: skip
    if size or student.get("hidden_size") or student.get("embedding_rank"):
        distill.pop("hard_samples", None)
    select = student.get("select")
    if isinstance(select, list) and len(select) != student.get("layers"):
        student["select"] = "uniform"
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}", remedy="Narrow fit.space."
        ) from error


def _leave_out_defaults(student: dict[str, Any], config: Any) -> None:
    from edgekit.models.students.narrow import LAYOUTS

    width = getattr(config, "hidden_size", None)
    if student.get("heads") is None and student.get("hidden_size") == width:
        student.pop("hidden_size", None)
    layout = LAYOUTS.get(config.model_type)
    if layout and student.get("intermediate_size") == getattr(config, layout.intermediate):
        student.pop("intermediate_size", None)
    rank = student.get("embedding_rank")
    if rank is not None and rank >= (student.get("hidden_size") or width or rank + 1):
        student.pop("embedding_rank", None)


def words(recipe: Recipe, config: Any) -> str:
    """A student in a few words: `2 layers, width 192, 768 units, 6,000 tokens of rank 64`."""
    student = recipe.student
    if student.architecture != "teacher":
        said = [student.architecture, f"width {student.hidden_size}" if student.hidden_size else ""]
    else:
        head = getattr(config, "hidden_size", 0) // max(1, getattr(config, "num_attention_heads", 1))
        width = student.hidden_size or (student.heads or 0) * head
        said = [
            f"{student.layers} layer{'s' if student.layers > 1 else ''}",
            f"width {width}" if width else "",
            f"{student.intermediate_size:,} units" if student.intermediate_size else "",
        ]
    size = student.vocabulary and student.vocabulary.size
    said.append(f"{size:,} tokens" if size else "the texts' tokens" if student.vocabulary else "all tokens")
    if student.embedding_rank:
        said[-1] += f" of rank {student.embedding_rank}"
    return ", ".join(word for word in said if word)
