"""The training stages: the teacher's fine-tuning, the student, and the same student on labels alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.codec import from_json
from edgekit.files import require_space, sha256_file
from edgekit.recipe.schema import Distill, LossWeights, Training
from edgekit.stages.context import Context
from edgekit.types import Model, Source, Trained

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.distill.loop import Outcome

LABELS_ONLY = LossWeights(soft_targets=0.0, labels=1.0, hidden_cosine=0.0)


def train_teacher(context: Context) -> Trained:
    """Fine-tunes the teacher if the recipe says so, and saves it in Hub layout as `teacher/`."""
    recipe = context.recipe
    return _stage(
        context,
        "teacher",
        title="Fine-tune the teacher" if recipe.teacher.finetune else "Save the teacher",
        config=recipe.teacher.finetune,
        weights=LABELS_ONLY,
        parent=context.sources["teacher"].sha256,
        build=context.load_base,
    )


def train_student(context: Context, teacher: Trained) -> Trained:
    """Cuts the student from the teacher and distils it, as `student/`."""
    recipe = context.recipe
    return _stage(
        context,
        "student",
        title="Distil the student",
        config=recipe.distill,
        weights=recipe.distill.weights,
        parent=teacher.sha256,
        build=lambda: _cut_student(context, load_trained(context, teacher), "student"),
        teacher=teacher,
    )


def train_label_only(context: Context) -> Trained:
    """The same layers under the same schedule, but without a teacher, as `label-only/`.

    They are cut from the model as it was fetched: layers of the fine-tuned teacher would carry over what
    it has learned, and the baseline is for a user who has no such teacher.
    """
    recipe = context.recipe
    return _stage(
        context,
        "label-only",
        title="Train the student on labels alone",
        config=recipe.distill,
        weights=LABELS_ONLY,
        parent=context.sources["teacher"].sha256,
        build=lambda: _cut_student(context, context.base, "label-only"),
    )


def load_trained(context: Context, trained: Trained) -> Model:
    """A model that a stage saved, loaded once per run."""
    from edgekit.models.load import load_model

    if trained.name not in context.loaded:
        context.loaded[trained.name] = load_model(
            Source(uri=trained.name, sha256=trained.sha256, path=trained.path),
            name=trained.name,
            task=context.recipe.task,
            labels=context.splits.label_names,
            max_length=context.max_length,
        )
    return context.loaded[trained.name]


def _cut_student(context: Context, parent: Model, name: str) -> Model:
    from edgekit.models.student import build_student

    student = context.recipe.student
    made = build_student(parent, layers=student.layers, select=student.select, name=name)
    dropout = context.recipe.distill.dropout
    if dropout is not None:
        set_dropout(made, dropout)
    return made


def set_dropout(model: Model, rate: float) -> None:
    """Sets every dropout of a model, in its modules and its configuration."""
    import torch

    for module in model.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
    for field in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(model.module.config, field):
            setattr(model.module.config, field, rate)


def _stage(
    context: Context,
    name: str,
    *,
    title: str,
    config: Training | None,
    weights: LossWeights,
    parent: str,
    build: Callable[[], Model],
    teacher: Trained | None = None,
) -> Trained:
    from edgekit.distill import checkpoint

    recipe, store = context.recipe, context.store
    path = context.folder / name
    checkpoints = store.private / "checkpoints" / name
    inputs = {
        "parent": parent,
        "data": context.splits.fingerprint,
        "max_length": context.max_length,
        "labels": context.splits.label_names,
        "config": config.model_dump(mode="json", exclude={"checkpoint_every_s"}) if config else None,
        "weights": weights.model_dump(mode="json"),
        "student": recipe.student.model_dump(mode="json") if name != "teacher" else None,
        "seed": recipe.seed,
        "placement": [context.placement.device, context.placement.precision],
    }

    def make(key: str) -> Trained:
        model = build()
        require_space(context.folder, model.parameters * 4 * 6, purpose=title)
        outcome = None
        if config is not None:
            outcome = _train(
                context, model, title=title, config=config, weights=weights, teacher=teacher, key=key
            )
        saved = _save(context, model, path, stage=key)
        return Trained(
            name=name,
            path=path,
            sha256=saved,
            parameters=model.parameters,
            curve=outcome.curve if outcome else (),
            seconds=outcome.seconds if outcome else 0.0,
            samples_per_second=outcome.samples_per_second if outcome else 0.0,
            device=context.placement.device,
            precision=context.placement.precision,
        )

    result = store.run(name, inputs=inputs, outputs=[path / "model.safetensors"], make=make, title=title)
    checkpoint.drop(checkpoints)
    return from_json(Trained, {**result, "path": path})


def _train(
    context: Context,
    model: Model,
    *,
    title: str,
    config: Training,
    weights: LossWeights,
    teacher: Trained | None,
    key: str,
) -> Outcome:
    from edgekit.data.batching import length_buckets
    from edgekit.distill.loop import Job, train

    recipe = context.recipe
    lengths = [len(row["input_ids"]) for row in context.train_rows]
    return train(
        Job(
            title=title,
            model=model,
            teacher=load_trained(context, teacher) if teacher else None,
            rows=context.train_rows,
            labels=context.splits.train.labels,
            validation_rows=context.validation_rows,
            validation_labels=context.splits.validation.labels,
            batches=lambda epoch: length_buckets(lengths, config.batch_size, seed=recipe.seed, epoch=epoch),
            config=config,
            weights=weights,
            temperature=config.temperature if isinstance(config, Distill) else 1.0,
            seed=recipe.seed,
            placement=context.placement,
            checkpoint_folder=context.store.private / "checkpoints" / model.name,
            key=key,
        )
    )


def _save(context: Context, model: Model, path: Path, *, stage: str) -> str:
    """Writes the weights into the model's folder; returns their sha256."""
    from edgekit.models.save import WEIGHTS, save_model

    save_model(model, path, provenance=context.provenance(model=model.name, stage=stage))
    return sha256_file(path / WEIGHTS)
