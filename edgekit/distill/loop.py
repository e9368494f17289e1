"""The one training loop: fine-tuning a teacher and every way to distil differ only in their distiller."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.distill import checkpoint, memory, processes
from edgekit.distill.device import Placement, autocast
from edgekit.distill.logs import Log
from edgekit.distill.optimizers import Optimizers, learning_rate_at
from edgekit.distill.step import Stepped, Stepper, save_batch
from edgekit.distill.switches import switched
from edgekit.errors import TrainingError
from edgekit.files import disk_errors
from edgekit.recipe.schema import Training
from edgekit.types import CurvePoint, Model

if TYPE_CHECKING:
    from edgekit.distill.distiller import Distiller
    from edgekit.distill.knowledge import Batch

CHECKPOINT_SHARE = 0.03  # of the training time, at most
LOG_EVERY = 20  # steps

Judge = Callable[[Any, Callable[[], Any], Any], float]


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one training run needs.

    `collate(indices, epoch)` and `batches(epoch)` (lists of row indices) must depend on nothing but their
    arguments: a resumed run and every process of a run ask for them again.
    """

    title: str
    model: Model  # what is shipped; its module is `distiller.student`
    distiller: Distiller
    collate: Callable[[Sequence[int], int], Batch]
    batches: Callable[[int], list[list[int]]]
    judge: Judge  # (module, autocast, device) → validation score, 0–1
    config: Training
    seed: int
    placement: Placement
    checkpoint_folder: Path
    log_folder: Path
    key: str  # hash of all inputs
    watch: Callable[[CurvePoint], None] | None = None  # told each evaluation; what it raises ends training


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training measured; the weights are in the job's model."""

    curve: tuple[CurvePoint, ...]
    best_score: float
    seconds: float  # of training steps alone
    samples_per_second: float
    skipped: int


def train(job: Job) -> Outcome:
    """Trains `job.model` in place and leaves it on the CPU in evaluation mode.

    A killed run continues from its last checkpoint to the same final weights. Several processes (see
    `processes`) take a slice of every batch each; with losses that are means over rows and no dropout, the
    curve is that of one process.

    Raises:
        TrainingError: the loss is not finite again and again, memory does not suffice for one row, another
            process of this run has ended, or a checkpoint is damaged.
        DiskFull: a checkpoint could not be written; the one before is kept.
    """
    device = processes.join(job.placement.device)
    job.distiller.to(device)
    with ExitStack() as stack:
        stack.enter_context(memory.kept())
        stack.callback(lambda: job.distiller.to("cpu").eval())
        tables = stack.enter_context(switched(job.distiller, job.config, device=device.type))
        run = _Run(job, device, tables)
        stack.callback(run.close)
        stack.enter_context(processes.lost_ones())
        return run.go()


