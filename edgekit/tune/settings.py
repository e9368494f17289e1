"""How a decoder is tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgekit.errors import RecipeError
from edgekit.recipe.schema import Training

Method = Literal["full", "lora", "qlora"]
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")
_RATES = {"full": 2e-5, "lora": 2e-4, "qlora": 2e-4}  # of the papers: adapters learn at ten times the rate


@dataclass(frozen=True, slots=True)
class Settings:
    """One supervised fine-tuning.

    `full` trains every weight; `lora` a low-rank sum beside every linear layer (Hu et al., 2022); `qlora` the
    same beside weights frozen in 4 bits (Dettmers et al., 2023).
    """

    method: Method = "lora"
    rank: int = 8  # of each adapter
    alpha: int = 16  # an adapter's sum is scaled by alpha / rank
    adapter_dropout: float = 0.0
    merge: bool = True  # adds the adapters to the weights, so that a plain model of the family is saved
    epochs: int = 3
    batch_size: int = 8  # rows; with packing, packed rows
    gradient_accumulation: int = 1
    learning_rate: float | None = None  # None: 2e-5 for full, 2e-4 for adapters
    max_length: int = 1024  # tokens; what is longer is cut at its end
    packing: bool = False  # several texts in one row of max_length tokens, kept apart
    gradient_checkpointing: bool = False
    validation: float = 0.05  # share of rows held out
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"  # "fp32" | "bf16" | "fp16"
    checkpoint_every_s: float = 60.0

    def check(self) -> None:
        """Raises:
        RecipeError: a value out of range; it is named.
        """
        for wrong, told in (
            (self.method not in METHODS, f"method must be one of {', '.join(METHODS)}"),
            (self.rank < 1, "rank must be at least 1"),
            (self.alpha <= 0, "alpha must be above 0"),
            (not 0 <= self.adapter_dropout < 1, "adapter_dropout must be at least 0 and below 1"),
            (self.max_length < 2, "max_length must be at least 2"),
            (not 0 <= self.validation < 1, "validation must be at least 0 and below 1"),
            (self.learning_rate is not None and self.learning_rate <= 0, "learning_rate must be above 0"),
        ):
            if wrong:
                raise RecipeError(f"{told}.", remedy="Choose a value in range.")

    def training(self, device: str) -> Training:
        """The same for the training loop. There is nothing to page an optimizer to but on CUDA."""
        return Training(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate or _RATES[self.method],
            weight_decay=0.0,
            max_grad_norm=1.0,
            evaluations_per_epoch=1,
            keep_best=self.validation > 0,
            gradient_accumulation=self.gradient_accumulation,
            gradient_checkpointing=self.gradient_checkpointing,
            optimizer="paged-adamw" if self.method == "qlora" and device == "cuda" else "adamw",
            checkpoint_every_s=self.checkpoint_every_s,
        )
