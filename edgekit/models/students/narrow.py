"""A thinner encoder: attention heads, feed-forward units and width, the most important kept.

Importance and repair follow FLAP (An et al., 2024): a feature that a linear layer reads counts for as much
as it *varies* there, Var(xⱼ)·‖W₍:,ⱼ₎‖², because what a constant feature contributes can be moved into the
bias. That is done here for every feature removed. One pass over 256 rows, no labels and no gradients.

transformers' BERT and its relatives have one width: heads × head size. Fewer heads therefore mean a smaller
width, and the result stays an ordinary model that plain transformers loads:

    heads              width = heads × the teacher's head size
    hidden_size        heads = width ÷ the teacher's head size
    both               head size = hidden_size ÷ heads, not above the teacher's; the weakest pairs of query
                       and key features go, and queries are rescaled so that attention keeps its temperature
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.models import tasks
from edgekit.models.students.layers import layer_stack
from edgekit.models.students.measure import Flow, flows, strongest
from edgekit.models.students.rebuild import rebuilt
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one family keeps the linear layers of a block, relative to it."""

    query: str
    key: str
    value: str
    out: str
    up: str
    down: str
    intermediate: str = "intermediate_size"  # field of the configuration


BERT = Layout(
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
MPNET = Layout(
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "intermediate.dense",
    "output.dense",
)
DISTILBERT = Layout(
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "ffn.lin1",
    "ffn.lin2",
    "hidden_dim",
)
LAYOUTS = {
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "camembert": BERT,
    "electra": BERT,
    "mpnet": MPNET,
    "distilbert": DISTILBERT,
}
SHARED_HEADS = "relative_attention_bias"  # MPNet: one table of head biases for all layers


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of an encoder block."""

    width: int
    heads: int
    intermediate: int

    @property
    def head_size(self) -> int:
        return self.width // self.heads


def narrowed(
    model: Model,
    rows: Rows,
    *,
    heads: int | None = None,
    intermediate_size: int | None = None,
    hidden_size: int | None = None,
) -> Any:
    """A copy of the model's module with fewer heads, feed-forward units or a smaller width.

    Args:
        rows: token rows that importance is measured on; the first 256 are read.

    Raises:
        ModelError: the architecture has another layout, or the sizes don't fit it.
    """
    config = model.module.config
    layout = LAYOUTS.get(config.model_type)
    if layout is None:
        raise ModelError(
            f"{model.name} is a {config.model_type} model, whose heads and width can't be cut.",
            remedy=f"Cut layers or vocabulary only, or use one of {', '.join(LAYOUTS)}.",
        )
    old = Shape(config.hidden_size, config.num_attention_heads, getattr(config, layout.intermediate))
    new = _target(old, heads=heads, intermediate=intermediate_size, width=hidden_size)
    if new == old:
        return model.module
    if getattr(config, "embedding_size", old.width) == new.width < old.width:
        raise ModelError(
            f"student.hidden_size {new.width} is the width of this {config.model_type} model's token table, "
            "which then has no projection to inherit.",
            remedy="Choose another width.",
        )
    return _Cut(model, rows, layout, old, new).module()


def _target(old: Shape, *, heads: int | None, intermediate: int | None, width: int | None) -> Shape:
    for name, value, limit in (
        ("heads", heads, old.heads),
        ("intermediate_size", intermediate, old.intermediate),
        ("hidden_size", width, old.width),
    ):
        if value is not None and value > limit:
            raise ModelError(
                f"The student asks for {name} {value}; its teacher has {limit}.",
                remedy=f"Set student.{name} to {limit} or less.",
            )
    if width is None:
        width = (heads or old.heads) * old.head_size
    if heads is None:
        if width % old.head_size:
            near = max(width // old.head_size, 1) * old.head_size
            raise ModelError(
                f"student.hidden_size {width} is not a multiple of the teacher's head size {old.head_size}.",
                remedy=f"Use {near}, or set student.heads too.",
            )
        heads = width // old.head_size
    if width % heads or width // heads > old.head_size:
        raise ModelError(
            f"student.hidden_size {width} with {heads} heads makes heads of size {width / heads:g}; the "
            f"teacher's have {old.head_size}, and a smaller whole number is needed.",
            remedy=f"Leave hidden_size out (it becomes {heads * old.head_size}), or choose more heads.",
        )
    return Shape(width, heads, intermediate or old.intermediate)


class _Cut:
    """Chooses what each layer keeps, moves the constant part of the rest into biases, and gathers."""

    def __init__(self, model: Model, rows: Rows, layout: Layout, old: Shape, new: Shape) -> None:
        self.source = copy.deepcopy(model.module).cpu()
        self.layout, self.old, self.new = layout, old, new
        self.flows: Mapping[str, Flow] = flows(model, rows)
        _, self.count = tasks.layer_count(self.source.config)
        self.stack = layer_stack(self.source, self.count)
        self.kept: dict[tuple[str, int], Tensor] = {}  # (module name, weight axis) → indices

    def module(self) -> Any:
        import torch

        self.width = strongest(self._width_scores(), self.new.width)
        self._choose_heads()
        for layer in range(self.count):
            up, down = self._name(layer, self.layout.up), self._name(layer, self.layout.down)
            units = strongest(self._scores(down), self.new.intermediate)
            self.kept[up, 0] = self.kept[down, 1] = units
        for name, child in self.source.named_modules():
            if isinstance(child, torch.nn.Linear):
                self._repair(name, child)
        scale = (self.new.head_size / self.old.head_size) ** 0.5
        for layer in range(self.count):
            query = self._linear(self._name(layer, self.layout.query))
            query.weight.data *= scale
            query.bias.data *= scale
        config = copy.deepcopy(self.source.config)
        if getattr(config, "embedding_size", None) == self.old.width:  # ELECTRA without a projection
            config.embedding_size = self.new.width
        config.hidden_size = self.new.width
        config.num_attention_heads = self.new.heads
        setattr(config, self.layout.intermediate, self.new.intermediate)
        return rebuilt(self.source, config, choose=self._indices, added=self._projection(config))

    def _projection(self, config: Any) -> dict[str, Tensor]:
        """A sentence encoder's embedding keeps its size: a projection puts the kept dimensions in place."""
        import torch

        if getattr(self.source, "projection", True) is not None or self.new.width == self.old.width:
            return {}
        config.sentence_size = self.old.width
        weight = torch.zeros(self.old.width, self.new.width)
        weight[self.width, torch.arange(self.new.width)] = 1.0
        return {"projection.weight": weight, "projection.bias": torch.zeros(self.old.width)}

    def _name(self, layer: int, part: str) -> str:
        return f"{self.stack}.{layer}.{part}"

    def _linear(self, name: str) -> Any:
        return self.source.get_submodule(name)

    def _scores(self, name: str) -> Tensor:
        """FLAP importance of each input feature of a Linear, `[in_features]` float64."""
        weight = self._linear(name).weight.detach().double()
        return self.flows[name].variance * weight.square().sum(0)

    def _width_scores(self) -> Tensor:
        """Importance of each dimension of the residual stream, every reader counted alike."""
        import torch

        inner = {self._name(i, p) for i in range(self.count) for p in (self.layout.out, self.layout.down)}
        total = torch.zeros(self.old.width, dtype=torch.float64)
        for name in self.flows:
            if name not in inner and self._linear(name).in_features == self.old.width:
                scores = self._scores(name)
                total += scores / scores.sum().clamp_min(1e-30)
        return total

    def _choose_heads(self) -> None:
        import torch

        heads, size = self.old.heads, self.old.head_size
        scores = [self._scores(self._name(i, self.layout.out)) for i in range(self.count)]
        shared = [n for n, _ in self.source.named_parameters() if SHARED_HEADS in n]
        if shared:
            together = sum(s / s.sum().clamp_min(1e-30) for s in scores)
            by_head = [together.reshape(heads, size).sum(1)] * self.count  # type: ignore[union-attr]
        else:
            by_head = [s.reshape(heads, size).sum(1) for s in scores]
        for layer in range(self.count):
            kept = strongest(by_head[layer], self.new.heads)
            query, key, value, out = (
                self._name(layer, p)
                for p in (self.layout.query, self.layout.key, self.layout.value, self.layout.out)
            )
            norms = [self._linear(n).weight.detach().double().norm(dim=1) for n in (query, key)]
            pairs = (norms[0] * norms[1]).reshape(heads, size)
            values = scores[layer].reshape(heads, size)
            attend = torch.cat([h * size + strongest(pairs[h], self.new.head_size) for h in kept])
            carry = torch.cat([h * size + strongest(values[h], self.new.head_size) for h in kept])
            self.kept[query, 0] = self.kept[key, 0] = attend
            self.kept[value, 0] = self.kept[out, 1] = carry
            for name in shared:
                self.kept[name.removesuffix(".weight"), 1] = kept

    def _repair(self, name: str, linear: Any) -> None:
        """Adds what the removed input features contribute on average to the bias."""
        import torch

        kept = self.kept.get((name, 1))
        if kept is None and linear.in_features == self.old.width:
            kept = self.width
        if kept is None or linear.bias is None or name not in self.flows:
            return
        removed = torch.ones(linear.in_features, dtype=torch.bool)
        removed[kept] = False
        moved = linear.weight.detach().double()[:, removed] @ self.flows[name].mean[removed]
        linear.bias.data += moved.float()

    def _indices(self, key: str, axis: int) -> Tensor:
        return self.kept.get((key.rsplit(".", 1)[0], axis), self.width)
