"""Small random models of every family, with weights so large that a wrong term shows, and their inputs."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from edgekit.types import Signature, TensorSpec

VOCABULARY = 90
LABELS = ("a", "b", "c")
BERT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "num_labels": len(LABELS),
}
MODERN = {
    **BERT,
    "local_attention": 12,
    "layer_types": ["full_attention", "sliding_attention"],
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 1,
    "sep_token_id": 2,
}
DEBERTA = {  # as v3 has it
    **BERT,
    "relative_attention": True,
    "position_buckets": 8,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", BERT),
    "bert-tanh-gelu": ("Bert", {**BERT, "hidden_act": "gelu_new"}),
    "roberta": ("Roberta", {**BERT, "type_vocab_size": 1}),
    "roberta-two-types": ("Roberta", {**BERT, "type_vocab_size": 2}),
    "xlm-roberta": ("XLMRoberta", {**BERT, "type_vocab_size": 1}),
    "camembert": ("Camembert", {**BERT, "type_vocab_size": 1}),
    "electra": ("Electra", {**BERT, "embedding_size": 16}),
    "electra-same-width": ("Electra", {**BERT, "embedding_size": 32}),
    "distilbert": (
        "DistilBert",
        {
            "vocab_size": VOCABULARY,
            "dim": 32,
            "n_layers": 2,
            "n_heads": 4,
            "hidden_dim": 48,
            "max_position_embeddings": 64,
            "num_labels": len(LABELS),
        },
    ),
    "mpnet": ("MPNet", BERT),
    "modernbert": ("ModernBert", MODERN),
    "modernbert-mean": (
        "ModernBert",
        {**MODERN, "classifier_pooling": "mean", "norm_bias": True, "attention_bias": True, "mlp_bias": True},
    ),
    "deberta-v3": ("DebertaV2", DEBERTA),
    "deberta-v3-new-head": ("DebertaV2", {**DEBERTA, "legacy": False}),
    "deberta-v2-xlarge": ("DebertaV2", {**DEBERTA, "conv_kernel_size": 3, "conv_act": "gelu"}),
    "deberta-own-keys": (
        "DebertaV2",
        {
            **BERT,
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "max_relative_positions": 16,
            "type_vocab_size": 2,
            "embedding_size": 16,
        },
    ),
    "deberta-absolute": ("DebertaV2", {**BERT, "type_vocab_size": 2}),
}
CLASSES = {
    "text-classification": transformers.AutoModelForSequenceClassification,
    "token-classification": transformers.AutoModelForTokenClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "sentence-embedding": transformers.AutoModel,
}


def config_of(name: str, **changes: Any) -> Any:
    """The configuration called `name` in `CONFIGS`."""
    family, fields = CONFIGS[name]
    return getattr(transformers, f"{family}Config")(**{**fields, **changes})


def make(name: str, task: str = "text-classification", **changes: Any) -> Any:
    """A transformers model in evaluation mode."""
    torch.manual_seed(0)
    module = CLASSES[task].from_config(config_of(name, **changes), attn_implementation="eager").eval()
    for parameter in module.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return module


def inputs(module: Any, *, batch: int, length: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random ordinary tokens; every row but the first ends in padding."""
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, VOCABULARY, (batch, length), generator=random)
    mask = torch.ones_like(ids)
    for row in range(1, batch):
        mask[row, max(1, length - 3 * row) :] = 0
    made = {"input_ids": torch.where(mask == 1, ids, module.config.pad_token_id), "attention_mask": mask}
    if getattr(module.config, "type_vocab_size", 0) == 2 and module.config.model_type != "mpnet":
        made["token_type_ids"] = torch.zeros_like(ids)
        made["token_type_ids"][:, length // 2 :] = 1
    return made


def signature_of(module: Any, *, max_length: int = 32) -> Signature:
    """The interface of a text classifier."""
    names = inputs(module, batch=1, length=2)
    return Signature(
        task="text-classification",
        inputs=tuple(TensorSpec(name, ("batch", "sequence"), "int64") for name in names),
        outputs=(TensorSpec("logits", ("batch", len(LABELS)), "float32"),),
        labels=LABELS,
        max_length=max_length,
    )
