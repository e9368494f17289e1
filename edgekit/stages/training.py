"""The training stages: teachers, assistants and generations, the student, and the student on labels alone.

Each leaves a folder in Hub layout and is skipped when what it was made from has not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgekit import progress
from edgekit.codec import from_json
from edgekit.errors import ModelError
from edgekit.files import require_space, sha256_file
from edgekit.quiet import quiet
from edgekit.recipe.schema import Distill, Training
from edgekit.stages.context import Context
from edgekit.stages.steps import LABELS_ONLY, TEACHER, Step, alone, steps, teachers
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import Model, Source, Trained


def train_teachers(context: Context) -> dict[str, Trained]:
    """Fine-tunes every teacher that the recipe says so, and saves them as `teacher/`, `teacher-2/` …"""
    return {name: _train_teacher(context, name) for name in teachers(context.recipe)}


def train_student(context: Context, taught_by: Mapping[str, Trained], pretrained: Trained | None) -> Trained:
    """Trains assistants and generations as `assistant-1/`, `generation-1/` …, then the student.

    Args:
        taught_by: the teachers by folder.
        pretrained: what the student starts from, if the recipe pretrains it.
    """
    made = dict(taught_by)
    for step in steps(context.recipe):
        made[step.name] = _train_step(context, step, made, pretrained)
    return made[step.name]


def train_label_only(context: Context) -> Trained:
    """The same layers under the same schedule, but without a teacher, as `label-only/`.

    They are cut from the model as it was fetched: layers of the fine-tuned teacher would carry over what
    it has learned, and the baseline is for a user who has no such teacher.
    """
    return _train_step(context, alone(context.recipe), {}, None)


def plan_students(context: Context) -> dict[str, str]:
    """What each student will weigh, by folder; refuses what would waste the run before anything is trained.

    The students are cut from models as they were fetched, only to be measured and checked.

    Raises:
        EdgekitError: see `stages.lessons.check`.
    """
    from edgekit.models.cost import cost
    from edgekit.stages.lessons import Lesson, check

    def make(key: str) -> dict[str, str]:
        drafts: dict[str, Model] = {name: load_fetched(context, name) for name in teachers(context.recipe)}
        told = {}
        for step in steps(context.recipe):
            made = _cut(context, step, _parent(context, step, lambda name: drafts[name]))
            taught = tuple(drafts[name] for name in step.teachers)
            check(context, made, Lesson(step.title, step.distill, key, taught))
            with quiet():
                told[step.name] = str(cost(made, length=context.token_stats.p50))
            progress.say(f"{step.name}: {told[step.name]}")
            drafts[step.name] = made
        return told

    told: dict[str, str] = context.store.run(
        "plan", inputs=_plan_inputs(context), make=make, title="Check the plan"
    )
    return told


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


def load_fetched(context: Context, name: str) -> Model:
    """A new copy of a teacher, or of a student's own model, as it was fetched.

    Args:
        name: of the folder that it will become, and in `Context.sources`.
    """
    import torch

    from edgekit.models.load import load_model

    if name == TEACHER:
        return context.load_base()
    teacher = teachers(context.recipe).get(name)
    finetune = teacher.finetune if teacher else None
    torch.manual_seed(context.recipe.seed)  # a fresh head starts from the recipe's seed
    return load_model(
        context.sources[name],
        name=name,
        task=context.recipe.task,
        labels=context.splits.label_names,
        max_length=context.recipe.data.max_length,
        sampling_rate=context.recipe.data.sampling_rate,
        fresh_head=finetune is not None or teacher is None,
        dropout=finetune.dropout if finetune else None,
    )


def set_dropout(model: Model, rate: float) -> None:
    """Sets every dropout of a model, in its modules and its configuration."""
    import torch

    for module in model.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
    for field in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(model.module.config, field):
            setattr(model.module.config, field, rate)


def _train_teacher(context: Context, name: str) -> Trained:
    finetune = teachers(context.recipe)[name].finetune
    word = name.replace("-", " ")
    if finetune and get_task(context.recipe.task).metric == "cosine":
        raise ModelError(
            f"{name}.finetune is set, but {context.recipe.task} has no labels to fine-tune on.",
            remedy=f"Remove {'teacher' if name == TEACHER else 'more_teachers'}.finetune.",
        )
    own = finetune.model_dump() if finetune else {}
    return _stage(
        context,
        name,
        title=f"Fine-tune the {word}" if finetune else f"Save the {word}",
        inputs={"parent": context.sources[name].sha256, "weights": LABELS_ONLY.model_dump(mode="json")},
        config=finetune,
        distill=Distill(**{**own, "weights": LABELS_ONLY}) if finetune else None,
        build=lambda: load_fetched(context, name),
    )


def _train_step(
    context: Context, step: Step, made: Mapping[str, Trained], pretrained: Trained | None
) -> Trained:
    """Cuts one student and trains it under the teachers of its step."""
    from edgekit.stages.lessons import make_peer, rounded_as

    recipe = context.recipe

    def load(name: str) -> Model:
        return load_trained(context, made[name]) if name in made else context.base

    def build() -> Model:
        if pretrained is not None and step.student is recipe.student:
            from edgekit.stages.pretraining import pretrained_student

            model = pretrained_student(context, pretrained, load(TEACHER), name=step.name)
        else:
            model = _cut(context, step, _parent(context, step, load))
        if step.distill.dropout is not None:
            set_dropout(model, step.distill.dropout)
        return model

    def peer(number: int) -> Model:
        parent = _parent(context, step, load)
        rows = context.rows_for(parent.processor)
        other = make_peer(parent, step.student, number, task=recipe.task, rows=rows, seed=recipe.seed)
        if step.distill.dropout is not None:
            set_dropout(other, step.distill.dropout)
        return other

    own = context.sources.get(step.source)
    decoder = recipe.task == TEXT_GENERATION.name  # learns from all texts, taught or not
    parent = own.sha256 if own else made[step.parent].sha256 if made else context.sources[TEACHER].sha256
    return _stage(
        context,
        step.name,
        title=step.title,
        inputs={
            "parent": parent,
            "pretrained": pretrained.sha256 if pretrained else None,
            "teachers": [[made[name].sha256, _trust(context, name)] for name in step.teachers],
            "transfer": context.transfer_key if step.teachers or decoder else None,
            "student": step.student.model_dump(mode="json", exclude={"model"}),
            "targets": rounded_as(recipe) if step.student.quantization_aware else None,
        },
        config=step.distill,
        distill=step.distill,
        build=build,
        teachers=lambda: tuple(load_trained(context, made[name]) for name in step.teachers),
        trust=tuple(_trust(context, name) for name in step.teachers),
        peer=peer,
        quantization_aware=step.student.quantization_aware,
    )


def _trust(context: Context, name: str) -> float:
    known = teachers(context.recipe)
    return known[name].weight if name in known else 1.0


def _parent(context: Context, step: Step, load: Callable[[str], Model]) -> Model:
    """What a student is cut from: a model of its own, or one of this run."""
    return load_fetched(context, step.source) if step.student.model else load(step.parent)


def _cut(context: Context, step: Step, parent: Model) -> Model:
    from edgekit.models.student import make_student

    rows = context.rows_for(parent.processor)
    return make_student(parent, step.student, name=step.name, rows=rows, seed=context.recipe.seed)


def _stage(
    context: Context,
    name: str,
    *,
    title: str,
    inputs: Mapping[str, Any],
    config: Training | None,
    distill: Distill | None,
    build: Callable[[], Model],
    teachers: Callable[[], tuple[Model, ...]] = tuple,
    **lesson: Any,
) -> Trained:
    """Builds a model, trains it unless `config` is None, and saves it; all kept by the store."""
    from edgekit.distill import checkpoint, processes

    recipe, store = context.recipe, context.store
    path = context.folder / name

    def make(key: str) -> Trained:
        from edgekit.models.save import WEIGHTS, save_model
        from edgekit.stages.lessons import Lesson, teach

        model = build()
        require_space(context.folder, model.parameters * 4 * 6, purpose=title)
        outcome = None
        if distill is not None:
            outcome = teach(context, model, Lesson(title, distill, key, teachers(), **lesson))
        if processes.is_main():
            save_model(model, path, provenance=context.provenance(model=name, stage=key))
        return Trained(
            name=name,
            path=path,
            sha256=sha256_file(path / WEIGHTS) if processes.is_main() else "",
            parameters=model.parameters,
            curve=outcome.curve if outcome else (),
            seconds=outcome.seconds if outcome else 0.0,
            samples_per_second=outcome.samples_per_second if outcome else 0.0,
            device=context.placement.device,
            precision=context.placement.precision,
        )

    everything = {
        **inputs,
        "data": context.splits.fingerprint,
        "task": recipe.task,
        "max_length": context.max_length,
        **context.rate,
        "labels": context.splits.label_names,
        "config": config.model_dump(mode="json", exclude={"checkpoint_every_s"}) if config else None,
        "seed": recipe.seed,
        "placement": [context.placement.device, context.placement.precision],
    }
    result = store.run(name, inputs=everything, outputs=[path / "model.safetensors"], make=make, title=title)
    if processes.is_main():
        checkpoint.drop(store.private / "checkpoints" / name)
    return from_json(Trained, {**result, "path": path})


def _plan_inputs(context: Context) -> dict[str, Any]:
    recipe = context.recipe
    return {
        "sources": {n: s.sha256 for n, s in context.sources.items()},
        "data": context.splits.fingerprint,
        "transfer": context.transfer_key,
        "task": recipe.task,
        "max_length": context.max_length,
        **context.rate,
        "student": recipe.student.model_dump(mode="json"),
        "distill": recipe.distill.model_dump(mode="json"),
        "told": sorted(recipe.distill.model_fields_set),
    }
