"""Decoders in a recipe: blocks of documents as training batches, on the loop that all training shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.data.documents import count_next, next_tokens, positions
from edgekit.errors import RecipeError
from edgekit.scores import IGNORED
from edgekit.stages.context import Context
from edgekit.stages.language_tokens import in_common, kept_tokens_of, spelled
from edgekit.stages.steps import STUDENT
from edgekit.tasks import TEXT_GENERATION
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from edgekit.distill.collate import Collator
    from edgekit.distill.language.shared import Shared
    from edgekit.distill.loop import Outcome
    from edgekit.stages.lessons import Lesson

JUDGED_TOGETHER = 8  # blocks
WRITTEN_TOGETHER = 16  # texts


def block_collator(model: Model, blocks: Rows, device: Any) -> Collator:
    """Makes batches of blocks: `input_ids` and `position_ids` `[B, L]`, labels the tokens that follow."""
    from edgekit.batches import pad_rows
    from edgekit.distill.collate import Collator

    def chosen(indices: Sequence[int], epoch: int) -> Any:
        rows = [blocks[i] for i in indices]
        return rows, [next_tokens(row, ignored=IGNORED) for row in rows]

    class Blocks(Collator):
        def _inputs(self, rows: Rows) -> dict[str, Any]:
            import torch

            ids = pad_rows(rows, self.signature, pad_id=self.pad_id)["input_ids"]
            # Padding begins a document of its own at each token, so that nothing is seen through it.
            places = torch.zeros(ids.shape, dtype=torch.int64)
            for i, row in enumerate(rows):
                places[i, : len(row["input_ids"])] = torch.tensor(positions(row))
            return {"input_ids": self._moved(torch.from_numpy(ids)), "position_ids": self._moved(places)}

    pad_id = model.processor.pad_token_id
    task = TEXT_GENERATION
    return Blocks(blocks, (), task, signature=model.signature, pad_id=pad_id, device=device, masking=chosen)


def check_decoder(context: Context, model: Model, lesson: Lesson) -> None:
    """Refuses what would waste the run.

    Raises:
        RecipeError: a setting of training that a decoder can't have.
        ModelError: another tokenizer than the teacher's, or documents of a row would see each other.
    """
    from edgekit.distill.language.decoder import check_apart

    if lesson.distill.embedding_updates == "lazy":
        raise RecipeError(
            "distill.embedding_updates: lazy, but every token of a decoder's table gets a gradient in every "
            "step, as a possible next token.",
            remedy="Use dense, or frozen.",
        )
    check_apart(model.module)
    for teacher in lesson.teachers:
        check_apart(teacher.module)
        kept_tokens_of(teacher, model)


def teach_decoder(context: Context, model: Model, lesson: Lesson) -> Outcome:
    """Trains a decoder in place and leaves it on the CPU in evaluation mode.

    Raises:
        EdgekitError: see `check_decoder`, `distill.language` and `distill.loop`.
    """
    from contextlib import ExitStack

    from edgekit.batches import by_length
    from edgekit.data.batching import length_buckets
    from edgekit.distill import processes
    from edgekit.distill.device import autocast
    from edgekit.distill.fingerprint import tokenizer_key
    from edgekit.distill.language.distiller import Language
    from edgekit.distill.language.judge import make_token_judge
    from edgekit.distill.language.teacher import ask_tokens
    from edgekit.distill.loop import Job, train

    check_decoder(context, model, lesson)
    config, seed = lesson.distill, context.recipe.seed
    device = processes.join(context.placement.device)
    blocks, asked, shared = _training_blocks(context, model, lesson)
    held_out, _ = context.judged("validation", model.processor)
    collator = block_collator(model, blocks, device)
    lengths = [len(row["input_ids"]) for row in blocks]
    with ExitStack() as stack:
        answers = None
        for teacher in lesson.teachers:  # one: the recipe's, or the student of the step before
            module = teacher.module.requires_grad_(False).to(device)
            stack.callback(module.to, "cpu")
            answers = ask_tokens(
                module,
                asked,
                inputs=block_collator(teacher, asked, device).inputs,
                shared=shared,
                autocast=autocast(context.placement),
                folder=context.store.private / "answers" / teacher.name,
                key=tokenizer_key(teacher.source.path),
                limit_bytes=config.cache_limit_bytes,
                top_k=config.cache_top_k,
                title=f"Ask {teacher.name}",
            )
        return train(
            Job(
                title=lesson.title,
                model=model,
                distiller=Language(
                    model.module, config, teacher=answers, tokens_per_row=count_next(blocks) / len(blocks)
                ),
                collate=collator,
                batches=lambda epoch: length_buckets(lengths, config.batch_size, seed=seed, epoch=epoch),
                judge=make_token_judge(
                    block_collator(model, held_out, device), by_length(held_out, JUDGED_TOGETHER)
                ),
                config=config,
                seed=seed,
                placement=context.placement,
                checkpoint_folder=context.store.private / "checkpoints" / model.name,
                log_folder=context.folder / "logs" / model.name,
                key=lesson.key,
                watch=context.watch if model.name == STUDENT else None,
            )
        )


def _training_blocks(context: Context, model: Model, lesson: Lesson) -> tuple[Rows, Rows, Shared | None]:
    """What the student learns from, the same in its teacher's ids, and what they can compare; None: all."""
    from itertools import chain

    from edgekit.data.documents import filled_blocks
    from edgekit.data.segments import segments

    texts = context.rows_for(model.processor)
    written = _teacher_texts(context, lesson)
    kept = kept_tokens_of(lesson.teachers[0], model) if lesson.teachers else None
    if kept is None:
        blocks = [*texts, *filled_blocks(written, context.max_length)]
        return blocks, blocks, None
    [teacher] = lesson.teachers
    own = list(spelled(written, teacher, model))
    blocks = [*texts, *filled_blocks([document for document, _ in own], context.max_length)]
    read = segments(model.processor, teacher.processor, context.splits.train.inputs + tuple(context.transfer))
    return blocks, *in_common(kept, blocks, chain(read, (told for _, told in own)))


