"""One training run put together: rows, teachers, losses, and the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgekit.batches import is_padded, length_of
from edgekit.errors import ModelError
from edgekit.recipe.schema import Distill, Recipe, Student
from edgekit.stages.context import Context
from edgekit.stages.steps import STUDENT
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from edgekit.distill.collate import Collator
    from edgekit.distill.knowledge import Needs
    from edgekit.distill.loop import Judge, Outcome
    from edgekit.distill.teacher import Teacher

MASK_SHARE = 0.15  # of tokens, where masked-lm is the task itself
STEADY_ROWS = 8  # that a teacher is asked about twice


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one model is to learn, and from whom."""

    title: str
    distill: Distill
    key: str  # of the stage
    teachers: tuple[Model, ...] = ()
    trust: tuple[float, ...] = ()  # weight of each teacher
    peer: Callable[[int], Model] | None = None  # number from 1 → another student of the same shape
    quantization_aware: bool = False


def teach(context: Context, model: Model, lesson: Lesson) -> Outcome:
    """Trains `model` in place and leaves it on the CPU in evaluation mode.

    Raises:
        EdgekitError: see `distill.preflight`, `distill.modes` and `distill.loop`.
    """
    if context.recipe.task == TEXT_GENERATION.name:
        from edgekit.stages.language import teach_decoder

        return teach_decoder(context, model, lesson)
    from edgekit.distill import processes
    from edgekit.distill.loop import Job, train
    from edgekit.distill.modes import make_distiller

    config, name = lesson.distill, model.name
    device = processes.join(context.placement.device)
    rows = context.rows_for(model.processor, transfer=bool(lesson.teachers))
    check(context, model, lesson)
    collate, lengths = _training(context, model, rows, device, packing=config.packing)
    with ExitStack() as stack:
        lesson = _placed(lesson, device, stack)
        if lesson.quantization_aware:
            _round(context, model)
            stack.callback(_unround, model)
        first = lesson.teachers[0].module if lesson.teachers else None
        distiller = make_distiller(
            config,
            task=get_task(context.recipe.task),
            student=model.module,
            classes=classes_of(model),
            teacher=_copy(first) if config.mode == "online" else first,
            ask=_asker(context, lesson, device) if lesson.teachers else None,
            peers=_peers(lesson) if config.mode == "mutual" else (),
            seed=context.recipe.seed,
        )
        return train(
            Job(
                title=lesson.title,
                model=model,
                distiller=distiller,
                collate=collate,
                batches=_batches(context, lengths, config, texts=len(rows)),
                judge=_judge(context, model, lesson.teachers),
                config=config,
                seed=context.recipe.seed,
                placement=context.placement,
                checkpoint_folder=context.store.private / "checkpoints" / name,
                log_folder=context.folder / "logs" / name,
                key=lesson.key,
                watch=context.watch if name == STUDENT else None,
            )
        )


def _placed(lesson: Lesson, device: Any, stack: ExitStack) -> Lesson:
    """The teachers on their device; where FSDP is asked for, copies of which each process holds a share."""
    from edgekit.distill.sharding import spread, wanted

    if wanted() and lesson.distill.mode != "online":  # online trains its teacher, whole
        shares = (replace(one, module=spread(_copy(one.module).eval(), device)) for one in lesson.teachers)
        return replace(lesson, teachers=tuple(shares))
    for one in lesson.teachers:
        one.module.to(device).eval()
        stack.callback(one.module.to, "cpu")
    return lesson


