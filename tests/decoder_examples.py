"""Small random decoders of every family, as transformers makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

LLAMA: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
FALCON: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "max_position_embeddings": 128,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 32}
LINEAR = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
LONG = {
    "rope_type": "longrope",
    "rope_theta": 1e4,
    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
    "long_factor": [2.0] * 8,
}
SLIDING = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}

DECODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {**LLAMA, "tie_word_embeddings": True}),
    "llama-biases-wide-heads": (
        "llama",
        {**LLAMA, "attention_bias": True, "mlp_bias": True, "head_dim": 24},
    ),
    "llama-multi-query": ("llama", {**LLAMA, "num_key_value_heads": 1}),
    "llama-llama3": ("llama", {**LLAMA, "rope_parameters": LLAMA3}),
    "llama-yarn": ("llama", {**LLAMA, "rope_parameters": YARN}),
    "llama-linear": ("llama", {**LLAMA, "rope_parameters": LINEAR}),
    "mistral": ("mistral", {**LLAMA, "sliding_window": 6}),
    "qwen2": ("qwen2", {**LLAMA, "tie_word_embeddings": True}),
    "qwen2-sliding": ("qwen2", {**LLAMA, **SLIDING}),
    "qwen3": ("qwen3", {**LLAMA, "head_dim": 24, "tie_word_embeddings": True}),
    "phi": ("phi", {**LLAMA, "num_key_value_heads": 4}),
    "phi3": ("phi3", {**LLAMA, "sliding_window": 8, "pad_token_id": 0}),
    "phi3-long": (
        "phi3",
        {**LLAMA, "rope_parameters": LONG, "original_max_position_embeddings": 64, "pad_token_id": 0},
    ),
    "falcon-multi-query": ("falcon", FALCON),
    "falcon-grouped": ("falcon", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon-one-norm": (
        "falcon",
        {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
    ),
    "falcon-alibi": (
        "falcon",
        {**FALCON, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
    ),
    "gemma3": (
        "gemma3_text",
        {
            **LLAMA,
            "head_dim": 24,
            "num_hidden_layers": 2,
            "sliding_window": 5,
            "layer_types": ["sliding_attention", "full_attention"],
            "query_pre_attn_scalar": 30,
            "final_logit_softcapping": 2.0,
        },
    ),
    "gpt2": ("gpt2", {"vocab_size": 99, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}),
}


def example(name: str, **changes: Any) -> PreTrainedModel:
    """A model in evaluation mode whose every weight is random: norms and biases too."""
    torch.manual_seed(0)
    family, settings = DECODERS[name]
    config = transformers.AutoConfig.for_model(family, **{**settings, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


CHAT = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"
SAYINGS = [
    "the cat sat on the mat",
    "Grüße aus Köln",
    "日本語のテキスト",
    "a 🦀 and a 👩‍🚀",
    "naïve café — déjà vu",
]


def tokenizer() -> Any:
    """A byte-level BPE: any text is tokens, and most characters beyond ASCII are several."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(SAYINGS * 3, vocab_size=290, special_tokens=["<|end|>"], show_progress=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, eos_token="<|end|>")
    fast.chat_template = CHAT
    return fast


def save_decoder(folder: Path, name: str = "llama", *, spare: int = 0) -> Path:
    """A small random decoder and its tokenizer in Hub layout; `spare` rows of its table have no token."""
    words = tokenizer()
    model = example(name, vocab_size=len(words) + spare, eos_token_id=words.eos_token_id)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
