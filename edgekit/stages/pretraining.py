"""Task-agnostic distillation before the task, as DistilBERT itself was made (Sanh et al., 2019).

A teacher with a masked-LM head teaches the student to fill in masks, on transfer and training texts without
their labels. The task's student then starts from that encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import from_json
from edgekit.errors import ModelError
from edgekit.files import require_space, sha256_file
from edgekit.recipe.schema import Distill, LossWeights, Pretrain, Student, Training
from edgekit.stages.context import Context
from edgekit.tasks import get_task
from edgekit.types import Model, Rows, Source, Trained

if TYPE_CHECKING:
    from edgekit.distill.distiller import Distiller
    from edgekit.distill.loop import Outcome

TASK = get_task("masked-lm")
PRETRAINED = "pretrained"
HEADED = "masked-lm-teacher"
LABELS_ONLY = LossWeights(**{**dict.fromkeys(LossWeights.model_fields, 0.0), "labels": 1.0})


@dataclass(frozen=True, slots=True)
class _Built:
    """A model to train and how; `masked_only` are the modules that need logits for masked tokens alone."""

    model: Model
    distiller: Distiller
    masked_only: tuple[Any, ...]


def train_pretrained(context: Context) -> Trained | None:
    """Distils the student's encoder on masked texts, as `pretrained/`; None if the recipe doesn't ask for it.

    The validation score is the masked accuracy on the validation texts. A teacher that was published without
    a masked-LM head gets one first: a copy of it is trained on the same texts for `pretrain.head_epochs`, its
    encoder as well. (A sentence encoder's last layer has let go of single words: over a frozen MiniLM-L6, a
    head came to a third of the masked accuracy.) The student keeps the teacher's whole vocabulary here;
    `pretrained_student` cuts it.

    Raises:
        ModelError: the student has no masked-LM head, or the teacher neither has nor gets one.
        TrainingError, DiskFull: as `edgekit.distill.loop.train` says.
    """
    config, student, source = context.recipe.pretrain, context.recipe.student, context.sources["teacher"]
    if config is None:
        return None
    if student.architecture != "teacher":
        raise ModelError(
            f"A {student.architecture} student has no masked-LM head to pretrain.",
            remedy="Remove pretrain, or set student.architecture: teacher.",
        )
    if student.model is not None:
        raise ModelError(
            "pretrain cuts the student from the teacher, but student.model names another model.",
            remedy="Remove student.model or pretrain.",
        )
    teacher = _load(context, source, name=HEADED, dropout=config.dropout)
    if not _has_head(teacher):
        headed = _train_head(context, teacher, config)
        source = Source(HEADED, headed.sha256, headed.path)
        teacher = _load(context, source, name=HEADED, dropout=config.dropout)
    shape = student.model_copy(
        update={"vocabulary": None, "embedding_rank": None, "quantization_aware": False}
    )
    return _stage(
        context,
        PRETRAINED,
        title="Pretrain the student on masked texts",
        config=config,
        path=context.folder / PRETRAINED,
        inputs={"teacher": source.sha256, "student": shape.model_dump(mode="json")},
        processor=teacher.processor,
        build=lambda rows: _student_and_distiller(context, config, shape, teacher, rows),
        share=config.mask_share,
    )


def pretrained_student(context: Context, pretrained: Trained, teacher: Model, *, name: str) -> Model:
    """The task's student with the encoder that `train_pretrained` made.

    Its head is a copy of the task teacher's where the shapes agree, else a fresh one. A smaller vocabulary
    and a low-rank token table are cut here.

    Args:
        teacher: the task's teacher.
        name: of the student.
    """
    import torch

    from edgekit.models.load import load_model
    from edgekit.models.student import make_student

    recipe = context.recipe
    torch.manual_seed(recipe.seed)
    model = load_model(
        Source(PRETRAINED, pretrained.sha256, pretrained.path),
        name=name,
        task=recipe.task,
        labels=context.splits.label_names,
        max_length=context.max_length,
        fresh_head=True,
        dropout=recipe.distill.dropout,
    )
    _copy_head(teacher.module, model.module)
    cut = Student(
        layers=recipe.student.layers,
        vocabulary=recipe.student.vocabulary,
        embedding_rank=recipe.student.embedding_rank,
    )
    made = make_student(model, cut, name=name, rows=context.rows_for(model.processor), seed=recipe.seed)
    return replace(made, source=replace(made.source, uri=f"{PRETRAINED}: {made.source.uri}"))


def _load(context: Context, source: Source, *, name: str, dropout: float | None) -> Model:
    import torch

    from edgekit.models.load import load_model

    torch.manual_seed(context.recipe.seed)
    return load_model(
        source,
        name=name,
        task=TASK.name,
        max_length=context.recipe.data.max_length,
        fresh_head=True,
        dropout=dropout,
    )


def _has_head(model: Model) -> bool:
    """Whether the files that a masked language model was loaded from hold any weight of its head."""
    from safetensors import safe_open

    stored: set[str] = set()
    for file in model.source.path.glob("*.safetensors"):
        with safe_open(file, framework="pt") as weights:
            stored |= set(weights.keys())
    return any(name in stored for name in _head_names(model.module))


def _head_names(module: Any) -> list[str]:
    """Weights that belong to a task: all outside the encoder, and the pooler, which no masked-LM has."""
    encoder = f"{module.base_model_prefix}."
    return [n for n in module.state_dict() if not n.startswith(encoder) or n.startswith(f"{encoder}pooler.")]


def _copy_head(teacher: Any, student: Any) -> None:
    if not hasattr(student, "base_model_prefix"):
        return  # a sentence encoder has no head
    theirs, ours = teacher.state_dict(), student.state_dict()
    for name in _head_names(student):
        if name in theirs and theirs[name].shape == ours[name].shape:
            ours[name].copy_(theirs[name])


def _train_head(context: Context, teacher: Model, config: Pretrain) -> Trained:
    if not config.head_epochs:
        raise ModelError(
            f"{teacher.source.uri} has no masked-LM head, and pretrain.head_epochs is 0.",
            remedy="Set pretrain.head_epochs to 1 or more, so that one is trained.",
        )
    settings = config.model_dump(include=set(Training.model_fields))

    def build(rows: Rows) -> _Built:
        from edgekit.distill.modes import make_distiller

        distiller = make_distiller(
            Distill(weights=LABELS_ONLY),
            task=TASK,
            student=teacher.module,
            classes=teacher.module.config.vocab_size,
            seed=context.recipe.seed,
        )
        return _Built(teacher, distiller, (teacher.module,))

    return _stage(
        context,
        HEADED,
        title="Train the teacher's masked-LM head",
        config=Training(**{**settings, "epochs": config.head_epochs}),
        path=context.store.private / HEADED,
        inputs={"teacher": teacher.source.sha256},
        processor=teacher.processor,
        build=build,
        share=config.mask_share,
    )


def _student_and_distiller(
    context: Context, config: Pretrain, shape: Student, teacher: Model, rows: Rows
) -> _Built:
    from edgekit.distill.device import autocast
    from edgekit.distill.modes import make_distiller
    from edgekit.distill.processes import join
    from edgekit.distill.teacher import ask
    from edgekit.models.student import make_student

    made = make_student(teacher, shape, name=PRETRAINED, rows=rows, seed=context.recipe.seed)
    module = teacher.module.requires_grad_(False).to(join(context.placement.device))
    distiller = make_distiller(
        config,
        task=TASK,
        student=made.module,
        classes=made.module.config.vocab_size,
        teacher=module,
        # Every epoch hides other tokens, so the teacher is asked for every batch, and nothing is kept.
        ask=lambda needs: ask(
            module,
            rows,
            collate=None,
            needs=needs,
            autocast=autocast(context.placement),
            folder=context.store.private / "answers" / PRETRAINED,
            key="",
            limit_bytes=0,
        ),
        seed=context.recipe.seed,
    )
    # Other modes have models of their own beside the student, which give logits for every token.
    plain = config.mode == "offline" and config.hard_samples is None
    return _Built(made, distiller, (made.module, module) if plain else ())


def _stage(
    context: Context,
    name: str,
    *,
    title: str,
    config: Training,
    path: Path,
    inputs: dict[str, Any],
    processor: Any,
    build: Callable[[Rows], _Built],
    share: float,
) -> Trained:
    """A store stage that trains on masked rows of all texts and saves the model in Hub layout."""
    from edgekit.distill import checkpoint, processes

    recipe, store = context.recipe, context.store

    def make(key: str) -> Trained:
        from edgekit.data.tokens import tokenise
        from edgekit.models.save import WEIGHTS, save_model

        # As they were written: changed copies teach no language.
        texts = context.splits.train.inputs + context.splits.unlabelled.inputs
        rows = tokenise(processor, texts, context.max_length)
        built = build(rows)
        model = built.model
        require_space(context.folder, model.parameters * 4 * 6, purpose=title)
        outcome = _train(context, built, rows, title=title, config=config, share=share, key=key)
        if processes.is_main():
            save_model(model, path, provenance=context.provenance(model=name, stage=key))
        return Trained(
            name=name,
            path=path,
            sha256=sha256_file(path / WEIGHTS) if processes.is_main() else "",
            parameters=model.parameters,
            curve=outcome.curve,
            seconds=outcome.seconds,
            samples_per_second=outcome.samples_per_second,
            device=context.placement.device,
            precision=context.placement.precision,
        )

    result = store.run(
        name,
        inputs={
            **inputs,
            "data": context.transfer_key,
            "max_length": context.max_length,
            "config": config.model_dump(mode="json", exclude={"checkpoint_every_s"}),
            "mask_share": share,
            "seed": recipe.seed,
            "placement": [context.placement.device, context.placement.precision],
        },
        outputs=[path / "model.safetensors"],
        make=make,
        title=title,
    )
    if processes.is_main():
        checkpoint.drop(store.private / "checkpoints" / name)
    return from_json(Trained, {**result, "path": path})


def _train(
    context: Context,
    built: _Built,
    rows: Rows,
    *,
    title: str,
    config: Training,
    share: float,
    key: str,
) -> Outcome:
    from edgekit.data.masking import masked_rows
    from edgekit.data.tokens import tokenise
    from edgekit.distill.judge import make_judge
    from edgekit.distill.loop import Job, train
    from edgekit.distill.masking import scored_where_masked
    from edgekit.distill.processes import join
    from edgekit.stages.masked import MaskedTexts

    model, distiller, seed = built.model, built.distiller, context.recipe.seed
    held_out = tokenise(model.processor, context.splits.validation.inputs, context.max_length)
    hidden, truth = masked_rows(held_out, model.processor, share=share)
    texts = MaskedTexts.of(rows, model, config, share=share, seed=seed)
    job = Job(
        title=title,
        model=model,
        distiller=distiller,
        collate=texts.collator(join(context.placement.device)),
        batches=texts.batches,
        judge=make_judge(TASK.name, hidden, truth, model=model, batch_size=32),
        config=config,
        seed=seed,
        placement=context.placement,
        checkpoint_folder=context.store.private / "checkpoints" / model.name,
        log_folder=context.folder / "logs" / model.name,
        key=key,
    )
    if not built.masked_only:
        return train(job)
    with scored_where_masked(distiller, *built.masked_only):
        return train(job)
