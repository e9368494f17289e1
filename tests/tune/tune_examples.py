"""Small decoders and data to tune them on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests import decoder_examples

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

PAIRS = [{"prompt": f"say {i % 7}: ", "completion": "cat " * (i % 7 + 1)} for i in range(40)]


def tokenizer() -> Any:
    """With a template that tells a finished chat from one that waits for an answer, as real ones do."""
    words = decoder_examples.tokenizer()
    words.chat_template = CHAT
    return words


def save_decoder(folder: Path, name: str = "llama") -> Path:
    """A small random decoder and its tokenizer."""
    decoder_examples.save_decoder(folder, name)
    tokenizer().save_pretrained(folder)
    return folder


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def small_settings(**changes: Any) -> Any:
    """Seconds of training, in float32."""
    from edgekit.tune.settings import Settings

    small = {"epochs": 2, "batch_size": 8, "learning_rate": 5e-3, "precision": "fp32", "device": "cpu"}
    return Settings(**{**small, "validation": 0.1, "max_length": 64, **changes})
