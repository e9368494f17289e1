"""An exported decoder beside its reference: next-token distributions, perplexity, and what both write on.

Each text is read twice, at once and token by token at its end, since a cache that is read or written wrongly
shows in one of them alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.decoder_parity import DecoderParity, TextParity
from edgekit.errors import DataError
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

    from edgekit.runtimes.decoder import DecoderRunner

BEST = 5  # the likeliest tokens whose sets are compared
TIE = 1e-3  # nats between two tokens that sums in another order may swap
LEAST = 64  # tokens that a perplexity is worth telling of
SHOWN = 40  # characters of a text, to name it by


@dataclass
class _Sums:
    """What compared positions have shown so far."""

    kl: list[float] = field(default_factory=list)
    top1: list[bool] = field(default_factory=list)
    top5: list[float] = field(default_factory=list)
    surprise: list[tuple[float, float]] = field(default_factory=list)  # −log p: reference's, artifact's
    phases: float = 0.0
    failures: list[str] = field(default_factory=list)


def compare_decoders(
    artifact: Artifact,
    candidate: DecoderRunner,
    reference: DecoderRunner,
    texts: Sequence[tuple[str, Sequence[int]]],
    *,
    name: str,
    stop_ids: Sequence[int],
    steps: int,
    tokens: int = 128,
) -> DecoderParity:
    """Reads every text with both and lets both write on; no gate is judged yet.

    Args:
        candidate: gives the logits of all tokens of a call, or of the last one alone.
        reference: gives those of all tokens.
        texts: each with its tokens.
        name: of the reference.
        stop_ids: tokens that end a text.
        steps: tokens at a text's end that are read one by one, and tokens that are written after it.
        tokens: of a text at most; fewer where the context is shorter.

    Raises:
        DataError: there is no text with a token.
    """
    limit = min(candidate.context, reference.context)
    steps = max(1, min(steps, limit // 4))
    kept = [(text, list(ids)[: min(tokens, limit - steps)]) for text, ids in texts if len(ids)]
    if not kept:
        raise DataError("There is no text to compare on.", remedy="Give a file with at least one text.")
    sums, told, started = _Sums(), list[TextParity](), time.perf_counter()
    total = sum(len(ids) + 2 * steps for _, ids in kept)
    with progress.bar(f"Verifying {artifact.name}", total, "tokens") as bar:
        for text, ids in kept:
            told.append(_compare(text, ids, candidate, reference, stop_ids, steps, sums))
            bar.advance(len(ids) + 2 * steps)
    enough = len(sums.surprise) >= LEAST
    known, own = (sum(s[i] for s in sums.surprise) / max(1, len(sums.surprise)) for i in (0, 1))
    return DecoderParity(
        artifact=artifact.name,
        reference=f"{name}, {reference.name}",
        runtime=candidate.name,
        precision=artifact.precision,
        sha256=artifact.sha256,
        texts=tuple(told),
        positions=len(sums.kl),
        mean_kl=_finite(_mean(sums.kl)),
        max_kl=_finite(max(sums.kl)),
        top1=_mean(sums.top1),
        top5=_mean(sums.top5),
        perplexity=_finite(_exp(own)) if enough else None,
        reference_perplexity=_finite(_exp(known)) if enough else None,
        predicted=len(sums.surprise),
        written=sum(t.written for t in told),
        same=sum(t.same for t in told),
        phases_kl=_finite(sums.phases),
        seconds=time.perf_counter() - started,
        failures=tuple(dict.fromkeys(sums.failures)),
    )


def _compare(
    text: str,
    ids: list[int],
    candidate: DecoderRunner,
    reference: DecoderRunner,
    stop_ids: Sequence[int],
    steps: int,
    sums: _Sums,
) -> TextParity:
    import numpy as np

    count = len(ids)
    reference.begin(count + steps)
    expected = reference.extend(ids)
    candidate.begin(count)
    at_once = candidate.extend(ids)
    split = max(1, count - steps)
    candidate.begin(count + steps)
    stepped = [candidate.extend(ids[:split])[-1], *(candidate.extend([i])[-1] for i in ids[split:])]
    # What reading at once gave for the tokens that were not read one by one, if it gave them.
    first = 0 if len(at_once) == count else split - 1
    rows = [*at_once[first : split - 1], *stepped]
    begun, shown = len(sums.kl), text.strip().replace("\n", " ")[:SHOWN]
    for place, row in enumerate(rows, start=first):
        truth = ids[place + 1] if place + 1 < count else None
        _add(sums, expected[place], row, truth)
        if not np.isfinite(row).all():
            sums.failures.append(f"its logits after {place + 1} tokens of {shown!r} are not finite")
    both = min(len(at_once), len(stepped))
    for one, other in zip(at_once[-both:], stepped[-both:], strict=True):
        sums.phases = max(sums.phases, _kl(_log_softmax(one), _log_softmax(other)))
    written, same = _write_on(expected[-1], stepped[-1], reference, candidate, stop_ids, steps)
    new = slice(begun, None)
    return TextParity(
        text=shown,
        tokens=count,
        positions=len(rows),
        mean_kl=_finite(_mean(sums.kl[new])),
        top1=_mean(sums.top1[new]),
        written=written,
        same=same,
    )


def _write_on(
    expected: np.ndarray,
    own: np.ndarray,
    reference: DecoderRunner,
    candidate: DecoderRunner,
    stop_ids: Sequence[int],
    steps: int,
) -> tuple[int, int]:
    """Tokens that the reference writes, and how many of them the artifact writes before another one.

    After a tie the texts may go apart without anybody's fault: they are compared up to there.
    """
    written = same = 0
    together = True
    while True:
        token = int(expected.argmax())
        if together and (other := int(own.argmax())) != token:
            together = False
            if expected[token] - expected[other] <= TIE:
                return written, same
        written += 1
        same += together
        if written == steps or token in stop_ids:
            return written, same
        expected = reference.extend([token])[-1]
        if together:
            own = candidate.extend([token])[-1]


def _add(sums: _Sums, expected: np.ndarray, got: np.ndarray, truth: int | None) -> None:
    import numpy as np

    known, own = _log_softmax(expected), _log_softmax(got)
    sums.kl.append(_kl(known, own))
    best, found = (np.argpartition(-row, BEST - 1)[:BEST] for row in (known, own))
    sums.top1.append(int(known.argmax()) == int(own.argmax()))
    sums.top5.append(len(np.intersect1d(best, found)) / BEST)
    if truth is not None:
        sums.surprise.append((-float(known[truth]), -float(own[truth])))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """float64 `[V]`."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # what is not finite is told of by whoever asks for a distance
        shifted = logits.astype(np.float64) - np.max(logits)
        return shifted - np.log(np.exp(shifted).sum())


def _kl(known: np.ndarray, own: np.ndarray) -> float:
    """KL(known ‖ own) of two log-distributions, in nats; infinite where one is not finite."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        found = float((np.exp(known) * (known - own)).sum())
    return max(0.0, found) if math.isfinite(found) else math.inf


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
