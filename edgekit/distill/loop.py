"""The one training loop: fine-tuning a teacher and distilling a student differ only in their losses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import progress
from edgekit.batches import by_length, chosen_rows, pad_rows
from edgekit.distill import checkpoint
from edgekit.distill.device import Placement
from edgekit.distill.teacher import Teacher, ask
from edgekit.errors import TrainingError
from edgekit.files import disk_errors
from edgekit.recipe.schema import LossWeights, Training
from edgekit.types import CurvePoint, Model, Rows

MAX_SKIPPED = 10  # non-finite losses in one run before it stops
CHECKPOINT_SHARE = 0.03  # of the training time, at most


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one training run needs.

    `batches(epoch)` gives lists of row indices and must depend on nothing but the epoch: a resumed run asks
    for them again.
    """

    title: str
    model: Model
    teacher: Model | None  # None: labels only
    rows: Rows
    labels: Sequence[int]
    validation_rows: Rows
    validation_labels: Sequence[int]
    batches: Callable[[int], list[list[int]]]
    config: Training
    weights: LossWeights
    temperature: float
    seed: int
    placement: Placement
    checkpoint_folder: Path
    key: str  # hash of all inputs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training measured; the weights are in the job's model."""

    curve: tuple[CurvePoint, ...]
    best_score: float
    seconds: float
    samples_per_second: float
    skipped: int


def train(job: Job) -> Outcome:
    """Trains `job.model` in place and leaves it on the CPU in evaluation mode.

    A killed run continues from its last checkpoint to the same final weights.

    Raises:
        TrainingError: the loss is not finite again and again, or a checkpoint is damaged.
        DiskFull: a checkpoint could not be written; the one before is kept.
    """
    return _Run(job).go()


def _optimizer(module: Any, config: Training, device: str) -> Any:
    import torch

    # Biases and norms are not decayed (Devlin et al., 2019).
    decayed = [p for p in module.parameters() if p.ndim >= 2]
    plain = [p for p in module.parameters() if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=device in ("cuda", "cpu"))


def learning_rate_at(step: int, *, total: int, config: Training) -> float:
    """Linear warm-up over `warmup_ratio` of all steps, then linear decay to 0."""
    warmup = max(1, round(config.warmup_ratio * total))
    share = (step + 1) / warmup if step < warmup else (total - step) / max(1, total - warmup)
    return config.learning_rate * max(0.0, share)


