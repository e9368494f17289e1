"""Several processes as one: `accelerate launch` and `torchrun` start them, Accelerate connects them.

Every process trains the same weights on its slice of each batch; the main one alone writes, judges and talks.
All of them must reach the same calls in the same order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from edgekit.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

PATIENCE = timedelta(hours=2)  # the others wait while the main process judges or asks the teacher

# Seconds for Gloo's threads to drop the tensors of the last exchange. Destroying the group does not join them
# where anything still refers to it (FSDP's operators do), and one that frees a Python tensor while the
# interpreter shuts down aborts it: "terminate called without an active exception" (PyTorch PR 179291).
BREATH = 0.2

_alone = False  # whether `leave` was called


def count() -> int:
    """How many processes this run has; 1 unless a launcher started it."""
    return 1 if _alone else int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_main() -> bool:
    """Whether this is the process that writes and talks."""
    return rank() == 0


def join(device: str) -> Any:
    """Connects this process with the others; returns the `torch.device` it computes on.

    Args:
        device: "cpu", "cuda" or "mps"; each process of a machine gets a CUDA device of its own.
    """
    import torch

    if count() == 1:
        return torch.device(device)
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
    return torch.device(state.device)


def leave() -> None:
    """Parts from the others, when all have reached this call; from here on, each is a run of its own."""
    global _alone
    if count() == 1:
        return
    import torch
    from accelerate.state import PartialState

    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
        time.sleep(BREATH)
    PartialState._reset_state()
    _alone = True


def from_main(make: Callable[[], T], *, device: str) -> T:
    """What `make` returns in the main process, in every process; the others don't call it."""
    if count() == 1:
        return make()
    import torch

    on = join(device)
    told: list[Any] = [make() if is_main() else None]
    torch.distributed.broadcast_object_list(told, src=0, device=on)
    return told[0]


def summed(tensor: Tensor) -> Tensor:
    """Sum of a tensor over all processes, in place."""
    if count() > 1:
        import torch

        torch.distributed.all_reduce(tensor)
    return tensor


def replicate(module: Any, device: Any, *, leave_out: list[str]) -> Any:
    """The module with gradients averaged over all processes (DistributedDataParallel).

    Args:
        leave_out: names of parameters whose gradients are exchanged elsewhere.
    """
    if count() == 1:
        return module
    from torch.nn.parallel import DistributedDataParallel

    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, leave_out)
    return DistributedDataParallel(
        module,
        device_ids=[device.index] if device.type == "cuda" else None,
        find_unused_parameters=True,  # early exits, poolers and peers need not all be in every loss
    )


@contextmanager
def lost_ones() -> Iterator[None]:
    """Turns a broken connection to another process into an error that says how to go on.

    Raises:
        TrainingError: another process of this run has ended.
    """
    try:
        yield
    except RuntimeError as error:
        import torch

        broken = isinstance(error, torch.distributed.DistError) or "gloo" in str(error).lower()
        if count() == 1 or not broken:
            raise
        raise TrainingError(
            f"Process {rank()} of {count()} lost its connection to another one: training stopped.",
            remedy="Start the same command again; it continues from the last checkpoint.",
        ) from error
