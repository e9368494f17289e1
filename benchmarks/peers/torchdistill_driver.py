"""torchdistill's distillation box, configured as in its text-classification examples; dynamic padding."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import common
import torch
from torch.utils.data import Dataset, RandomSampler
from torchdistill.core.distillation import get_distillation_box
from torchdistill.datasets.registry import register_collate_func
from torchdistill.optim.registry import register_scheduler
from transformers import DataCollatorWithPadding, get_linear_schedule_with_warmup


class Rows(Dataset):
    """Tokenised texts with labels."""

    def __init__(self, encoded: Any, labels: list[int]) -> None:
        self.encoded, self.labels = encoded, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**{k: v[index] for k, v in self.encoded.items()}, "labels": self.labels[index]}


def configuration(task: common.Task) -> dict[str, Any]:
    """What its users write in YAML."""
    logits = {"forward_proc": "forward_batch_only_as_kwargs", "forward_hook": {"output": ["classifier"]}}
    return {
        "num_epochs": task.epochs,
        "train_data_loader": {
            "dataset_id": "train",
            "requires_supp": False,
            "sampler": {"class_or_func": RandomSampler},
            "collate_fn": "dynamic_padding",
            "kwargs": {"batch_size": common.BATCH_SIZE},
        },
        "teacher": {**logits, "requires_grad": False},
        "student": {**logits, "requires_grad": True},
        "optimizer": {
            "key": "AdamW",
            "kwargs": {"lr": common.LEARNING_RATE, "weight_decay": common.WEIGHT_DECAY},
            "max_grad_norm": common.MAX_GRAD_NORM,
        },
        "scheduler": {
            "key": "get_linear_schedule_with_warmup",
            "kwargs": {
                "num_warmup_steps": round(common.WARMUP_RATIO * task.steps),
                "num_training_steps": task.steps,
            },
            "scheduling_step": 1,
        },
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {
                "sub_terms": {
                    "kd": {
                        "criterion": {
                            "key": "KDLoss",
                            "kwargs": {
                                "student_module_path": "classifier",
                                "student_module_io": "output",
                                "teacher_module_path": "classifier",
                                "teacher_module_io": "output",
                                "temperature": common.TEMPERATURE,
                                "alpha": common.LABEL_WEIGHT,
                                "beta": common.SOFT_WEIGHT,
                            },
                        },
                        "weight": 1.0,
                    }
                }
            },
        },
    }


def main() -> None:
    task = common.task()
    register_collate_func(DataCollatorWithPadding(task.tokenizer), key="dynamic_padding")
    register_scheduler(get_linear_schedule_with_warmup)
    rows = Rows(task.encode(task.train["texts"]), task.train["labels"])
    box = get_distillation_box(
        task.teacher,
        task.student,
        {"train": rows},
        configuration(task),
        torch.device("cpu"),
        None,
        False,
        1.0,
    )
    clock = common.Clock()
    with common.measured(clock):
        for epoch in range(box.num_epochs):
            box.pre_epoch_process(epoch=epoch)
            box.teacher_model.eval()
            for batch in box.train_data_loader:
                targets = batch.pop("labels")
                loss = box.forward_process(batch, targets=targets, supp_dict=None)
                box.post_forward_process(loss)
            box.post_epoch_process()
    common.finish(task, clock, torchdistill=version("torchdistill"), torch=torch.__version__)


if __name__ == "__main__":
    main()
