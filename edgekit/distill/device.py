"""Chooses the device and the arithmetic of training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how to compute."""

    device: str  # "cpu" | "cuda" | "mps"
    precision: str  # "fp32" | "bf16" | "fp16" (autocast; the weights stay fp32)


def place(device: str = "auto", precision: str = "auto") -> Placement:
    """Resolves "auto": CUDA, else MPS, else the CPU; bf16 wherever the hardware multiplies it natively.

    Raises:
        TrainingError: the device that was asked for is not there, or it cannot train in fp16.
    """
    import torch

    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device == "auto":
        device = next(d for d in ("cuda", "mps", "cpu") if there[d])
    if not there[device]:
        raise TrainingError(
            f"The device {device!r} was asked for, and PyTorch finds none.",
            remedy="Use --device auto, or install a PyTorch build for this device (see `edgekit doctor`).",
        )
    if precision == "fp16" and device == "cpu":
        raise TrainingError(
            "Training in fp16 was asked for on the CPU, which has no fast fp16 arithmetic.",
            remedy="Use precision=auto, which takes bf16 where the CPU has it, or precision=fp32.",
        )
    if precision == "auto":
        native = {
            "cuda": lambda: torch.cuda.is_bf16_supported(),
            "mps": lambda: False,  # autocast on MPS is slower than fp32 for small encoders
            "cpu": _cpu_has_bf16,
        }
        precision = "bf16" if native[device]() else "fp32"
    return Placement(device, precision)


def autocast(placement: Placement) -> Callable[[], AbstractContextManager[Any]]:
    """A maker of autocast contexts for forward passes; with fp32 they change nothing."""
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": None}[placement.precision]
    return lambda: torch.autocast(placement.device, dtype=dtype, enabled=dtype is not None)


def _cpu_has_bf16() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return False
    flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return "avx512_bf16" in flags or "amx_bf16" in flags
