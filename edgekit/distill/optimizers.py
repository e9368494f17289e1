"""What moves the weights: AdamW, two optimizers that need no tuned schedule, and lazy token tables.

Most parameters of a small student are its token table, and a batch uses a few hundred of its rows. A dense
gradient and a dense optimizer step move the whole table through memory for every batch; the lazy ones touch
the used rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.distill import processes
from edgekit.errors import MissingExtra, TrainingError
from edgekit.recipe.schema import Training

if TYPE_CHECKING:
    from torch import Tensor

FUSED = ("cuda", "cpu")  # devices with a kernel that does AdamW's whole step in one pass


def learning_rate_at(step: int, *, total: int, config: Training) -> float:
    """The rate of a step: linear warm-up over `warmup_ratio` of all steps, then linear decay to 0.

    Schedule-free warms up and then stays constant (Defazio et al., 2024); Prodigy finds its own beginning and
    only decays (Mishchenko & Defazio, 2024).
    """
    warmup = max(1, round(config.warmup_ratio * total)) if config.optimizer != "prodigy" else 0
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    if config.optimizer == "schedule-free":
        return config.learning_rate
    return config.learning_rate * max(0.0, (total - step) / max(1, total - warmup))


class Optimizers:
    """All optimizers of one run as one: a main one, and a lazy one for token tables if asked for.

    Args:
        distiller: its parameters that require a gradient are trained.
        tables: `torch.nn.Embedding`s with `sparse=True`, updated row by row.
        device: of the parameters, "cpu", "cuda" or "mps".

    Raises:
        MissingExtra: the chosen optimizer's package is not installed.
    """

    def __init__(self, distiller: Any, tables: Sequence[Any], config: Training, *, device: str) -> None:
        self.lazy = [table.weight for table in tables]
        apart = {id(p) for p in self.lazy}
        self.dense = [p for p in distiller.parameters() if p.requires_grad and id(p) not in apart]
        # Biases and norms are not decayed (Devlin et al., 2019).
        groups = [
            {"params": [p for p in self.dense if p.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [p for p in self.dense if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.all = [_main_optimizer([g for g in groups if g["params"]], config, device=device)]
        if self.lazy:
            self.all.append(lazy_adamw(self.lazy, lr=config.learning_rate, weight_decay=config.weight_decay))
        self.train()

    def set_rate(self, rate: float) -> None:
        """Sets every group's learning rate."""
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def gradients(self) -> list[Tensor]:
        """Every gradient, of a lazy table the used rows' only; what is done to them in place counts."""
        found = [p.grad for p in self.dense if p.grad is not None]
        for weight in self.lazy:
            if weight.grad is not None or processes.count() > 1:
                weight.grad = used_rows(weight)
                found.append(weight.grad._values())  # .values() would copy
        return found

    def step(self) -> None:
        """One step of each."""
        for optimizer in self.all:
            optimizer.step()

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in (*self.dense, *self.lazy):
            parameter.grad = None

    def train(self) -> None:
        """Puts the weights where the next gradient is taken (schedule-free keeps two sets)."""
        for optimizer in self.all:
            if hasattr(optimizer, "train"):
                optimizer.train()

    def eval(self) -> None:
        """Puts the weights where they are judged and shipped."""
        for optimizer in self.all:
            if hasattr(optimizer, "eval"):
                optimizer.eval()


def _main_optimizer(groups: list[dict[str, Any]], config: Training, *, device: str) -> Any:
    import torch

    if config.optimizer == "schedule-free":
        try:
            from schedulefree import AdamWScheduleFree
        except ImportError:
            raise MissingExtra(
                "schedulefree", extra="optimizers", needed_for="optimizer: schedule-free"
            ) from None
        return AdamWScheduleFree(groups, lr=config.learning_rate)
    if config.optimizer == "prodigy":
        try:
            from prodigyopt import Prodigy
        except ImportError:
            raise MissingExtra("prodigyopt", extra="optimizers", needed_for="optimizer: prodigy") from None
        from edgekit.quiet import quiet

        with quiet():
            # Its default first guess, 1e-6, takes a third of a short fine-tuning to grow from.
            return Prodigy(groups, lr=config.learning_rate, use_bias_correction=True, d0=1e-5)
    if config.optimizer == "paged-adamw":
        return _paged(groups, config, device=device)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=device in FUSED)


