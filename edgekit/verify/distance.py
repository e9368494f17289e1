"""How far a tensor is from its reference, on the tensor's own scale."""

from __future__ import annotations

from typing import Any

from edgekit.types import TensorRange

MASK = 1e4  # beyond it an entry is a mask, and says nothing of the scale of the others
LOWEST = -1e30  # float32's minimum or −inf: "never attend here", whatever a package writes for it


def departure(got: Any, wanted: Any) -> float:
    """Root mean square over entries of |got − wanted| / max(|wanted|, s), s being the mean of |wanted|.

    The mean, because the RMS of a tensor with one large channel hides an error in all the others. Both are
    torch tensors of one shape. Entries beyond ±1e4 (masks) are left out of s. An entry that both sides mask,
    or that is not finite in both alike, counts as equal; one that only `got` has not finite makes the result
    infinite.
    """
    import torch

    a, b = got.detach().float(), wanted.detach().float()
    if not a.numel():
        return 0.0
    alike = (a == b) | (a.isnan() & b.isnan()) | ((b <= LOWEST) & (a <= -MASK))
    if bool((~alike & ~(a.isfinite() & b.isfinite())).any()):
        return float("inf")
    plain = b[(b.abs() < MASK)]
    scale = float(plain.double().abs().mean()) if plain.numel() else 0.0
    least = scale if scale > 0 else 1.0
    error = torch.where(alike, 0.0, (a - b).abs() / b.abs().clamp(min=least))
    return float(error.double().square().mean().sqrt())


def range_of(name: str, value: Any) -> TensorRange:
    """What a tensor or number holds, in short."""
    import torch

    tensor = torch.as_tensor(value).detach().float()
    finite = tensor[tensor.isfinite()]
    return TensorRange(
        name=name,
        shape=tuple(tensor.shape),
        low=float(finite.min()) if finite.numel() else None,
        high=float(finite.max()) if finite.numel() else None,
        has_inf=bool(tensor.isinf().any()),
        has_nan=bool(tensor.isnan().any()),
    )
