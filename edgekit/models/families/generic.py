"""Any transformers model behind the export interface: tensors in signature order in, its answer out."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Transformers(nn.Module):
    """Calls a transformers model by keyword and returns its logits alone, `[B, C]` or `[B, L, C]`."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **extra).logits
