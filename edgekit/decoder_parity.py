"""What a comparison of an exported decoder with its reference found."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.types import Gate


@dataclass(frozen=True, slots=True)
class TextParity:
    """One text that a decoder and its reference read, and how both wrote on. Distances are in nats."""

    text: str  # how it begins
    tokens: int
    positions: int  # next-token distributions that were compared
    mean_kl: float | None  # KL(reference ‖ artifact); None: not finite
    top1: float  # share of positions with the same likeliest token
    written: int  # tokens that the reference wrote on, each time the likeliest
    same: int  # of them, before the artifact wrote another


@dataclass(frozen=True, slots=True)
class StoredParity:
    """Stored weights that were compared with the model's, one number at a time."""

    weights: int  # matrices and vectors
    numbers: int
    worst: float  # steps of a block between a stored number and the model's; over half: cut off at an end


@dataclass(frozen=True, slots=True)
class DecoderParity:
    """How far an exported decoder is from its reference. Distances are in nats; None: not finite."""

    artifact: str
    reference: str
    runtime: str
    precision: str
    texts: tuple[TextParity, ...]
    positions: int
    mean_kl: float | None  # KL(reference ‖ artifact) of next-token distributions, over all positions
    max_kl: float | None
    top1: float  # share of positions with the same likeliest token
    top5: float  # mean share of the reference's five likeliest tokens that are among the artifact's five
    perplexity: float | None  # None too where the texts are too short
    reference_perplexity: float | None
    predicted: int  # tokens that both perplexities are over
    written: int
    same: int
    phases_kl: float | None  # largest KL between reading at once and token by token
    seconds: float
    gates: tuple[Gate, ...] = ()
    failures: tuple[str, ...] = ()
    stored: StoredParity | None = None
    sha256: str = ""  # of the file or folder that was compared; "" in a record of an older version

    @property
    def passed(self) -> bool:
        return not self.failures and all(g.passed for g in self.gates)
