"""What a student will weigh and take, known before it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.batches import is_padded
from edgekit.files import human
from edgekit.quiet import quiet
from edgekit.tasks import get_task
from edgekit.types import Model

ROW = {"image": "an image", "audio": "a sound"}  # what a task reads → one of them


@dataclass(frozen=True, slots=True)
class StudentCost:
    """Sizes of a model, and the work of one row."""

    parameters: int
    embedding_parameters: int  # of all embedding tables, positions and types included
    bytes_fp32: int
    bytes_int8: int  # matrices with 1 byte a weight, vectors with 4: the least an int8 file can have
    flops: int  # of one row; a multiplication and an addition count as two
    row: str  # "16 tokens", "an image"

    def __str__(self) -> str:
        share = self.embedding_parameters / self.parameters if self.parameters else 0.0
        return (
            f"{self.parameters / 1e6:.1f} M parameters ({share:.0%} of them embeddings), "
            f"{human(self.bytes_fp32)} in fp32, {human(self.bytes_int8)} in int8, "
            f"{self.flops / 1e6:,.0f} MFLOPs for {self.row}"
        )


def cost(model: Model, *, length: int) -> StudentCost:
    """Counts a model's weights, and the FLOPs of its matrix products on one row of `length` tokens.

    One row is really run, under PyTorch's own counter; elementwise work, small beside it, isn't counted.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    module = model.module
    device = next(module.parameters()).device
    interface = model.signature.inputs
    inputs = {
        spec.name: torch.full(
            (1, length) if is_padded(spec) else (1, *map(int, spec.shape[1:])),
            int(spec.name == "attention_mask"),
            dtype=getattr(torch, spec.dtype),
            device=device,
        )
        for spec in interface
    }
    counter = FlopCounterMode(display=False)
    training = module.training
    # A fused LSTM and fused attention hide their products from the counter; PyTorch's plain ones show them.
    plain = torch.backends.mkldnn.flags(enabled=False)
    try:
        with quiet(), torch.no_grad(), plain, sdpa_kernel(SDPBackend.MATH), counter:
            module.eval()(**inputs)
    finally:
        module.train(training)
    parameters = list(module.parameters())
    total = sum(p.numel() for p in parameters)
    matrices = sum(p.numel() for p in parameters if p.ndim > 1)
    embeddings = sum(
        p.numel() for m in module.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()
    )
    return StudentCost(
        parameters=total,
        embedding_parameters=embeddings,
        bytes_fp32=4 * total,
        bytes_int8=matrices + 4 * (total - matrices),
        flops=counter.get_total_flops(),
        row=f"{length} tokens" if is_padded(interface[0]) else ROW[get_task(model.signature.task).reads],
    )
