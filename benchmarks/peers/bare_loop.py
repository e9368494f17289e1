"""The least that trains this student: labels only, no teacher, batches of similar length, no framework."""

from __future__ import annotations

import time

import common
import torch
from torch.nn.functional import cross_entropy
from transformers import get_linear_schedule_with_warmup


def main() -> None:
    task = common.task(embeddings={"choices": ("dense", "frozen")}, precision={"choices": ("fp32", "bf16")})
    rows = [torch.tensor(ids) for ids in task.encode(task.train["texts"])["input_ids"]]
    labels = torch.tensor(task.train["labels"])
    student = task.student.train()
    if task.options.embeddings == "frozen":
        student.get_input_embeddings().weight.requires_grad_(False)
    trained = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=common.LEARNING_RATE, weight_decay=common.WEIGHT_DECAY, fused=True
    )
    schedule = get_linear_schedule_with_warmup(optimizer, round(common.WARMUP_RATIO * task.steps), task.steps)
    half = task.options.precision == "bf16"
    clock = common.Clock()
    for epoch in range(task.epochs):
        started = time.perf_counter()
        with common.measured(clock):
            for indices in task.batches[epoch % len(task.batches)]:
                chosen = [rows[i] for i in indices]
                ids = torch.nn.utils.rnn.pad_sequence(
                    chosen, batch_first=True, padding_value=task.tokenizer.pad_token_id
                )
                mask = (ids != task.tokenizer.pad_token_id).long()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                    logits = student(input_ids=ids, attention_mask=mask).logits
                cross_entropy(logits.float(), labels[indices]).backward()
                torch.nn.utils.clip_grad_norm_(trained, common.MAX_GRAD_NORM)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
        clock.epoch_seconds.append(time.perf_counter() - started)
    common.finish(task, clock, torch=torch.__version__)


if __name__ == "__main__":
    main()
