"""`genai_config.json`: what onnxruntime-genai wants to know of a decoder's folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Families that onnxruntime-genai has a name for; the others are run by the same code as "decoder".
TYPES = ("gemma3_text", "llama", "mistral", "phi", "phi3", "qwen2", "qwen3")


def genai_config(
    decoder: Any, *, inputs: Sequence[str], stop_ids: Sequence[int], file: str
) -> dict[str, Any]:
    """The file's content; greedy unless its reader is told otherwise.

    Args:
        inputs: names of the graph's inputs.
        stop_ids: tokens that end a text.
        file: the graph's name in the folder.
    """
    config = decoder.config
    # It refuses a file without these; a tokenizer that has no such token leaves them never used.
    end = next(iter(stop_ids), 0)
    plain = ("input_ids", "attention_mask", "position_ids")
    return {
        "model": {
            "type": config.family if config.family in TYPES else "decoder",
            "bos_token_id": end,
            "eos_token_id": list(stop_ids),
            "pad_token_id": end,
            "context_length": decoder.context,
            "vocab_size": config.vocabulary,
            "decoder": {
                "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
                "filename": file,
                "head_size": config.width,
                "hidden_size": config.hidden,
                "num_attention_heads": config.heads,
                "num_hidden_layers": config.layers,
                "num_key_value_heads": config.key_heads,
                "inputs": {
                    **{name: name for name in plain if name in inputs},
                    "past_key_names": "past_key_values.%d.key",
                    "past_value_names": "past_key_values.%d.value",
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {
            "do_sample": False,
            "max_length": decoder.context,
            "min_length": 0,
            "num_beams": 1,
            "num_return_sequences": 1,
            "past_present_share_buffer": True,
            "repetition_penalty": 1.0,
            "temperature": 1.0,
            "top_k": 50,
            "top_p": 1.0,
        },
    }
