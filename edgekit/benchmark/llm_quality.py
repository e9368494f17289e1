"""Perplexity of a decoder on texts, and how far its distributions are from a teacher's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.errors import DataError, ModelError
from edgekit.runtimes.decoder import DecoderRunner, OpenDecoder

LONGEST = 512  # tokens of a text that are read
MOST = 4096  # tokens of all texts


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one model over all texts."""

    perplexity: float  # exp of the mean negative log-likelihood of each text's tokens but its first
    tokens: int  # that were scored
    kl: float | None = None  # KL(teacher ‖ model), nats per token
    top1: float | None = None  # share of positions whose likeliest token is the teacher's, 0–1


def text_rows(
    decoder: OpenDecoder, texts: Sequence[str], *, longest: int = LONGEST, most: int = MOST
) -> list[list[int]]:
    """Tokens of texts, cut to `longest` each and `most` in all; texts of one token are left out.

    Raises:
        DataError: nothing is left.
    """
    limit, rows, total = min(longest, decoder.runner.context), list[list[int]](), 0
    for text in texts:
        row = list(decoder.processor(text)["input_ids"])[: min(limit, most - total)]
        if len(row) > 1:
            rows.append(row)
            total += len(row)
    if not rows:
        raise DataError(
            "No text has two tokens or more, which a perplexity needs.", remedy="Give longer texts."
        )
    return rows


def measure_quality(
    decoder: OpenDecoder, texts: Sequence[str], *, name: str, teacher: OpenDecoder | None = None
) -> Quality:
    """Reads every text.

    Args:
        name: of the model, for errors.
        teacher: what its distributions are compared with, token by token.

    Raises:
        DataError: no text long enough.
        ModelError: the teacher's tokens are others, or values are not finite.
    """
    rows = text_rows(decoder, texts, longest=min(LONGEST, teacher.runner.context if teacher else LONGEST))
    if teacher is not None:
        _require_same_tokens(decoder, teacher, texts, name)
    surprise, divergence, agreed, count = 0.0, 0.0, 0, 0
    for row in rows:
        own = log_probabilities(decoder.runner, row)[:-1]
        if not np.isfinite(own).all():
            raise ModelError(f"{name} gave values that are not finite.", remedy="Run `edgekit verify` on it.")
        surprise -= float(own[np.arange(len(own)), row[1:]].sum(dtype=np.float64))
        count += len(own)
        if teacher is not None:
            theirs = log_probabilities(teacher.runner, row)[:-1]
            if theirs.shape != own.shape:
                raise ModelError(
                    f"{name} has {own.shape[-1]} logits, and the teacher {theirs.shape[-1]}.",
                    remedy="Compare it with a model of the same vocabulary.",
                )
            divergence += float((np.exp(theirs) * (theirs - own)).sum(dtype=np.float64))
            agreed += int((theirs.argmax(-1) == own.argmax(-1)).sum())
    told = teacher is not None
    return Quality(
        perplexity=float(np.exp(surprise / count)),
        tokens=count,
        kl=divergence / count if told else None,
        top1=agreed / count if told else None,
    )


def log_probabilities(runner: DecoderRunner, ids: Sequence[int]) -> np.ndarray:
    """float32 `[n, V]`, a row for what follows each token."""
    runner.begin(len(ids))
    logits = runner.extend(ids)
    if len(logits) < len(ids):  # exported with the last token's logits alone
        runner.begin(len(ids))
        logits = np.concatenate([runner.extend([token])[-1:].copy() for token in ids])
    highest = logits.max(-1, keepdims=True)
    return logits - highest - np.log(np.exp(logits - highest).sum(-1, keepdims=True))


def _require_same_tokens(a: OpenDecoder, b: OpenDecoder, texts: Sequence[str], name: str) -> None:
    for text in texts[:32]:
        if list(a.processor(text)["input_ids"]) != list(b.processor(text)["input_ids"]):
            raise ModelError(
                f"{name} cuts {text[:40]!r} into other tokens than the teacher.",
                remedy="Give a teacher with the same tokenizer, or leave --against out.",
            )