class _Run:
    def __init__(self, job: Job, device: Any, tables: Sequence[Any]) -> None:
        import torch

        self.job, self.device, self.main = job, device, processes.is_main()
        self.autocast = autocast(job.placement)
        self.optimizers = Optimizers(job.distiller, tables, job.config, device=device.type)
        self.scaler = torch.amp.GradScaler(device.type, enabled=job.placement.precision == "fp16")
        found = checkpoint.resume(
            job.checkpoint_folder,
            key=job.key,
            distiller=job.distiller,
            optimizers=self.optimizers.all,
            scaler=self.scaler,
        )
        self.position, self.best = found or (checkpoint.Position(), None)
        self.resumed = found is not None
        lazy = {id(table.weight) for table in tables}
        module = processes.replicate(
            job.distiller, device, leave_out=[n for n, p in job.distiller.named_parameters() if id(p) in lazy]
        )
        self.stepper = Stepper(
            module,
            collate=job.collate,
            optimizers=self.optimizers,
            scaler=self.scaler,
            autocast=self.autocast,
            max_norm=job.config.max_grad_norm,
            seed=job.seed,
            pieces=self.position.pieces,
        )
        self.log = Log(job.log_folder, job.config, step=self.position.step) if self.main else None
        self.saved_at = time.monotonic()
        self.save_cost = 0.0
        self.logged = (self.position.seconds, self.position.samples)

    def go(self) -> Outcome:
        job, position = self.job, self.position
        samples = job.config.epochs * sum(len(b) for b in job.batches(0))
        job.distiller.train()
        with progress.bar(job.title, samples, "samples") as bar:
            if self.resumed:
                progress.say(f"{job.title}: continuing at step {position.step}.")
                bar.advance(position.samples)
            while position.epoch < job.config.epochs:
                self._epoch(bar)
                job.distiller.epoch_ended(position.epoch + 1)
                position.epoch += 1
                position.batch = 0
        if job.config.keep_best and self.best is not None:
            job.distiller.student.load_state_dict(self.best)
        else:
            self.optimizers.eval()
        return Outcome(
            curve=tuple(CurvePoint(**p) for p in position.curve),
            best_score=position.best_score,
            seconds=position.seconds,
            samples_per_second=position.samples / max(position.seconds, 1e-9),
            skipped=position.skipped,
        )

    def _epoch(self, bar: progress.Bar) -> None:
        config, position = self.job.config, self.position
        batches = self.job.batches(position.epoch)
        size = config.gradient_accumulation
        groups = [batches[i : i + size] for i in range(0, len(batches), size)]
        times = config.evaluations_per_epoch
        points = {max(1, round(len(groups) * (i + 1) / times)) for i in range(times)}
        for number in range(math.ceil(position.batch / size), len(groups)):
            group = groups[number]
            started = time.perf_counter()
            rate = learning_rate_at(
                position.epoch * len(groups) + number, total=config.epochs * len(groups), config=config
            )
            done = self._step(group, rate, after=groups[number + 1] if number + 1 < len(groups) else ())
            position.seconds += time.perf_counter() - started
            rows = sum(len(batch) for batch in group)
            position.batch += len(group)
            position.samples += rows
            bar.advance(rows)
            epoch = position.epoch + position.batch / len(batches)
            self._count(done, rate, epoch, bar)
            evaluated = number + 1 in points
            if evaluated:
                bar.note(f"validation {self._evaluate(epoch):.3f}")
            self._maybe_save(evaluated)

    def _step(self, group: list[list[int]], rate: float, *, after: Sequence[Sequence[int]]) -> Stepped:
        position, stepper = self.position, self.stepper
        self.optimizers.set_rate(rate)
        done = stepper(group, epoch=position.epoch, step=position.step, after=after)
        position.step += 1
        if stepper.pieces != position.pieces:
            position.pieces = stepper.pieces
            progress.say(
                f"{self.job.title}: memory ran out; from now on each batch is computed in "
                f"{position.pieces} pieces, to the same result."
            )
        if done.applied:
            self.job.distiller.stepped(position.step)
        elif done.suspect is not None:
            self._skip(done)
        return done

    def _skip(self, done: Stepped) -> None:
        job, position = self.job, self.position
        position.skipped += 1
        if position.skipped <= job.config.skip_non_finite:
            return
        mark = f"-process-{processes.rank()}" if processes.count() > 1 else ""
        path = job.log_folder / f"non-finite-step-{position.step}{mark}.safetensors"
        assert done.suspect is not None
        save_batch(done.suspect, path)
        terms = ", ".join(f"{name} {value:g}" for name, value in done.terms.items())
        raise TrainingError(
            f"{job.title}: the loss or its gradient was not finite in {position.skipped} steps, the last at "
            f"step {position.step} ({terms}); that batch lies in {path}.",
            remedy="Lower the learning rate, or set precision=fp32. "
            "The last good checkpoint is kept; a changed recipe starts this stage over.",
        )

    def _count(self, done: Stepped, rate: float, epoch: float, bar: progress.Bar) -> None:
        position = self.position
        if done.suspect is None:
            position.loss_sum += done.loss
            position.loss_count += 1
            for name, value in done.terms.items():
                position.term_sums[name] = position.term_sums.get(name, 0.0) + value
            position.term_count += 1
        if position.step % LOG_EVERY or not position.term_count:
            return
        means = {name: total / position.term_count for name, total in position.term_sums.items()}
        bar.note(f"loss {sum(means.values()):.3f}")
        seconds, samples = self.logged
        self.logged = (position.seconds, position.samples)
        position.term_sums, position.term_count = {}, 0
        if self.log is not None:
            self.log.write(
                "train",
                step=position.step,
                epoch=epoch,
                loss=sum(means.values()),
                **means,
                learning_rate=rate,
                samples_per_second=(position.samples - samples) / max(position.seconds - seconds, 1e-9),
                skipped=position.skipped,
            )

    def _evaluate(self, epoch: float) -> float:
        job, position = self.job, self.position
        student = job.distiller.student
        self.optimizers.eval()
        score = processes.from_main(
            lambda: job.judge(student.eval(), self.autocast, self.device), device=job.placement.device
        )
        loss = position.loss_sum / max(1, position.loss_count)
        position.loss_sum, position.loss_count = 0.0, 0
        position.curve.append(
            {"step": position.step, "epoch": epoch, "train_loss": loss, "validation_score": score}
        )
        if score > position.best_score:
            position.best_score = score
            if job.config.keep_best:
                self.best = {k: v.detach().to("cpu", copy=True) for k, v in student.state_dict().items()}
        if self.log is not None:
            self.log.write(
                "evaluation", step=position.step, epoch=epoch, train_loss=loss, validation_score=score
            )
            self.log.keep(student.state_dict(), step=position.step)
        self.optimizers.train()
        job.distiller.train()
        if job.watch is not None and self.main:
            job.watch(CurvePoint(**position.curve[-1]))
        return score

    def _maybe_save(self, evaluated: bool) -> None:
        now = time.monotonic()
        # Saving costs time, and more for larger models: never more than a small share of the whole.
        due = max(self.job.config.checkpoint_every_s, self.save_cost / CHECKPOINT_SHARE)
        waited = now - self.saved_at
        if not self.main or (waited < due and not (evaluated and waited > due / 2)):
            return
        with disk_errors(self.job.checkpoint_folder):
            checkpoint.save(
                self.job.checkpoint_folder,
                key=self.job.key,
                position=self.position,
                distiller=self.job.distiller,
                optimizers=self.optimizers.all,
                scaler=self.scaler,
                best=self.best,
            )
        self.saved_at = time.monotonic()
        self.save_cost = self.saved_at - now

    def close(self) -> None:
        if self.log is not None:
            self.log.close()