def _paged(groups: list[dict[str, Any]], config: Training, *, device: str) -> Any:
    """AdamW whose state lies in unified memory (Dettmers et al., 2023), in float32."""
    if device != "cuda":
        raise TrainingError(
            f"optimizer: paged-adamw moves memory between a CUDA device and its host; this is {device!r}.",
            remedy="Use optimizer: adamw.",
        )
    try:
        from bitsandbytes.optim import PagedAdamW32bit
    except ImportError:
        raise MissingExtra("bitsandbytes", extra="tune", needed_for="optimizer: paged-adamw") from None
    return PagedAdamW32bit(groups, lr=config.learning_rate)


def used_rows(weight: Tensor) -> Tensor:
    """The sparse gradient of a token table, one entry per used row, averaged over all processes.

    Args:
        weight: `[V, D]`; its `.grad` is sparse, or None when this process used no row.
    """
    import torch

    grad = weight.grad if weight.grad is not None else torch.zeros_like(weight, layout=torch.sparse_coo)
    grad = grad.coalesce()
    if processes.count() == 1:
        return grad
    count = torch.tensor([grad._nnz()], device=weight.device)
    counts = [torch.empty_like(count) for _ in range(processes.count())]
    torch.distributed.all_gather(counts, count)
    widest = max(int(c) for c in counts)
    rows = torch.zeros(widest, dtype=torch.int64, device=weight.device)
    values = torch.zeros(widest, weight.shape[1], dtype=weight.dtype, device=weight.device)
    rows[: grad._nnz()], values[: grad._nnz()] = grad.indices()[0], grad.values()
    all_rows = [torch.empty_like(rows) for _ in counts]
    all_values = [torch.empty_like(values) for _ in counts]
    torch.distributed.all_gather(all_rows, rows)
    torch.distributed.all_gather(all_values, values)
    real = [slice(int(c)) for c in counts]
    return torch.sparse_coo_tensor(
        torch.cat([r[s] for r, s in zip(all_rows, real, strict=True)])[None],
        torch.cat([v[s] for v, s in zip(all_values, real, strict=True)]) / len(counts),
        weight.shape,
        check_invariants=False,
    ).coalesce()


def lazy_adamw(tables: Sequence[Tensor], *, lr: float, weight_decay: float) -> Any:
    """AdamW (Loshchilov & Hutter, 2019) on the rows that a sparse gradient names, and on no others.

    A row's moments and its decay stand still while no batch uses it; the bias correction counts all steps, as
    in `torch.optim.SparseAdam`. Where every batch uses every row it is AdamW.

    Args:
        tables: `[V, D]` parameters with coalesced sparse gradients.
    """
    import torch
    from torch.optim.adamw import adamw

    class LazyAdamW(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._move(weight, group)

        def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
            state = self.state[weight]
            if not state:
                # The fused kernel wants it beside the weights.
                state["step"] = torch.zeros((), device=weight.device)
                state["exp_avg"] = torch.zeros_like(weight)
                state["exp_avg_sq"] = torch.zeros_like(weight)
            rows, places = weight.grad.indices()[0], (weight, state["exp_avg"], state["exp_avg_sq"])  # type: ignore[union-attr]
            moved, mean, square = (place.index_select(0, rows) for place in places)
            adamw(
                [moved],
                [weight.grad.values()],  # type: ignore[union-attr]
                [mean],
                [square],
                [],
                [state["step"]],
                fused=weight.device.type in FUSED,
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )
            for place, new in zip(places, (moved, mean, square), strict=True):
                place.index_copy_(0, rows, new)

    return LazyAdamW(tables, {"lr": lr, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay})
