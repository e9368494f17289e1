"""A token table of low rank, and transformers models that have one (Lan et al., 2020, factorised embeddings).

ELECTRA's and ALBERT's small tables normalise *before* they project to the model's width, so a teacher's table
can't be moved into them: even at full rank the outputs differ. Here only the table itself is a product,
`[V, r] × [r, D]`, everything after it is the teacher's, and at full rank so are the outputs.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.errors import ModelError

PREFIX = "edgekit-low-rank-"
BASES = ("bert", "roberta", "mpnet", "distilbert", "electra")
TASKS = ("Model", "ForSequenceClassification", "ForTokenClassification", "ForMaskedLM")


class LowRankEmbedding(nn.Embedding):
    """Token embeddings `[V, r]`, projected to width D."""

    def __init__(self, tokens: int, rank: int, width: int, padding_idx: int | None = None) -> None:
        super().__init__(tokens, rank, padding_idx=padding_idx)
        self.projection = nn.Linear(rank, width, bias=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Token ids `[B, L]` → `[B, L, D]`."""
        return self.projection(super().forward(input_ids))


class LowRankDecoder(nn.Linear):
    """Scores of all tokens from `[…, D]`, by way of rank r; its table is tied to the embedding's."""

    def __init__(self, tokens: int, rank: int, width: int) -> None:
        super().__init__(rank, tokens)
        self.projection = nn.Linear(width, rank, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """`[…, D]` → `[…, V]`."""
        return super().forward(self.projection(hidden))


class LowRank:
    """Put before a transformers model class: gives it a token table of rank `config.embedding_rank`."""

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)  # type: ignore[call-arg]
        table: Any = self.get_input_embeddings()  # type: ignore[attr-defined]
        tokens, width, rank = table.num_embeddings, table.embedding_dim, config.embedding_rank
        self.set_input_embeddings(  # type: ignore[attr-defined]
            LowRankEmbedding(tokens, rank, width, table.padding_idx)
        )
        decoder: Any = self.get_output_embeddings()  # type: ignore[attr-defined]
        if decoder is not None:
            bias = decoder.bias
            decoder = LowRankDecoder(tokens, rank, width)
            decoder.bias = bias  # some models hold it in a second place
            self.set_output_embeddings(decoder)  # type: ignore[attr-defined]
            self.tie_weights()  # type: ignore[attr-defined]


@functools.cache
def config_class(base: str) -> Any:
    """The configuration of a low-rank `base` model: the base's own fields and `embedding_rank`."""
    from transformers import CONFIG_MAPPING

    plain = CONFIG_MAPPING[base]
    fields = {
        "model_type": PREFIX + base,
        "embedding_rank": 128,
        "__annotations__": {"embedding_rank": int},
        "__module__": __name__,
    }
    return type(f"LowRank{plain.__name__}", (plain,), fields)


@functools.cache
def model_class(base: str, suffix: str) -> Any:
    """`LowRankBertForSequenceClassification` and its like.

    Args:
        base: transformers' model type, one of `BASES`.
        suffix: what transformers puts behind the family's name, one of `TASKS`.
    """
    import transformers

    auto = getattr(transformers, "AutoModel" if suffix == "Model" else f"AutoModel{suffix}")
    plain = auto._model_mapping[transformers.CONFIG_MAPPING[base]]
    fields = {"config_class": config_class(base), "__module__": __name__}
    return type(f"LowRank{plain.__name__}", (LowRank, plain), fields)


def principal_axes(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The `rank` directions that keep most of a token table, frequent tokens counting for more.

    The right singular vectors of `diag(√weights)·table`: of all products of this inner size, `(table·A)·Aᵀ`
    has the smallest weighted squared error (Eckart & Young, 1936).

    Args:
        table: `[V, D]` float.
        weights: `[V]`, above 0.

    Returns:
        `[D, rank]` float32, orthonormal columns.
    """
    table = table.double()
    _, vectors = torch.linalg.eigh(table.t() @ (weights.double()[:, None] * table))
    return vectors[:, -rank:].flip(1).float()


def factorised(table: Tensor, weights: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A token table `[V, D]` as `[V, rank]` and a projection's weight `[D, rank]`."""
    axes = principal_axes(table, weights, rank)
    return table @ axes, axes


def with_low_rank(module: Any, rank: int, weights: Tensor) -> Any:
    """A copy of a transformers model whose token table is a product of inner size `rank`.

    Args:
        rank: at full width the copy computes the same as `module`.
        weights: `[V]`, how much each token's row counts in the approximation; above 0.

    Raises:
        ModelError: the architecture isn't one of `BASES`, or the rank is above the table's width.
    """
    from edgekit.models.families.sentence import SentenceEncoder

    if isinstance(module, SentenceEncoder):
        encoder = with_low_rank(module.encoder, rank, weights)
        sentences = SentenceEncoder(encoder.config, encoder)
        if module.projection is not None and sentences.projection is not None:
            sentences.projection.load_state_dict(module.projection.state_dict())
        return sentences.eval()
    base = module.config.model_type
    suffix = next((s for s in reversed(TASKS) if type(module).__name__.endswith(s)), None)
    if base not in BASES or suffix is None:
        raise ModelError(
            f"The token table of {type(module).__name__} can't be factorised.",
            remedy=f"Leave student.embedding_rank out, or use one of {', '.join(BASES)}.",
        )
    table = module.get_input_embeddings().weight.detach().cpu().float()
    check_rank(rank, table.shape[1])
    settings = module.config.to_dict() | {"embedding_rank": rank}
    settings.pop("model_type")
    config = config_class(base)(**settings)
    config._attn_implementation = module.config._attn_implementation
    with torch.random.fork_rng(devices=[]):
        made = model_class(base, suffix)(config)
    if getattr(module, "pooler", made) is None:  # unread, and left out of sentence encoders
        made.pooler = None
    rows, axes = factorised(table, weights, rank)
    words = next(n for n, m in made.named_modules() if m is made.get_input_embeddings())
    state = {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}
    state |= {f"{words}.weight": rows, f"{words}.projection.weight": axes}
    decoder = made.get_output_embeddings()
    if decoder is not None:
        name = next(n for n, m in made.named_modules() if m is decoder)
        state |= {f"{name}.weight": rows, f"{name}.projection.weight": axes.t().contiguous()}
    made.load_state_dict(state, strict=True)
    return made.float().eval()


def check_rank(rank: int, width: int) -> None:
    """Refuses a rank that the table can't have.

    Raises:
        ModelError: names both numbers.
    """
    if rank > width:
        raise ModelError(
            f"student.embedding_rank is {rank}; the token table is only {width} wide.",
            remedy=f"Set it below {width}: {width // 4} saves most of the table.",
        )
