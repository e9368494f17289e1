"""Supervised fine-tuning of a decoder, from a file of examples to a saved model."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.errors import RecipeError
from edgekit.files import (
    atomic,
    folder_lock,
    human,
    read_json,
    require_space,
    sha256_json,
    sha256_path,
    write_json,
)
from edgekit.quiet import hush, quiet
from edgekit.tune.examples import Example, encode_all, hold_out, read_rows
from edgekit.tune.memory import Memory
from edgekit.tune.settings import METHODS, Settings

if TYPE_CHECKING:
    from edgekit.tune.batches import Collator

REPORT = "tune.json"


@dataclass(frozen=True, slots=True)
class Held:
    """The mean loss over held-out tokens, in nats."""

    loss: float
    perplexity: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a tuning left. Without a held-out share, `before` and `after` are None."""

    path: Path
    method: str
    merged: bool
    parameters: int  # of the saved model; of the adapters alone where they are not merged
    trained: int
    rows: int
    left_out: int  # rows without a token to learn within the length
    learned_tokens: int  # of one epoch
    before: Held | None
    after: Held | None
    predicted: Memory
    measured: Memory
    seconds: float
    device: str
    precision: str


def estimate(
    model: Path,
    settings: Settings | None = None,
    *,
    methods: Sequence[str] = METHODS,
    length: int | None = None,
) -> list[Memory]:
    """The memory of every method for full batches, from the configuration alone.

    Args:
        model: a folder (config.json suffices), a config.json or a GGUF file.
        length: tokens of the longest row; None: `settings.max_length`.

    Raises:
        ModelError: not a decoder.
        MissingExtra: peft is not installed.
    """
    from dataclasses import replace

    from edgekit.distill.device import place
    from edgekit.tune.base import load_config
    from edgekit.tune.memory import predict

    hush()
    settings = settings or Settings()
    config, placement = load_config(model), place(settings.device, settings.precision)
    return [
        predict(
            config,
            replace(settings, method=method),  # type: ignore[arg-type]
            rows=settings.batch_size,
            length=length or settings.max_length,
            precision=placement.precision,
        )
        for method in methods
    ]


def tune(model: Path, data: Path, out: Path, settings: Settings | None = None) -> Tuned:
    """Fine-tunes a decoder on the examples of a JSON-lines file.

    A killed run continues from its last checkpoint when it is started again, and a finished one is not
    repeated.

    Args:
        model: a Hub-layout folder or a GGUF file.
        data: rows of prompt and completion, of messages, or of text.
        out: gets the model in Hub layout, its tokenizer, `tune.json` and `metrics.jsonl`.

    Raises:
        RecipeError: a setting out of range, or `out` holds something else.
        DataError, ModelError, AssetError: as they are read.
        MissingExtra: peft or bitsandbytes is not installed.
        TrainingError: see `edgekit.distill.loop.train`.
    """
    return tune_rows(model, read_rows(data), out, settings or Settings(), origin=data.name)


def tune_rows(
    model: Path, rows: Sequence[dict[str, Any]], out: Path, settings: Settings, *, origin: str = "the data"
) -> Tuned:
    """`tune` on rows at hand."""
    from edgekit.tune.base import require

    hush()
    settings.check()
    if settings.method != "full":
        require("peft", needed_for=f"--method {settings.method}")
    if settings.method == "qlora":
        require("bitsandbytes", needed_for="--method qlora")
    key = sha256_json([asdict(settings), list(rows), sha256_path(model)])
    if found := _finished(out, key):
        progress.say(f"{out} holds the result of this tuning already.")
        return found
    work = out.with_name(f".{out.name}.tuning")
    with folder_lock(work):
        tuned = _Tuning(model, rows, out, settings, key, work, origin).go()
    shutil.rmtree(work, ignore_errors=True)
    return tuned


def _finished(out: Path, key: str) -> Tuned | None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / REPORT).is_file():
        raise RecipeError(
            f"{out} exists and is no result of edgekit tune.", remedy="Choose another folder with --out."
        )
    told = read_json(out / REPORT)
    if told["key"] != key:
        return None  # of other settings; replaced when the new one is ready
    found = told["tuned"]
    held = {name: Held(**found[name]) if found[name] else None for name in ("before", "after")}
    memory = {name: Memory(**found[name]) for name in ("predicted", "measured")}
    return Tuned(**{**found, **held, **memory, "path": out})


