"""What every stage of one run shares: the recipe, the assets, the rows and the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.files import sha256_json
from edgekit.recipe.schema import Recipe
from edgekit.stages.store import Store
from edgekit.types import Rows, Source, Splits

if TYPE_CHECKING:
    from edgekit.data.tokens import TokenStats
    from edgekit.distill.device import Placement
    from edgekit.types import Model


@dataclass
class Context:
    """One run over one folder. Rows and models are made when first needed."""

    recipe: Recipe
    store: Store
    sources: dict[str, Source]  # "teacher", "data", perhaps "test data"
    splits: Splits
    threads: int | None = None
    loaded: dict[str, Model] = field(default_factory=dict)

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
            fresh_head=finetune is not None,
            dropout=finetune.dropout if finetune else None,
        )

    @property
    def processor(self) -> Any:
        return self.base.processor

    @property
    def max_length(self) -> int:
        return self.base.signature.max_length or self.recipe.data.max_length

    @cached_property
    def _tokenised(self) -> tuple[Rows, TokenStats]:
        from edgekit.data.tokens import tokenise_with_stats

        return tokenise_with_stats(self.processor, self.splits.train.inputs, self.max_length)

    @property
    def train_rows(self) -> Rows:
        return self._tokenised[0]

    @property
    def token_stats(self) -> TokenStats:
        return self._tokenised[1]

    @cached_property
    def validation_rows(self) -> Rows:
        from edgekit.data.tokens import tokenise

        return tokenise(self.processor, self.splits.validation.inputs, self.max_length)

    @cached_property
    def test_rows(self) -> Rows:
        from edgekit.data.tokens import tokenise

        return tokenise(self.processor, self.splits.test.inputs, self.max_length)

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