class _Run:
    def __init__(self, job: Job) -> None:
        import torch
        from accelerate import Accelerator

        self.job = job
        torch.manual_seed(job.seed)
        bf16 = job.placement.precision == "bf16"
        self.accelerator = Accelerator(
            mixed_precision="bf16" if bf16 else "no", cpu=job.placement.device == "cpu"
        )
        device = self.accelerator.device
        job.model.module.to(device)
        self.optimizer = _optimizer(job.model.module, job.config, device.type)
        found = checkpoint.resume(
            job.checkpoint_folder, key=job.key, module=job.model.module, optimizer=self.optimizer
        )
        self.position, self.best = found or (checkpoint.Position(), None)
        self.resumed = found is not None
        self.device = device
        self.batches_per_epoch = len(job.batches(0))
        self.total = self.batches_per_epoch * job.config.epochs
        self.saved_at = time.monotonic()
        self.save_cost = 0.0
        self.teacher: Teacher | None = None
        if job.teacher is not None:
            self.teacher = ask(
                job.teacher.module.to(device).eval(),
                job.rows,
                collate=self._collate,
                autocast=self.accelerator.autocast,
                hidden=job.weights.hidden_cosine > 0,
                title="Ask the teacher",
            )

    def go(self) -> Outcome:
        job, position = self.job, self.position
        module = job.model.module
        points = self._evaluation_points()
        samples_left = sum(len(b) for e in range(job.config.epochs) for b in job.batches(e))
        with progress.bar(job.title, samples_left, "samples") as bar:
            if self.resumed:
                progress.say(f"{job.title}: continuing at step {position.step} of {self.total}.")
                bar.advance(position.samples)
            while position.epoch < job.config.epochs:
                batches = job.batches(position.epoch)
                while position.batch < len(batches):
                    indices = batches[position.batch]
                    module.train()
                    started = time.perf_counter()
                    loss = self._step(indices)
                    position.seconds += time.perf_counter() - started
                    position.batch += 1
                    position.step += 1
                    position.samples += len(indices)
                    bar.advance(len(indices))
                    if position.step % 20 == 0 and loss is not None:
                        bar.note(f"loss {loss:.3f}")
                    evaluated = position.batch in points
                    if evaluated:
                        score = self._evaluate()
                        bar.note(f"validation {score:.3f}")
                    self._maybe_save(evaluated)
                position.epoch += 1
                position.batch = 0
        if job.config.keep_best and self.best is not None:
            module.load_state_dict(self.best)
        module.to("cpu").eval()
        self.accelerator.free_memory()
        return Outcome(
            curve=tuple(CurvePoint(**p) for p in position.curve),
            best_score=position.best_score,
            seconds=position.seconds,
            samples_per_second=position.samples / max(position.seconds, 1e-9),
            skipped=position.skipped,
        )

    def _evaluation_points(self) -> set[int]:
        times = self.job.config.evaluations_per_epoch
        return {max(1, round(self.batches_per_epoch * (i + 1) / times)) for i in range(times)}

    def _collate(self, rows: Rows) -> dict[str, Any]:
        import torch

        model = self.job.model
        arrays = pad_rows(rows, model.signature, pad_id=model.processor.pad_token_id)
        made = {key: torch.from_numpy(value) for key, value in arrays.items()}
        if self.device.type == "cuda":
            return {k: v.pin_memory().to(self.device, non_blocking=True) for k, v in made.items()}
        return {k: v.to(self.device) for k, v in made.items()}

    def _loss(self, indices: Sequence[int], inputs: dict[str, Any], labels: Any) -> Any:
        from edgekit.distill import objectives

        job, weights = self.job, self.job.weights
        hidden = self.teacher is not None and weights.hidden_cosine > 0
        with self.accelerator.autocast():
            out = job.model.module(**inputs, output_hidden_states=hidden)
        logits = out.logits.float()
        if self.teacher is None:
            return objectives.hard_labels(logits, labels)
        taught = self.teacher(indices, inputs)
        loss = logits.new_zeros(())
        if weights.soft_targets:
            kl = objectives.soft_target_kl(logits, taught.logits, temperature=job.temperature)
            loss = loss + weights.soft_targets * kl
        if weights.labels:
            loss = loss + weights.labels * objectives.hard_labels(logits, labels)
        if taught.hidden is not None:
            cosine = objectives.hidden_cosine(
                out.hidden_states[-1].float(), taught.hidden, inputs["attention_mask"]
            )
            loss = loss + weights.hidden_cosine * cosine
        return loss

    def _step(self, indices: Sequence[int]) -> float | None:
        import torch

        job, position = self.job, self.position
        rate = learning_rate_at(position.step, total=self.total, config=job.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs = self._collate(chosen_rows(job.rows, indices))
        labels = torch.tensor([job.labels[i] for i in indices], device=self.device)
        loss = self._loss(indices, inputs, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            self.optimizer.zero_grad()
            position.skipped += 1
            if position.skipped > MAX_SKIPPED:
                raise TrainingError(
                    f"{job.title}: the loss was not finite in {position.skipped} batches, "
                    f"the last at step {position.step}.",
                    remedy="Lower the learning rate, or set precision=fp32. "
                    "The last good checkpoint is kept; a changed recipe starts this stage over.",
                )
            return None
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(job.model.module.parameters(), job.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        position.loss_sum += value
        position.loss_count += 1
        return value

    def _evaluate(self) -> float:
        job, position = self.job, self.position
        score = accuracy(self, job.validation_rows, job.validation_labels)
        mean_loss = position.loss_sum / max(1, position.loss_count)
        position.loss_sum, position.loss_count = 0.0, 0
        epoch = position.epoch + position.batch / self.batches_per_epoch
        position.curve.append(
            {"step": position.step, "epoch": epoch, "train_loss": mean_loss, "validation_score": score}
        )
        if score > position.best_score:
            position.best_score = score
            self.best = {k: v.detach().cpu().clone() for k, v in job.model.module.state_dict().items()}
        return score

    def _maybe_save(self, evaluated: bool) -> None:
        now = time.monotonic()
        # Saving costs time, and more for larger models: never more than a small share of the whole.
        due = max(self.job.config.checkpoint_every_s, self.save_cost / CHECKPOINT_SHARE)
        if now - self.saved_at < due and not (evaluated and now - self.saved_at > due / 2):
            return
        with disk_errors(self.job.checkpoint_folder):
            checkpoint.save(
                self.job.checkpoint_folder,
                key=self.job.key,
                position=self.position,
                module=self.job.model.module,
                optimizer=self.optimizer,
                best=self.best if self.job.config.keep_best else None,
            )
        self.saved_at = time.monotonic()
        self.save_cost = self.saved_at - now


def accuracy(run: _Run, rows: Rows, labels: Sequence[int]) -> float:
    """Share of rows whose largest logit is the label's, with the arithmetic of training."""
    import torch

    module = run.job.model.module
    module.eval()
    right = 0
    with torch.inference_mode(), run.accelerator.autocast():
        for indices in by_length(rows, 64):
            logits = module(**run._collate(chosen_rows(rows, indices))).logits
            truth = torch.tensor([labels[i] for i in indices], device=logits.device)
            right += int((logits.argmax(-1) == truth).sum())
    return right / max(1, len(rows))
