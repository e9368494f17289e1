"""Hugging Face Trainer with a distillation loss, as its users write it: `compute_loss` asks the teacher."""

from __future__ import annotations

import tempfile
from typing import Any

import common
import torch
import transformers
from torch.nn.functional import kl_div, log_softmax, softmax
from torch.utils.data import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments, default_data_collator


class Rows(Dataset):
    """Tokenised texts with labels."""

    def __init__(self, encoded: Any, labels: list[int]) -> None:
        self.encoded, self.labels = encoded, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**{k: v[index] for k, v in self.encoded.items()}, "labels": self.labels[index]}


class DistillationTrainer(Trainer):
    """Soft targets beside the labels."""

    def __init__(self, *args: Any, teacher: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teacher = teacher

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        out = model(**inputs)
        inputs.pop("labels")
        with torch.no_grad():
            taught = self.teacher(**inputs)
        soft = kl_div(
            log_softmax(out.logits / common.TEMPERATURE, dim=-1),
            softmax(taught.logits / common.TEMPERATURE, dim=-1),
            reduction="batchmean",
        )
        loss = common.LABEL_WEIGHT * out.loss + common.SOFT_WEIGHT * common.TEMPERATURE**2 * soft
        return (loss, out) if return_outputs else loss


def main() -> None:
    task = common.task(padding={"choices": ("longest", "128")}, precision={"choices": ("fp32", "bf16")})
    padded = task.options.padding == "128"
    clock = common.Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=task.epochs,
            per_device_train_batch_size=common.BATCH_SIZE,
            learning_rate=common.LEARNING_RATE,
            weight_decay=common.WEIGHT_DECAY,
            warmup_steps=round(common.WARMUP_RATIO * task.steps),
            max_grad_norm=common.MAX_GRAD_NORM,
            bf16=task.options.precision == "bf16",
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=0,
        )
        trainer = DistillationTrainer(
            model=task.student,
            teacher=task.teacher,
            args=arguments,
            train_dataset=Rows(task.encode(task.train["texts"], padded=padded), task.train["labels"]),
            data_collator=default_data_collator if padded else DataCollatorWithPadding(task.tokenizer),
        )
        with common.measured(clock):
            trainer.train()
    common.finish(task, clock, transformers=transformers.__version__, torch=torch.__version__)


if __name__ == "__main__":
    main()
