"""A tiny classifier after a few steps of quantization-aware training that learns ranges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from edgekit.export.exportable import Exportable
from edgekit.models.families import export_module
from edgekit.models.load import load_model
from edgekit.models.students import int8
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.plan import plan_int8
from edgekit.types import LayerPrecision, Quantized, Source


class Learned:
    """What training left: the plain model with rounded weights, its ranges, and what the fake-quantized
    module answered to `batches` of three rows."""

    def __init__(self, folder: Path, *, target: str) -> None:
        torch.manual_seed(0)
        self.model = load_model(Source("t", "0" * 64, folder), name="t", dropout=0.0, max_length=32)
        module = self.model.module
        for weight in module.parameters():
            weight.data += 0.1 * torch.randn_like(weight)  # activations large enough for rounding to show
        int8.apply(module, everything(plan_int8(module, name="t", target=target)), learn_ranges=True)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
        for seed in range(5):
            loss = module.train()(**self.inputs(seed, batch=4), labels=torch.tensor([0, 1, 1, 0])).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        module.eval()
        self.batches = [self.inputs(100 + seed, batch=3) for seed in range(8)]
        with torch.no_grad():
            self.expected = np.stack([module(**inputs).logits.numpy() for inputs in self.batches])
            int8.remove(module)
            self.unrounded = np.stack([module(**inputs).logits.numpy() for inputs in self.batches])
        self.ranges: dict[str, tuple[float, float]] = module.input_ranges
        self.weights = {n: module.get_parameter(f"{n}.weight").detach().numpy() for n in self.ranges}
        self.exportable = Exportable(
            name="t",
            module=export_module(module, max_length=32),
            signature=self.model.signature,
            processor=self.model.processor,
            example=dummy_inputs(module, self.model.signature, batch=2, length=9),
            provenance={},
            parameters=self.model.parameters,
        )

    def inputs(self, seed: int, *, batch: int) -> dict[str, torch.Tensor]:
        """Random tokens, the last row padded."""
        torch.manual_seed(seed)
        inputs = dummy_inputs(self.model.module, self.model.signature, batch=batch, length=12)
        inputs["input_ids"] %= len(self.model.processor)
        return inputs


def everything(plan: Quantized) -> Quantized:
    """The tiny layers too, which a real plan leaves alone."""

    def stored(layer: LayerPrecision) -> LayerPrecision:
        table = "embeddings" in layer.name
        if "only" not in layer.skipped_because or (table and "word" not in layer.name):
            return layer
        kind = "per_tensor" if table and plan.target != "coreml" else "per_channel"
        return LayerPrecision(layer.name, 8, kind, scheme="int8" if table else plan.scheme)

    return replace(plan, layers=tuple(map(stored, plan.layers)))
