"""Self-training with a binary reward: ReST-EM (Singh et al., 2024).

Generate samples for every prompt, keep those that the reward calls right, fine-tune the *base* model on them,
and repeat with the model that came out. OUT holds

iteration-N/samples.jsonl   what the model before drew for the training prompts
iteration-N/kept.jsonl      what was right, and trained on
iteration-N/model/          the model
evaluation-N/samples.jsonl  what model N drew for the held-out prompts; 0 is the base
self-training.json          pass@1 and pass@k of every model
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgekit import progress
from edgekit.errors import DataError, RecipeError
from edgekit.files import atomic, folder_lock, read_json, sha256_json, sha256_path, write_json
from edgekit.quiet import hush
from edgekit.tune.examples import hold_out, read_rows
from edgekit.tune.pass_at_k import mean_pass_at_k
from edgekit.tune.rewards import REWARDS, Reward, find_reward
from edgekit.tune.run import tune_rows
from edgekit.tune.sampling import prompt_text, sample
from edgekit.tune.sandbox import network_is_cut
from edgekit.tune.settings import Settings

RESULT = "self-training.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """One self-training."""

    iterations: int = 2
    samples: int = 8  # of each training prompt, in each iteration
    keep: int = 4  # right ones of each prompt, at most: easy prompts don't drown hard ones
    held_out_samples: int = 8  # of each held-out prompt; the largest k of pass@k
    temperature: float = 0.7
    tokens: int = 128  # of one sample, at most
    batch: int = 32  # sequences generated at once
    stop: tuple[str, ...] = ()  # texts that end a sample
    chat: bool = False  # prompts go into the chat template
    share: float = 0.2  # of the prompts is held out, unless a file of its own is
    tuning: Settings = field(default_factory=lambda: Settings(validation=0.0))

    def check(self) -> None:
        """Raises:
        RecipeError: a value out of range; it is named.
        """
        for wrong, told in (
            (self.iterations < 1, "iterations must be at least 1"),
            (min(self.samples, self.keep, self.held_out_samples) < 1, "samples must be at least 1"),
            (self.temperature <= 0, "temperature must be above 0: all samples would be the same"),
            (min(self.tokens, self.batch) < 1, "tokens and batch must be at least 1"),
            (not 0 < self.share < 1, "the held-out share must lie between 0 and 1"),
            (not self.tuning.merge, "the adapters must be merged: the next iteration starts from a model"),
        ):
            if wrong:
                raise RecipeError(f"{told}.", remedy="Choose a value in range.")
        self.tuning.check()


@dataclass(frozen=True, slots=True)
class Iteration:
    """One model on the held-out prompts; 0 is the base. What only training has is None for it."""

    number: int
    pass_at: Mapping[str, float]  # "1", and "k" for the number of samples → 0–1
    kept: int | None  # rows it was trained on
    solved: float | None  # share of the training prompts with a right sample
    seconds: float | None  # of training


@dataclass(frozen=True, slots=True)
class SelfTrained:
    """All models of a self-training, in order."""

    path: Path
    iterations: tuple[Iteration, ...]
    prompts: int
    held_out: int
    reward: str

    @property
    def best(self) -> Iteration:
        """The highest pass@1; of equals the first."""
        return max(self.iterations, key=lambda one: one.pass_at["1"])


def self_train(
    model: Path,
    prompts: Path,
    out: Path,
    *,
    reward: str,
    plan: Plan | None = None,
    held_out: Path | None = None,
) -> SelfTrained:
    """Trains a decoder on its own right answers. Started again after a kill, it goes on where it was.

    Args:
        model: a Hub-layout folder or a GGUF file.
        prompts: JSON lines with `prompt` and what the reward needs.
        reward: "exact", "regex", "unit-test" or "module:function".
        held_out: prompts to judge by, as `prompts`; None holds out a share of them.

    Raises:
        RecipeError: a setting out of range, no such reward, or `out` holds another self-training.
        DataError: prompts without what they need, in both files, or no sample was right.
        As `edgekit.tune.run.tune`.
    """
    hush()
    plan = plan or Plan()
    plan.check()
    judge = find_reward(reward)
    if reward == "unit-test" and not network_is_cut():
        progress.say("This system lets no user take the network from a process: samples that run keep it.")
    rows = _rows(prompts, reward)
    if held_out is None:
        train, held = hold_out(len(rows), plan.share, seed=plan.tuning.seed)
        learning, judging = [rows[i] for i in train], [rows[i] for i in held]
    else:
        learning, judging = rows, _rows(held_out, reward)
    if both := {str(r["prompt"]) for r in learning} & {str(r["prompt"]) for r in judging}:
        raise DataError(
            f"{len(both)} prompts are trained on and held out, such as {min(both)[:60]!r}.",
            remedy="Take them out of one of the two, so that the result isn't learned by heart.",
        )
    key = sha256_json([asdict(plan), reward, learning, judging, sha256_path(model)])
    with folder_lock(out):
        _claim(out, key)
        return _SelfTraining(model, learning, judging, out, reward, judge, plan).go()


def _rows(path: Path, reward: str) -> list[dict[str, Any]]:
    rows = read_rows(path)
    needed = ["prompt", *([REWARDS[reward][1]] if reward in REWARDS else [])]
    for number, row in enumerate(rows, start=1):
        if lacking := [name for name in needed if name not in row]:
            raise DataError(
                f"{path.name}, row {number} has no {lacking[0]!r}.",
                remedy=f"The reward {reward} needs {' and '.join(needed)} in every row.",
            )
    return rows


def _claim(out: Path, key: str) -> None:
    mark = out / ".edgekit.key.json"
    if mark.is_file() and read_json(mark) != key:
        raise RecipeError(
            f"{out} holds a self-training with other settings, prompts or another model.",
            remedy="Choose another folder with --out, or delete this one.",
        )
    write_json(mark, key)


class _SelfTraining:
    def __init__(
        self,
        model: Path,
        learning: Sequence[dict[str, Any]],
        judging: Sequence[dict[str, Any]],
        out: Path,
        reward: str,
        judge: Reward,
        plan: Plan,
    ) -> None:
        self.model, self.learning, self.judging, self.out = model, learning, judging, out
        self.reward, self.judge, self.plan = reward, judge, plan
        self.at = sorted({1, plan.held_out_samples})

    def go(self) -> SelfTrained:
        finished = [self._evaluate(0, self.model, None)]
        current = self.model
        for number in range(1, self.plan.iterations + 1):
            folder = self.out / f"iteration-{number}"
            kept, solved = self._kept(number, current, folder)
            tuned = tune_rows(
                self.model, kept, folder / "model", self._tuning(number), origin=f"iteration {number}"
            )
            current = tuned.path
            told = {"kept": len(kept), "solved": solved, "seconds": tuned.seconds}
            finished.append(self._evaluate(number, current, told))
            self._write(finished)
        return self._write(finished)

    def _tuning(self, number: int) -> Settings:
        return replace(self.plan.tuning, seed=self.plan.tuning.seed + number)

    def _kept(self, number: int, model: Path, folder: Path) -> tuple[list[dict[str, Any]], float]:
        """What is trained on: each prompt's different right samples, as many as the plan allows."""
        texts, rights = self._scored(model, self.learning, folder / "samples.jsonl", 2 * number - 1)
        chosen = random.Random(self.plan.tuning.seed + number)
        rows: list[dict[str, Any]] = []
        for row, samples, right in zip(self.learning, texts, rights, strict=True):
            good = sorted({text for text, is_right in zip(samples, right, strict=True) if is_right})
            chosen.shuffle(good)
            rows += [self._example(row, text) for text in good[: self.plan.keep]]
        if not rows:
            raise DataError(
                f"No sample of iteration {number} was right: there is nothing to learn from.",
                remedy="Raise --samples, give easier prompts or examples in them, or check the reward.",
            )
        with atomic(folder / "kept.jsonl") as temporary:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            temporary.write_text("".join(lines), encoding="utf-8")
        solved = sum(map(any, rights)) / len(rights)
        progress.say(
            f"Iteration {number}: {len(rows)} right samples kept; {solved:.1%} of the prompts have one."
        )
        return rows, solved

    def _example(self, row: Mapping[str, Any], text: str) -> dict[str, Any]:
        if not self.plan.chat:
            return {"prompt": row["prompt"], "completion": text}
        said = [("user", row["prompt"]), ("assistant", text)]
        return {"messages": [{"role": role, "content": content} for role, content in said]}

    def _evaluate(self, number: int, model: Path, trained: dict[str, Any] | None) -> Iteration:
        path = self.out / f"evaluation-{number}" / "samples.jsonl"
        _, rights = self._scored(model, self.judging, path, 2 * number)
        counts, samples = [sum(right) for right in rights], self.plan.held_out_samples
        found = {str(k): mean_pass_at_k(counts, samples, k) for k in self.at}
        told = ", ".join(f"pass@{k} {value:.3f}" for k, value in found.items())
        progress.say(f"{f'Model {number}' if number else 'Base'} on held-out prompts: {told}.")
        return Iteration(number, found, **(trained or {"kept": None, "solved": None, "seconds": None}))

    def _scored(
        self, model: Path, rows: Sequence[Mapping[str, Any]], path: Path, turn: int
    ) -> tuple[list[list[str]], list[list[bool]]]:
        import torch

        from edgekit.distill.device import place
        from edgekit.tune.base import load_base, load_processor

        plan = self.plan
        placement = place(plan.tuning.device, plan.tuning.precision)
        processor = load_processor(model)
        dtype = (
            torch.bfloat16 if placement.device != "cpu" and placement.precision == "bf16" else torch.float32
        )
        texts = sample(
            load_base(model, dtype=dtype).to(placement.device),
            processor,
            [prompt_text(row, processor, chat=plan.chat) for row in rows],
            path,
            samples=plan.held_out_samples if turn % 2 == 0 else plan.samples,
            tokens=plan.tokens,
            temperature=plan.temperature,
            seed=plan.tuning.seed * 1000 + turn,
            batch=plan.batch,
            stop=plan.stop,
            special=not plan.chat,
            title=path.parent.name,
        )
        rights = []
        with progress.bar("Reward", len(rows), "prompts") as bar:
            for row, samples in zip(rows, texts, strict=True):
                rights.append([self.judge(row, text) for text in samples])
                bar.advance()
        return texts, rights

    def _write(self, finished: Sequence[Iteration]) -> SelfTrained:
        result = SelfTrained(self.out, tuple(finished), len(self.learning), len(self.judging), self.reward)
        write_json(
            self.out / RESULT,
            {
                "reward": self.reward,
                "prompts": result.prompts,
                "held_out": result.held_out,
                "plan": asdict(self.plan),
                "iterations": [asdict(one) for one in finished],
            },
        )
        return result
