"""What a training really takes in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgekit.tune.memory import Memory


def weight_bytes(model: Any) -> int:
    """Of all parameters, with the scales of those in 4 bits."""
    import torch

    def of(tensors: Any) -> int:
        return sum(t.numel() * t.element_size() for t in tensors if isinstance(t, torch.Tensor))

    total = of(model.parameters())
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            nested = state.state2
            total += of((state.absmax, state.code, state.offset))
            total += of((nested.absmax, nested.code)) if nested is not None else 0
    return total


class Meter:
    """Watches one training of a model that is loaded.

    Args:
        device: on CUDA the allocator's own numbers count, elsewhere the resident memory of this process.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._weights = self._trained = self._optimizer = 0
        self._gradients: dict[int, int] = {}
        self._peak: int | None = None

    @contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        """Counts gradients and optimizer state as they come, and the peak."""
        import torch
        from torch.optim.optimizer import register_optimizer_step_post_hook

        trained = [p for p in model.parameters() if p.requires_grad]
        self._weights, self._trained = weight_bytes(model), sum(p.numel() for p in trained)
        hooks = [p.register_post_accumulate_grad_hook(self._gradient) for p in trained]
        hooks.append(register_optimizer_step_post_hook(self._stepped))
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        else:
            before = _forget_peak()
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            peak = torch.cuda.max_memory_allocated() if self._cuda else _resident_peak()
            self._peak = None if peak is None else peak - before

    def memory(self, method: str) -> Memory:
        """What was seen; activations are what the peak holds beyond the model, gradients and optimizer."""
        gradients = sum(self._gradients.values())
        known = gradients + self._optimizer
        # A run that was finished before has made no step.
        rest = max(0, self._peak - known) if self._peak is not None and gradients else None
        return Memory(method, self._weights, gradients, self._optimizer, rest, self._trained)

    def _gradient(self, parameter: Any) -> None:
        self._gradients[id(parameter)] = parameter.grad.numel() * parameter.grad.element_size()

    def _stepped(self, optimizer: Any, *_: Any) -> None:
        import torch

        self._optimizer = sum(
            value.numel() * value.element_size()
            for state in optimizer.state.values()
            for value in state.values()
            if isinstance(value, torch.Tensor)
        )


def _forget_peak() -> int:
    """Resident bytes now. Linux: the peak of this process counts from here on (proc_pid_clear_refs(5))."""
    import ctypes
    import gc
    import platform

    import psutil

    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)  # what was freed while loading is not there to be filled unseen
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text("5")
    return int(psutil.Process().memory_info().rss)


def _resident_peak() -> int | None:
    """Bytes; None where the system doesn't tell since when it counts."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = status.read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
