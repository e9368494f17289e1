"""What every stage of one run shares: the recipe, the assets, the rows and the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgekit.files import sha256_json
from edgekit.recipe.schema import Recipe
from edgekit.stages.store import Store
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import CurvePoint, Rows, Source, Split, Splits

if TYPE_CHECKING:
    from edgekit.data.tokens import TokenStats
    from edgekit.distill.device import Placement
    from edgekit.types import Model


def identity(processor: Any) -> str:
    """Hash of a fast tokenizer's own description, whatever it was told to cut or pad last; or of how images
    are prepared.
    """
    if hasattr(processor, "identity"):
        return str(processor.identity)
    told = json.loads(processor.backend_tokenizer.to_str())
    return sha256_json({**told, "truncation": None, "padding": None, "inputs": processor.model_input_names})


@dataclass(frozen=True, slots=True)
class _Encoded:
    rows: Rows
    labels: tuple[Any, ...]
    stats: TokenStats


@dataclass
class Context:
    """One run over one folder. Rows and models are made when first needed."""

    recipe: Recipe
    store: Store
    sources: dict[str, Source]  # "teacher", "data", perhaps "test data" and transfer sources
    splits: Splits
    threads: int | None = None
    watch: Callable[[CurvePoint], None] | None = None  # told each evaluation of the student in training
    loaded: dict[str, Model] = field(default_factory=dict)
    _tokenised: dict[str, _Encoded] = field(default_factory=dict)  # by texts and tokenizer
    _judged: dict[str, tuple[Rows, Sequence[Any]]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.store.folder

    @cached_property
    def placement(self) -> Placement:
        from edgekit.distill.device import place

        return place(self.recipe.device, self.recipe.precision)

    @cached_property
    def base(self) -> Model:
        """The teacher as it was fetched. Nobody trains this copy."""
        return self.load_base()

    def load_base(self) -> Model:
        """A new copy of the teacher as it was fetched, with a fresh head when the recipe trains one."""
        import torch

        from edgekit.models.load import load_model

        finetune = self.recipe.teacher.finetune
        torch.manual_seed(self.recipe.seed)  # a fresh head starts from the recipe's seed
        return load_model(
            self.sources["teacher"],
            name="teacher",
            task=self.recipe.task,
            labels=self.splits.label_names,
            max_length=self.recipe.data.max_length,
            sampling_rate=self.recipe.data.sampling_rate,
            fresh_head=finetune is not None,
            dropout=finetune.dropout if finetune else None,
        )

    @property
    def processor(self) -> Any:
        return self.base.processor

    @property
    def max_length(self) -> int:
        return self.base.signature.max_length or self.recipe.data.max_length

    @property
    def rate(self) -> dict[str, int]:
        """What rows of sounds to learn from depend on, for the keys of stages; nothing for others."""
        data = self.recipe.data
        if get_task(self.recipe.task).reads != "audio":
            return {}
        return {
            "sampling_rate": data.sampling_rate,
            "samples": data.max_length,
            "time_shift": data.time_shift,
        }

    @cached_property
    def transfer(self) -> tuple[Any, ...]:
        """Inputs that only a teacher labels: transfer texts, then changed copies of training texts.

        None of them stands in a labelled split, and no text comes twice.
        """
        augment = self.recipe.data.augment
        if augment is None:
            return self.splits.unlabelled.inputs
        from edgekit.data.augment import changed_copies
        from edgekit.data.transfer import unseen

        table = self.base.module.get_input_embeddings().weight.detach().numpy()
        copies = changed_copies(
            self.splits.train.inputs, augment, processor=self.processor, table=table, seed=self.recipe.seed
        )
        return self.splits.unlabelled.inputs + unseen(copies, self.splits)

    @property
    def transfer_key(self) -> str:
        """Hash of what distillation reads beyond the labelled rows; for the keys of its stages."""
        augment = self.recipe.data.augment
        return sha256_json(
            {
                "data": self.splits.fingerprint,
                "unlabelled": sha256_json(self.splits.unlabelled.inputs),
                "augment": augment and augment.model_dump(mode="json"),
                "embeddings": augment and self.sources["teacher"].sha256,
            }
        )

    def rows_for(self, processor: Any, *, transfer: bool = True) -> Rows:
        """Training rows in the tokens of one tokenizer; tokenised once for each.

        Args:
            processor: the teacher's tokenizer, or that of a student with a vocabulary of its own.
            transfer: whether unlabelled rows follow the labelled ones; only distillation has a use for them.
        """
        rows = self._encoded("train", self.splits.train, processor).rows
        if not transfer or not self.transfer:
            return rows
        return [*rows, *self._encoded("transfer", Split(self.transfer), processor).rows]

    def labels_for(self, processor: Any, *, transfer: bool = True) -> tuple[Any, ...]:
        """The label of each row of `rows_for`, as `task.truth` says; None where only a teacher knows it."""
        labels = self._encoded("train", self.splits.train, processor).labels
        return labels + (None,) * len(self.transfer) if transfer else labels

    @property
    def token_stats(self) -> TokenStats:
        """How long the labelled training texts are."""
        return self._encoded("train", self.splits.train, self.processor).stats

    def judged(self, split: Literal["validation", "test"], processor: Any) -> tuple[Rows, Sequence[Any]]:
        """Rows that a model with this tokenizer is judged on, masks in place, and one truth for each."""
        from edgekit.data.judged import judged_rows

        key = f"{split} {identity(processor)}"
        if key not in self._judged:
            self._judged[key] = judged_rows(
                self.recipe.task, processor, getattr(self.splits, split), self.max_length
            )
        return self._judged[key]

    def _encoded(self, name: str, split: Split, processor: Any) -> _Encoded:
        from edgekit.data.documents import token_blocks
        from edgekit.data.token_labels import token_labels
        from edgekit.data.tokens import TokenStats, tokenise_with_stats

        key = f"{name} {identity(processor)}"
        if key not in self._tokenised and self.recipe.task == TEXT_GENERATION.name:
            blocks = token_blocks(processor, split.inputs, self.max_length)
            full = self.max_length
            stats = TokenStats(len(blocks), full, p50=full, p90=full, p99=full, longest=full, cut=0)
            self._tokenised[key] = _Encoded(blocks, (), stats)
        elif key not in self._tokenised:
            rows, stats = tokenise_with_stats(processor, split.inputs, self.max_length)
            labels: Sequence[Any] = split.labels or [None] * len(split)
            if split.labels and get_task(self.recipe.task).truth == "tags":
                labels = token_labels(processor, split.inputs, split.labels, self.max_length)[1]
            self._tokenised[key] = _Encoded(rows, tuple(labels), stats)
        return self._tokenised[key]

    def provenance(self, **more: Any) -> dict[str, Any]:
        """Hashes of what a result was made from."""
        return {
            "recipe": self.recipe.name,
            "recipe_sha256": sha256_json(self.recipe.model_dump(mode="json")),
            "data_fingerprint": self.splits.fingerprint,
            "teacher_source": self.sources["teacher"].uri,
            "teacher_sha256": self.sources["teacher"].sha256,
            **more,
        }
