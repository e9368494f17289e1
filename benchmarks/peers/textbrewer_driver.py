"""TextBrewer as its documentation and its classification example have it: rows padded to the longest allowed.

With `--cache yes` its BasicDistiller keeps the teacher's logits in memory.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from typing import Any

import common
import torch
from textbrewer import BasicDistiller, DistillationConfig, GeneralDistiller, TrainingConfig
from torch.utils.data import DataLoader, TensorDataset
from transformers import get_linear_schedule_with_warmup


def adaptor(batch: dict[str, Any], out: Any) -> dict[str, Any]:
    """What the distiller may use of a model's output."""
    return {"logits": out.logits, "losses": out.loss}


def main() -> None:
    task = common.task(cache={"choices": ("yes", "no")})
    cached = task.options.cache == "yes"
    encoded = task.encode(task.train["texts"], padded=True)
    names = [*encoded.keys(), "labels"]
    rows = TensorDataset(*map(torch.tensor, encoded.values()), torch.tensor(task.train["labels"]))

    def collate(items: list[Any]) -> dict[str, Any]:
        return dict(zip(names, map(torch.stack, zip(*items, strict=True)), strict=True))

    loader = DataLoader(rows, batch_size=common.BATCH_SIZE, shuffle=True, collate_fn=collate)
    optimizer = torch.optim.AdamW(
        task.student.parameters(), lr=common.LEARNING_RATE, weight_decay=common.WEIGHT_DECAY
    )
    clock = common.Clock()
    with tempfile.TemporaryDirectory() as folder:
        distiller = (BasicDistiller if cached else GeneralDistiller)(
            train_config=TrainingConfig(output_dir=folder, log_dir=None, device="cpu"),
            # Its soft loss lacks the factor T².
            distill_config=DistillationConfig(
                temperature=common.TEMPERATURE,
                kd_loss_weight=common.SOFT_WEIGHT * common.TEMPERATURE**2,
                hard_label_weight=common.LABEL_WEIGHT,
                is_caching_logits=cached,
            ),
            model_T=task.teacher,
            model_S=task.student,
            adaptor_T=adaptor,
            adaptor_S=adaptor,
        )
        with common.measured(clock), distiller:
            distiller.train(
                optimizer,
                loader,
                num_epochs=task.epochs,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args={
                    "num_warmup_steps": round(common.WARMUP_RATIO * task.steps),
                    "num_training_steps": task.steps,
                },
                max_grad_norm=common.MAX_GRAD_NORM,
            )
    common.finish(task, clock, textbrewer=version("textbrewer"), torch=torch.__version__)


if __name__ == "__main__":
    main()