def _teacher_texts(context: Context, lesson: Lesson) -> list[list[int]]:
    """What the teacher writes after the beginnings of training texts, in its tokens; kept by the store."""
    config = lesson.distill.teacher_texts
    if config is None or not lesson.teachers:
        return []
    from edgekit import progress
    from edgekit.distill.device import autocast
    from edgekit.distill.language.writing import continued, stop_tokens

    [teacher] = lesson.teachers
    seed, device = context.recipe.seed, context.placement.device

    def make(key: str) -> list[list[int]]:
        import torch

        inputs = (context.splits.train.inputs + context.transfer)[: config.texts]
        read = teacher.processor(list(inputs), verbose=False)["input_ids"]
        prompts = [ids[: config.prompt_tokens] for ids in read if len(ids) >= config.prompt_tokens]
        stops = set(stop_tokens(teacher.module).tolist())
        end = teacher.processor.eos_token_id
        documents: list[list[int]] = []
        module = teacher.module.to(device)
        title = "Write texts with the teacher"
        try:
            with progress.bar(title, len(prompts), "rows") as bar, autocast(context.placement)():
                for start in range(0, len(prompts), WRITTEN_TOGETHER):
                    begun = torch.tensor(prompts[start : start + WRITTEN_TOGETHER], device=device)
                    with torch.random.fork_rng():
                        torch.manual_seed(seed + start)
                        ids = continued(
                            module, begun, new_tokens=config.new_tokens, temperature=config.temperature
                        )
                    for row in ids.tolist():
                        new = row[config.prompt_tokens :]
                        kept = next((i for i, token in enumerate(new) if token in stops), len(new))
                        # A text that was cut off for its length does not end there.
                        ended = [end] if kept < len(new) else []
                        documents.append([*row[: config.prompt_tokens + kept], *ended])
                    bar.advance(len(begun))
        finally:
            module.to("cpu")
        return documents

    documents: list[list[int]] = context.store.run(
        f"texts-{teacher.name}",
        inputs={
            "teacher": teacher.source.sha256,
            "data": context.transfer_key,
            "config": config.model_dump(mode="json"),
            "seed": seed,
            "placement": [device, context.placement.precision],
        },
        make=make,
        title="Write texts with the teacher",
    )
    return documents
