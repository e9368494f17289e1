"""A frozen teacher that does not fit on one device, spread over all of them (FSDP; Zhao et al., 2023).

`accelerate launch --use_fsdp … -m edgekit run RECIPE` asks for it. The student is replicated as ever: it is
small, and its weights, optimizer and checkpoints stay whole.
"""

from __future__ import annotations

import os
from typing import Any

from edgekit.distill import processes


def spread(module: Any, device: Any) -> Any:
    """Puts a frozen model on its device, or a share of each layer on each process's device.

    A spread model answers only when all processes ask it together, equally often. It is not for training.

    Args:
        module: on the CPU, whole; changed in place.
        device: of this process, see `processes.join`.
    """
    if not wanted():
        return module.to(device)
    import torch
    from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard

    module.requires_grad_(False)
    mesh = torch.distributed.init_device_mesh(device.type, (processes.count(),))
    offload = CPUOffloadPolicy() if _true("FSDP_OFFLOAD_PARAMS") else OffloadPolicy()
    lists = [part for part in module.modules() if isinstance(part, torch.nn.ModuleList)]
    # Layer by layer, so that one whole layer at a time is gathered.
    for layer in max(lists, key=len, default=()):
        fully_shard(layer, mesh=mesh, offload_policy=offload)
    return fully_shard(module, mesh=mesh, offload_policy=offload)


def wanted() -> bool:
    """Whether several processes run and `accelerate launch --use_fsdp` asked for it."""
    return processes.count() > 1 and _true("ACCELERATE_USE_FSDP")


def _true(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes")
