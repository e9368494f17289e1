"""Which tensor of the PyTorch module an operation of the package computes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgekit.types import OperationSource, TracedTensor, TrailPoint

# What coremltools' passes append to the names of torch.export's nodes.
_SUFFIX = re.compile(r"(_cast(_u?int\d+|_fp\d+)?|_to_(fp16|fp32))+$")


class Matcher:
    """Matches by what the exporter recorded; in a package from elsewhere by coremltools' names.

    Args:
        sources: output name → its source; empty when nothing was recorded.
        traced: the module's tensors; empty when there is no module.
    """

    def __init__(self, sources: Mapping[str, OperationSource], traced: Sequence[TracedTensor]) -> None:
        self._sources = sources
        self._traced = traced
        self._by_key = {tensor.key: tensor for tensor in traced}
        self._by_name = {tensor.name: tensor for tensor in traced}

    def find(self, name: str, value: Any) -> TracedTensor | None:
        """The module's tensor of the same place and shape."""
        found = self._candidate(name)
        return found if found is not None and found.value.shape == value.shape else None

    def _candidate(self, name: str) -> TracedTensor | None:
        if not self._sources:
            return self._named(name)
        source = self._sources.get(name)
        found = self._by_key.get(source.key) if source else None
        # The exporter puts a module of its own around; another path means that it is another module.
        return found if source and found and found.module == source.module else None

    def _named(self, name: str) -> TracedTensor | None:
        plain = _SUFFIX.sub("", name)
        # A node called like an operation, `linear`, becomes `linear_0`.
        return self._by_name.get(plain) or self._by_name.get(plain.removesuffix("_0"))

    def module(self, name: str) -> str:
        """Dotted path of the module that an output came from; "" when it isn't known."""
        return self._place(name, "module")

    def line(self, name: str) -> str:
        """Source line that an output came from; "" when it isn't known."""
        return self._place(name, "line")

    def _place(self, name: str, field: str) -> str:
        place = self._sources.get(name) or (None if self._sources else self._named(name))
        return str(getattr(place, field)) if place else ""

    def notes(self, points: Mapping[Any, TrailPoint]) -> Iterable[str]:
        """What kept tensors from being compared."""
        if self._traced and not any(p.reference_error is not None for p in points.values()):
            yield (
                "No operation of the package could be matched with a tensor of the PyTorch module; "
                "only the loss by rounding was judged."
            )