def check(context: Context, model: Model, lesson: Lesson) -> None:
    """Refuses what would waste the run, see `distill.preflight`.

    Raises:
        TrainingError, ModelError, DataError, RecipeError: a fact and a remedy for each.
    """
    if context.recipe.task == TEXT_GENERATION.name:
        from edgekit.stages.language import check_decoder

        return check_decoder(context, model, lesson)
    from edgekit.distill import preflight
    from edgekit.distill.see import shape_of
    from edgekit.models.students.vocabulary import aligned

    task, config = get_task(context.recipe.task), lesson.distill
    rows = context.rows_for(model.processor, transfer=bool(lesson.teachers))
    preflight.check_rows(rows, model)
    preflight.check_packing(config, task=task)
    for teacher in lesson.teachers:
        theirs = context.rows_for(teacher.processor)
        preflight.check_rows(theirs, teacher)
        preflight.check_labels(model, teacher)
        longest = teacher.signature.max_length
        if longest is not None and longest < context.max_length:
            raise ModelError(
                f"{teacher.name} reads at most {longest} tokens; texts are cut at {context.max_length} here.",
                remedy=f"Set data.max_length to {longest}.",
            )
        sample = _collator(context, teacher, theirs, "cpu").inputs(range(min(STEADY_ROWS, len(theirs))))
        preflight.check_steady(teacher.module, sample)
        shapes = {
            "student": shape_of(model.module, classes=classes_of(model)),
            "teacher": shape_of(teacher.module, classes=classes_of(teacher)),
        }
        preflight.check_settings(config, task=task, **shapes)
        if is_padded(model.signature.inputs[0]) and teacher.processor is not model.processor:
            same = aligned(teacher.processor, model.processor, theirs, rows)
            preflight.check_alignment(config, same, task=task, **shapes)
        if config.hard_samples is not None:
            preflight.check_hard_samples(model, teacher, teachers=len(lesson.teachers))


def classes_of(model: Model) -> int:
    """The last dimension of a model's output."""
    if model.signature.task == "masked-lm":  # a student may have fewer tokens than its signature's model
        return int(model.module.config.vocab_size)
    return int(model.signature.outputs[0].shape[-1])


def _collator(context: Context, model: Model, rows: Rows, device: Any, **labelled: Any) -> Collator:
    """Rows of a model as its inputs; `labelled` for `Collator`: labels, masking, choosing."""
    from edgekit.distill.collate import Collator

    return Collator(
        rows,
        labelled.get("labels", ()),
        get_task(context.recipe.task),
        signature=model.signature,
        pad_id=model.processor.pad_token_id,
        device=device,
        masking=labelled.get("masking"),
        choosing=labelled.get("choosing"),
    )


def _training(
    context: Context, model: Model, rows: Rows, device: Any, *, packing: bool
) -> tuple[Collator, list[int]]:
    """What makes batches to learn from, and the tokens of each row that they are made of."""
    from edgekit.data.shifting import shift_rows
    from edgekit.distill.masking import mask_rows
    from edgekit.stages.packed import groups_of, packed_collator

    task, seed = get_task(context.recipe.task), context.recipe.seed
    labels = context.labels_for(model.processor)[: len(rows)]
    lengths = [length_of(row) for row in rows]

    def mask(indices: Sequence[int], epoch: int) -> Any:
        return mask_rows(rows, indices, seed=seed, epoch=epoch, share=MASK_SHARE, processor=model.processor)

    def plain(indices: Sequence[int], epoch: int) -> Any:
        return [rows[i] for i in indices], [labels[i] for i in indices]

    def shift(indices: Sequence[int], epoch: int) -> Rows:
        return shift_rows(rows, indices, most=most, seed=seed, epoch=epoch)

    masked, most = task.name == "masked-lm", context.recipe.data.time_shift
    if not packing:
        known: dict[str, Any] = {"masking": mask} if masked else {"labels": labels}
        known |= {"choosing": shift} if most else {}
        return _collator(context, model, rows, device, **known), lengths
    groups = groups_of(rows, context.max_length)
    collator = packed_collator(
        model,
        groups,
        mask if masked else plain,
        task=task,
        pad_id=model.processor.pad_token_id,
        device=device,
    )
    return collator, [sum(lengths[i] for i in group) for group in groups]


def _batches(
    context: Context, lengths: Sequence[int], config: Distill, *, texts: int
) -> Callable[[int], list[list[int]]]:
    """Batches of `batch_size` texts, on average where several share a row."""
    from edgekit.data.batching import length_buckets

    size = max(1, round(config.batch_size * len(lengths) / texts))
    seed = context.recipe.seed
    return lambda epoch: length_buckets(lengths, size, seed=seed, epoch=epoch)


