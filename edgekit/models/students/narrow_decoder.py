"""A thinner decoder of any family: feed-forward units, heads and width, the most important kept.

Importance is measured on training texts, as in Minitron (Muralidharan et al., 2024): of units and heads what
they are there times what reads them, E[xⱼ²]·‖W₍:,ⱼ₎‖²; of channels what the norms make of them. Where the
reader has a bias, what the feature is on average goes there, and only what it varies counts, as in FLAP (An
et al., 2024) and `students.narrow`. One pass over 16 blocks, and one more for the norms.

    intermediate_size  a unit's rows of gate and up, and its column of down; each layer keeps its own
    heads              whole groups: a key head with all queries that share it. Of a single key head's
                       queries (multi-query) any number stays
    hidden_size        the same channels everywhere, of token table, norms and matrices. The norms are told
                       how much smaller what they divide by has become

A head keeps its size, which a configuration states apart from the width, but for GPT-2 and Falcon.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

# The whole file is tensor code, and is itself imported inside functions only.
import torch
from torch import Tensor, nn

from edgekit.errors import ModelError
from edgekit.models.decoders.build import build, read_config
from edgekit.models.decoders.config import DecoderConfig
from edgekit.models.decoders.module import causal_mask
from edgekit.models.decoders.stored import stored
from edgekit.models.students.measure import BLOCKS, Flow, flows_through, require_rows, strongest
from edgekit.models.students.rebuild import rebuilt
from edgekit.types import Model, Rows

INNER = {"gpt2": "n_inner", "falcon": "ffn_hidden_size"}  # family → its name for `intermediate_size`
KEY_HEADS = {"falcon": "num_kv_heads"}
JOINED = ("gpt2", "falcon")  # a head's size is width ÷ heads
WHOLE = ("llama", "gemma3_text")  # transformers wants width ÷ heads whole, although a head's size is stated

# Module → what its weight's rows and columns are; a bias and a norm have rows alone.
AXES: dict[str, tuple[str, ...]] = {
    "embed_tokens": ("tokens", "hidden"),
    "embed_positions": ("positions", "hidden"),
    "lm_head": ("tokens", "hidden"),
    "q_proj": ("queries", "hidden"),
    "k_proj": ("keys", "hidden"),
    "v_proj": ("keys", "hidden"),
    "o_proj": ("hidden", "queries"),
    "gate_proj": ("inner", "hidden"),
    "up_proj": ("inner", "hidden"),
    "down_proj": ("hidden", "inner"),
    "q_norm": ("head",),
    "k_norm": ("head",),
}
NORM = ("hidden",)  # any other module
FIRST = ("q_proj", "up_proj", "lm_head")  # of those that read one norm


def narrowed_decoder(
    model: Model,
    rows: Rows,
    *,
    heads: int | None = None,
    intermediate_size: int | None = None,
    hidden_size: int | None = None,
) -> Any:
    """A copy of a decoder's module with fewer heads, feed-forward units or a smaller width.

    Args:
        model: its module is a transformers `…ForCausalLM`.
        rows: blocks of tokens that importance is measured on; the first 16 are read.

    Returns:
        An ordinary module of the same family, fp32, on the CPU; it shares no memory with the model's.

    Raises:
        ModelError: the sizes don't fit the architecture, or there are no rows.
        ExportError: the family is none of `decoders.build.DECODERS`.
    """
    config = model.module.config
    old = read_config(config)
    made = _resized(config, old, heads=heads, inner=intermediate_size, hidden=hidden_size)
    new = read_config(made)
    if new == old:
        return model.module
    require_rows(model, rows)
    weights = _Cut(model, rows, old, new).weights()
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in type(model.module)(made).state_dict().items()}
    return rebuilt(model.module, made, rename=lambda _: None, added=stored(made, weights, shapes))


def _resized(
    config: Any, old: DecoderConfig, *, heads: int | None, inner: int | None, hidden: int | None
) -> Any:
    """The configuration with other sizes."""
    for name, value, limit in (
        ("heads", heads, old.heads),
        ("intermediate_size", inner, old.inner),
        ("hidden_size", hidden, old.hidden),
    ):
        if value is not None and value > limit:
            raise ModelError(
                f"The student asks for {name} {value}; its teacher has {limit}.",
                remedy=f"Set student.{name} to {limit} or less.",
            )
    if old.family in JOINED and (heads or hidden):
        heads = heads or (hidden or 0) // old.width
        if heads * old.width != (hidden or heads * old.width):
            near = max(1, (hidden or 0) // old.width)
            raise ModelError(
                f"student.hidden_size {hidden} is not {heads} heads of {old.width}: in a {old.family} model "
                "the heads make up the width.",
                remedy=f"Set student.hidden_size to {near * old.width}, and leave student.heads out.",
            )
        hidden = heads * old.width
    heads, hidden = heads or old.heads, hidden or old.hidden
    group = old.group if old.key_heads > 1 else 1
    if heads % group:
        raise ModelError(
            f"student.heads is {heads}, but {group} query heads share a key head and stay together.",
            remedy=f"Set student.heads to a multiple of {group}.",
        )
    if old.alibi and heads != old.heads:
        raise ModelError(
            "Linear biases (ALiBi) give each head its own slope, by its number: heads can't be taken away.",
            remedy="Leave student.heads and student.hidden_size out for this model.",
        )
    if old.family in WHOLE and hidden % heads:
        raise ModelError(
            f"student.hidden_size {hidden} is not a multiple of {heads} heads, as transformers wants of a "
            f"{old.family} model.",
            remedy=f"Set student.hidden_size to {max(1, hidden // heads) * heads}.",
        )
    made = copy.deepcopy(config)
    made.hidden_size, made.num_attention_heads = hidden, heads
    setattr(made, INNER.get(old.family, "intermediate_size"), inner or old.inner)
    if old.family not in JOINED:
        made.head_dim = old.width
    if old.family != "gpt2":
        keys = heads // group if old.key_heads > 1 else 1
        setattr(made, KEY_HEADS.get(old.family, "num_key_value_heads"), keys)
    return made


class _Cut:
    """Measures the decoder, chooses what each layer keeps, and gathers its weights."""

    def __init__(self, model: Model, rows: Rows, old: DecoderConfig, new: DecoderConfig) -> None:
        self.old, self.new = old, new
        self.texts = [torch.tensor([row["input_ids"][: old.positions]]) for row in rows[:BLOCKS]]
        context = max(2, *(ids.shape[1] for ids in self.texts))
        self.twin = build(model.module.config, model.module.state_dict(), context)
        self.names = self.twin.state_dict().keys()
        self.flows: Mapping[str, Flow] = flows_through(self.twin, self._inputs())
        self.kept: dict[
            tuple[str, str], Tensor
        ] = {}  # (kind, layer) → indices; a kind without it stays whole

    def _inputs(self) -> Any:
        for ids in self.texts:
            yield {"input_ids": ids, "causal_mask": causal_mask(ids.shape[1], 0)}, None

    def weights(self) -> dict[str, Tensor]:
        """The student's weights by the module's names."""
        old, new = self.old, self.new
        for i in range(old.layers):
            if new.inner < old.inner:
                self.kept["inner", str(i)] = strongest(self._scores(f"layers.{i}.mlp.down_proj"), new.inner)
            if new.heads < old.heads:
                self._choose_heads(i)
        if new.hidden < old.hidden:
            self._choose_width()
        weights = {name: value.detach() for name, value in self.twin.state_dict().items()}
        self._carry_means(weights)
        if new.hidden < old.hidden:
            self._rescale(weights)
        return {name: self._gathered(name, value) for name, value in weights.items()}

    def _scores(self, name: str) -> Tensor:
        """Importance of each input feature of a Linear, `[in_features]` float64."""
        linear = self.twin.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        return self._seen(name) * linear.weight.detach().double().square().sum(0)

    def _seen(self, name: str) -> Tensor:
        """Mean square of each input feature, without what a bias can take over."""
        flow = self.flows[name]
        return flow.power if f"{name}.bias" not in self.names else flow.variance

    def _choose_heads(self, layer: int) -> None:
        old, new, size = self.old, self.new, self.old.width
        by_head = self._scores(f"layers.{layer}.self_attn.o_proj").reshape(old.heads, size).sum(1)
        if old.key_heads > 1:
            keys = strongest(by_head.reshape(old.key_heads, old.group).sum(1), new.key_heads)
            self.kept["keys", str(layer)] = _spread(keys, size)
            heads = _spread(keys, old.group)
        else:
            heads = strongest(by_head, new.heads)
        self.kept["queries", str(layer)] = _spread(heads, size)

    def _choose_width(self) -> None:
        """Channels of the residual stream by what comes out of the norms over it, each norm counted alike.

        On SmolLM2, a quarter of whose channels went, 2.8 nats; with the readers' weights 3.0.
        """
        total = torch.zeros(self.old.hidden, dtype=torch.float64)
        for name in self.flows:
            if name.rpartition(".")[2] in FIRST:
                seen = self._seen(name).sqrt()
                total += seen / seen.sum().clamp_min(1e-30)
        self.kept["hidden", ""] = strongest(total, self.new.hidden)

    def _indices(self, name: str, kind: str) -> Tensor | None:
        return self.kept.get((kind, "" if kind == "hidden" else _layer(name)))

    def _carry_means(self, weights: dict[str, Tensor]) -> None:
        """Adds what removed features contribute on average to the biases that there are."""
        for name, flow in self.flows.items():
            kept, bias = self._indices(name, _axes(name)[-1]), weights.get(f"{name}.bias")
            if kept is not None and bias is not None:
                removed = torch.ones(len(flow.mean), dtype=torch.bool)
                removed[kept] = False
                moved = weights[f"{name}.weight"].double()[:, removed] @ flow.mean[removed]
                weights[f"{name}.bias"] = bias + moved.float()

    def _rescale(self, weights: dict[str, Tensor]) -> None:
        """Makes up for what the norms, and Gemma's embeddings, take from the number of channels."""
        for name, (shrunk, moved) in self._norm_changes().items():
            scale = weights[f"{name}.weight"]
            weights[f"{name}.weight"] = scale * shrunk
            if f"{name}.bias" in weights:
                weights[f"{name}.bias"] = weights[f"{name}.bias"] - scale * moved
        ratio = self.old.embedding_scale / self.new.embedding_scale
        if ratio != 1.0:
            weights["embed_tokens.weight"] = weights["embed_tokens.weight"] * ratio
            if self.new.tied:
                weights["lm_head.weight"] = weights["embed_tokens.weight"]
                weights["norm.weight"] = weights["norm.weight"] / ratio

    def _norm_changes(self) -> dict[str, tuple[float, float]]:
        """By norm: its divisor over kept channels ÷ over all, and how far its centre moves, in divisors."""
        kept, centred = self.kept["hidden", ""], self.old.norm == "layer"
        sums: dict[str, Tensor] = {}
        tokens = sum(ids.shape[1] for ids in self.texts)

        def watch(name: str) -> Any:
            def hook(_: Any, inputs: tuple[Tensor, ...]) -> None:
                whole, part = inputs[0].double(), inputs[0][..., kept].double()
                centres = [x.mean(-1) if centred else x.new_zeros(()) for x in (whole, part)]
                roots = [
                    ((x - centre[..., None]).square().mean(-1) + self.old.epsilon).sqrt()
                    for x, centre in zip((whole, part), centres, strict=True)
                ]
                told = torch.stack(
                    ((roots[1] / roots[0]).sum(), ((centres[0] - centres[1]) / roots[0]).sum())
                )
                sums[name] = sums.get(name, torch.zeros_like(told)) + told

            return hook

        norms = {n: m for n, m in self.twin.named_modules() if f"{n}.weight" in self._hidden_norms()}
        handles = [m.register_forward_pre_hook(watch(n)) for n, m in norms.items()]
        try:
            with torch.no_grad():
                for inputs, _ in self._inputs():
                    self.twin(**inputs)
        finally:
            for handle in handles:
                handle.remove()
        return {name: (float(total[0] / tokens), float(total[1] / tokens)) for name, total in sums.items()}

    def _hidden_norms(self) -> set[str]:
        return {name for name in self.names if _axes(name.rpartition(".")[0]) is NORM}

    def _gathered(self, name: str, value: Tensor) -> Tensor:
        for axis, kind in enumerate(_axes(name.rpartition(".")[0])[: value.ndim]):
            kept = self._indices(name, kind)
            if kept is not None:
                value = value.index_select(axis, kept)
        return value


def _axes(module: str) -> tuple[str, ...]:
    return AXES.get(module.rpartition(".")[2], NORM)


def _layer(name: str) -> str:
    """The number of the layer that a weight belongs to; "" outside of layers."""
    return name.split(".")[1] if name.startswith("layers.") else ""


def _spread(chosen: Tensor, size: int) -> Tensor:
    """Numbers of blocks of `size` → the indices in them."""
    return (chosen[:, None] * size + torch.arange(size)).flatten()
