"""What a student is trained on: pure functions of tensors. Weights and layer maps live in `distill.terms`."""

from edgekit.distill.objectives.attention import (
    attention_maps,
    attention_relations,
    attention_transfer,
    attention_transfer_maps,
)
from edgekit.distill.objectives.contrastive import contrastive
from edgekit.distill.objectives.feature import (
    embedding_cosine,
    embedding_mse,
    hidden_cosine,
    hidden_mse,
    hint,
)
from edgekit.distill.objectives.labels import hard_labels, multi_hot_labels, number_labels
from edgekit.distill.objectives.masking import mean_pool, real_tokens
from edgekit.distill.objectives.relation import (
    correlation_congruence,
    probability_transfer,
    rkd_angle,
    rkd_distance,
    similarity_preserving,
)
from edgekit.distill.objectives.response import (
    bernoulli_logits,
    correlation,
    decoupled_kl,
    jensen_shannon,
    logit_mse,
    reverse_kl,
    soft_target_kl,
    symmetric_kl,
)

__all__ = [
    "attention_maps",
    "attention_relations",
    "attention_transfer",
    "attention_transfer_maps",
    "bernoulli_logits",
    "contrastive",
    "correlation",
    "correlation_congruence",
    "decoupled_kl",
    "embedding_cosine",
    "embedding_mse",
    "hard_labels",
    "hidden_cosine",
    "hidden_mse",
    "hint",
    "jensen_shannon",
    "logit_mse",
    "mean_pool",
    "multi_hot_labels",
    "number_labels",
    "probability_transfer",
    "real_tokens",
    "reverse_kl",
    "rkd_angle",
    "rkd_distance",
    "similarity_preserving",
    "soft_target_kl",
    "symmetric_kl",
]