def _asker(context: Context, lesson: Lesson, device: Any) -> Callable[[Needs], Teacher]:
    """What makes the frozen teacher, once it is known what the losses look at."""
    from edgekit.distill.device import autocast
    from edgekit.distill.ensemble import ask_all
    from edgekit.distill.fingerprint import tokenizer_key
    from edgekit.distill.teacher import ask

    config, task = lesson.distill, get_task(context.recipe.task)
    one_distribution = task.truth in ("class", "tags") or task.name == "masked-lm"

    def asking(teacher: Model) -> Callable[[Needs], Teacher]:
        rows = context.rows_for(teacher.processor)
        collator = _collator(context, teacher, rows, device)
        return lambda needs: ask(
            teacher.module,
            rows,
            # Masked rows differ from epoch to epoch and packed ones hold several texts: the batch is read.
            collate=None if task.name == "masked-lm" or config.packing else collator.inputs,
            needs=needs,
            autocast=autocast(context.placement),
            folder=context.store.private / "answers" / teacher.name,
            key=tokenizer_key(teacher.source.path),
            limit_bytes=config.cache_limit_bytes,
            top_k=config.cache_top_k if one_distribution else None,
            title=f"Ask {teacher.name}",
        )

    asks = [asking(teacher) for teacher in lesson.teachers]
    if len(asks) == 1:
        return asks[0]
    return lambda needs: ask_all(asks, needs, task=task, weights=lesson.trust, combine=config.combine)


def _judge(context: Context, model: Model, teachers: Sequence[Model]) -> Judge:
    from edgekit.distill.judge import make_judge

    task = context.recipe.task
    rows, truth = context.judged("validation", model.processor)
    if get_task(task).metric == "cosine":
        truth = _embeddings(context, teachers[0])
    return make_judge(task, rows, truth, model=model)


def _embeddings(context: Context, teacher: Model) -> Sequence[Any]:
    """The teacher's answers to the validation rows, `[N, D]`."""
    import numpy as np
    import torch

    from edgekit.batches import by_length

    rows = context.judged("validation", teacher.processor)[0]
    device = next(teacher.module.parameters()).device
    collator = _collator(context, teacher, rows, device)
    found: list[Any] = [None] * len(rows)
    with torch.inference_mode():
        for indices in by_length(rows, 64):
            answers = teacher.module.eval()(**collator.inputs(indices)).logits.float().cpu().numpy()
            for index, answer in zip(indices, answers, strict=True):
                found[index] = answer
    return list(np.stack(found))


def _copy(module: Any) -> Any:
    import copy

    return copy.deepcopy(module)


def _peers(lesson: Lesson) -> list[Any]:
    assert lesson.peer is not None
    return [lesson.peer(number).module for number in range(1, lesson.distill.mutual.peers)]


def make_peer(parent: Model, config: Student, number: int, *, task: str, rows: Rows, seed: int) -> Model:
    """A student of the same shape from other layers of the same parent, with a head of its own."""
    import torch

    from edgekit.models.student import make_student

    others = [select for select in ("last", "first", "uniform") if select != config.select]
    shape = config.model_copy(update={"select": others[(number - 1) % len(others)]})
    made = make_student(parent, shape, name=f"peer {number + 1}", rows=rows, seed=seed + number)
    if get_task(task).optimum.endswith("classification"):
        encoder = getattr(made.module, made.module.base_model_prefix, None)
        with torch.random.fork_rng():
            torch.manual_seed(seed + number)
            for part in made.module.children():
                for leaf in part.modules() if part is not encoder else ():
                    if hasattr(leaf, "reset_parameters"):
                        leaf.reset_parameters()
    return made


def rounded_as(recipe: Recipe) -> tuple[str, bool]:
    """The target whose int8 file quantization-aware training imitates, and whether it learns the ranges of
    activations, which an int8-static file fixes."""
    targets = [export.target for export in recipe.exports] or ["onnx"]
    learn = any(p.startswith("int8-static") for export in recipe.exports for p in export.precisions)
    return next((name for name in targets if name != "coreml"), "coreml"), learn


def _round(context: Context, model: Model) -> None:
    """Rounds weights, and activations where a file does, from now on: as the int8 file of the recipe will."""
    from edgekit.models.students import int8
    from edgekit.quantize.plan import plan_int8

    target, learn = rounded_as(context.recipe)
    plan = plan_int8(model.module, name=model.name, target=target)
    int8.apply(model.module, plan, activations=learn or target != "coreml", learn_ranges=learn)


def _unround(model: Model) -> None:
    from edgekit.models.students import int8

    int8.remove(model.module)
