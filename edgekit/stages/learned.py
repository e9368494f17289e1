"""The ranges of activations that quantization-aware training left with a model, for its export module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.stages.artifacts import Workbench


def learned_inputs(bench: Workbench) -> dict[str, tuple[float, float]]:
    """Linear layer of the export module → the smallest and largest value of its input; empty: none.

    Training names layers as transformers does, the export module as its family does: they are matched by
    their weights. A layer that has no part in the answer (an unread pooler) is in the one alone.
    """
    import torch

    from edgekit.models.save import read_ranges

    ranges = read_ranges(bench.model.source.path)
    if not ranges:
        return {}
    trained = bench.model.module
    by_weight = {_content(trained.get_submodule(name).weight): span for name, span in ranges.items()}
    return {
        name: by_weight[content]
        for name, layer in bench.exportable.module.named_modules()
        if isinstance(layer, torch.nn.Linear) and (content := _content(layer.weight)) in by_weight
    }


def _content(weight: Any) -> tuple[tuple[int, ...], bytes]:
    import hashlib

    values = weight.detach().to("cpu").float().contiguous().numpy()
    return values.shape, hashlib.sha256(values).digest()