class _Tuning:
    def __init__(
        self,
        model: Path,
        rows: Sequence[dict[str, Any]],
        out: Path,
        settings: Settings,
        key: str,
        work: Path,
        origin: str,
    ) -> None:
        import torch

        from edgekit.distill.device import autocast, place
        from edgekit.tune.base import load_config, load_processor

        self.path, self.out, self.settings, self.key, self.work = model, out, settings, key, work
        self.placement = place(settings.device, settings.precision)
        self.autocast = autocast(self.placement)
        # What stays frozen is stored as it is computed with; what learns needs small steps.
        half = {"bf16": torch.bfloat16, "fp16": torch.float16}
        self.dtype = half.get(self.placement.precision, torch.float32)
        self.config, self.processor = load_config(model), load_processor(model)
        examples, self.left_out = encode_all(
            rows, self.processor, max_length=settings.max_length, origin=origin
        )
        train, held = hold_out(len(examples), settings.validation, seed=settings.seed)
        self.train, self.held = (
            self._collator([examples[i] for i in train]),
            self._collator([examples[i] for i in held]),
        )

    def _collator(self, examples: Sequence[Example]) -> Collator:
        from edgekit.tune.batches import Collator, make_rows

        packing, pad = self.settings.packing, self.processor.pad_token_id
        rows = make_rows(examples, packing=packing, max_length=self.settings.max_length)
        return Collator(rows, packing=packing, pad_id=pad or 0, device=self.placement.device)

    def go(self) -> Tuned:
        from edgekit.tune.adapters import check_four_bits, prepare
        from edgekit.tune.batches import check_packing
        from edgekit.tune.measured import Meter

        settings, device = self.settings, self.placement.device
        if settings.method == "qlora":
            check_four_bits(device)
            if device != "cuda":
                progress.say(f"There is nothing to page an optimizer to on {device}: AdamW is used.")
        predicted = self._predict()
        model = prepare(self.path, settings, dtype=self.dtype).to(device)
        if settings.packing:
            check_packing(model)
        before = self._judge(model)
        meter = Meter(device)
        with meter.watching(model):
            outcome, learned = self._learn(model)
        model.to(device)
        after = self._judge(model)
        measured = meter.memory(settings.method)
        progress.say(f"Measured on {device}: {_line(measured)}")
        tuned = Tuned(
            path=self.out,
            method=settings.method,
            merged=settings.merge,
            parameters=0,
            trained=measured.trained,
            rows=sum(len(row) for row in self.train.rows),
            left_out=self.left_out,
            learned_tokens=learned,
            before=before,
            after=after,
            predicted=predicted,
            measured=measured,
            seconds=outcome.seconds,
            device=device,
            precision=self.placement.precision,
        )
        return self._save(model.to("cpu"), tuned)

    def _predict(self) -> Memory:
        from edgekit.tune.memory import predict

        longest = max(sum(map(len, row)) for row in self.train.rows)
        predicted = predict(
            self.config,
            self.settings,
            rows=min(self.settings.batch_size, len(self.train.rows)),
            length=longest,
            precision=self.placement.precision,
        )
        progress.say(f"Expected on {self.placement.device}: {_line(predicted)}")
        free = _free_bytes(self.placement.device)
        if free is not None and predicted.total > free:
            progress.say(
                f"That is more than the {human(free)} that are free: a smaller --batch-size or --max-length, "
                "--gradient-checkpointing or --method qlora need less."
            )
        return predicted

    def _learn(self, model: Any) -> tuple[Any, int]:
        from edgekit.distill.loop import Job, train
        from edgekit.tune.batches import learned_tokens
        from edgekit.tune.learner import Learner

        settings = self.settings
        learned = sum(map(learned_tokens, self.train.rows))
        job: Any = Job(
            title=f"Tuning ({settings.method})",
            model=None,  # type: ignore[arg-type]  # what is shipped is made from the learner below
            distiller=Learner(model, tokens_per_row=learned / len(self.train.rows)),
            collate=self.train,
            batches=lambda epoch: self.train.batches(settings.batch_size, seed=settings.seed, epoch=epoch),
            judge=self._score,
            config=settings.training(self.placement.device),
            seed=settings.seed,
            placement=self.placement,
            checkpoint_folder=self.work / "checkpoint",
            log_folder=self.work / "log",
            key=self.key,
        )
        return train(job), learned

    def _score(self, learner: Any, _: Callable[[], Any], __: Any) -> float:
        """The loop wants a score of 0–1: here the probability of a token, their geometric mean."""
        held = self._judge(learner.model)
        return 1 / held.perplexity if held is not None else 0.0

    def _judge(self, model: Any) -> Held | None:
        import torch

        from edgekit.tune.batches import learned_tokens
        from edgekit.tune.learner import summed_loss

        rows = self.held.rows
        if not rows:
            return None
        model.eval()
        total, size = 0.0, self.settings.batch_size
        order = sorted(range(len(rows)), key=lambda i: sum(map(len, rows[i])))
        with torch.inference_mode(), self.autocast():
            for start in range(0, len(order), size):
                batch = self.held(order[start : start + size])
                assert batch.labels is not None
                total += float(summed_loss(model, batch.inputs, batch.labels))
        tokens = sum(map(learned_tokens, rows))
        loss = total / tokens
        return Held(loss, math.exp(min(loss, 700.0)), tokens)  # beyond, a float is infinite

    def _save(self, model: Any, tuned: Tuned) -> Tuned:
        from dataclasses import replace

        from edgekit.models.save import save_front_end
        from edgekit.tune.adapters import merged

        if self.settings.method != "full" and self.settings.merge:
            model = merged(self.path, model, self.settings)
        whole = self.settings.method == "full" or self.settings.merge
        parameters = sum(p.numel() for p in model.parameters()) if whole else tuned.trained
        tuned = replace(tuned, parameters=parameters)
        require_space(self.out.parent, parameters * 4 + 10_000_000, purpose="Saving the tuned model")
        with atomic(self.out) as temporary:
            temporary.mkdir(parents=True)
            with quiet():
                model.save_pretrained(temporary, safe_serialization=True)
            save_front_end(self.processor, temporary, max_length=None)
            shutil.copy(self.work / "log" / "metrics.jsonl", temporary / "metrics.jsonl")
            told = {**asdict(tuned), "path": ""}
            write_json(
                temporary / REPORT, {"key": self.key, "settings": asdict(self.settings), "tuned": told}
            )
        return tuned


def _line(memory: Memory) -> str:
    rest = "not measured" if memory.activations is None else human(memory.activations)
    return (
        f"weights {human(memory.weights)}, gradients {human(memory.gradients)}, optimizer "
        f"{human(memory.optimizer)}, activations {rest}; {human(memory.total)} in all ({memory.method})."
    )


def _free_bytes(device: str) -> int | None:
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    if device == "cpu":
        import psutil

        return int(psutil.virtual_memory().available)
    return None
