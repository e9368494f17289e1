"""What varies between decoder families, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from edgekit.errors import ExportError


@dataclass(frozen=True, slots=True)
class Rotary:
    """Rotary position embedding (Su et al., 2021) of the first `width` of a head's values."""

    frequencies: tuple[float, ...]  # radians per position, one for each pair of values, scaling included
    factor: float = 1.0  # on cosines and sines (YaRN, LongRoPE)

    @property
    def width(self) -> int:
        return 2 * len(self.frequencies)


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """One decoder. Sizes are counts of values, heads, layers or tokens."""

    family: str  # transformers' model_type
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    key_heads: int  # 1: multi-query; `heads`: each its own; between: grouped (Ainslie et al., 2023)
    width: int  # of a head
    inner: int  # of the feed-forward network
    positions: int  # the longest text that it was made for
    activation: str  # a name in `families.blocks.ACTIVATIONS`
    gated: bool  # down(act(gate(x)) · up(x)) (Shazeer, 2020), or down(act(up(x)))
    norm: Literal["rms", "layer"]
    epsilon: float  # of every norm
    # "sequential": norm, attention, add, norm, feed-forward, add. "parallel": both read the same norm of the
    # same input. "parallel-two-norms": each reads its own norm of the same input.
    block: Literal["sequential", "parallel", "parallel-two-norms"] = "sequential"
    out_norms: bool = False  # a norm after attention and feed-forward too, before the residual (Gemma)
    query_key_norm: bool = False  # an RMSNorm over each head's queries and keys, before they are rotated
    attention_bias: bool = False  # of queries, keys and values
    output_bias: bool = False  # of the attention's output
    mlp_bias: bool = False
    head_bias: bool = False
    scale: float | None = None  # on query · key; None: width^−½
    rotary: Rotary | None = None
    sliding_rotary: Rotary | None = None  # of sliding layers; None: as `rotary`
    alibi: bool = False  # linear biases (Press et al., 2022)
    learned_positions: bool = False  # a table, added to the embeddings
    window: int | None = None  # tokens that a sliding layer sees, its own included
    sliding: tuple[bool, ...] = ()  # layer → whether it slides; empty: none does
    embedding_scale: float = 1.0
    logit_cap: float | None = None  # c · tanh(logits / c)
    tied: bool = True  # whether the head is the token table

    @property
    def score_scale(self) -> float:
        """What query · key is multiplied by."""
        return self.width**-0.5 if self.scale is None else self.scale

    @property
    def group(self) -> int:
        """Query heads that share a key head."""
        return self.heads // self.key_heads

    def slides(self, layer: int, context: int) -> bool:
        """Whether a layer sees less than a text of `context` tokens."""
        return (
            bool(self.sliding) and self.sliding[layer] and self.window is not None and self.window < context
        )

    def rotary_of(self, layer: int) -> Rotary | None:
        """The rotary embedding of a layer."""
        own = self.sliding_rotary if self.sliding and self.sliding[layer] else None
        return own or self.rotary


def refuse(config: Any, why: str) -> ExportError:
    """What is raised for a setting that the module can't express."""
    return ExportError(
        f"This {config.model_type} decoder has no export module: {why}.",
        remedy="Use a model without this setting, or keep it in PyTorch.",
    )
