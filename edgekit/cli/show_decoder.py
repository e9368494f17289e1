"""What is told of an exported language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.cli import console
from edgekit.files import human

if TYPE_CHECKING:
    from edgekit.decoder_parity import DecoderParity
    from edgekit.stages.decoder_artifacts import BuiltDecoder
    from edgekit.types import Artifact


def built_lines(built: BuiltDecoder) -> None:
    """One exported artifact: its parity, and what making it took."""
    decoder_lines(built.artifact, built.parity)
    most = max(built.memory, key=lambda phase: phase.bytes)
    console.say(
        f"  converted in {built.seconds:.1f} s; peak memory {human(built.peak_bytes)}, of its own process "
        f"(estimated {human(most.bytes)}, {most.name})"
    )


def decoder_lines(artifact: Artifact, parity: DecoderParity) -> None:
    """One artifact's parity, text by text and gate by gate."""
    console.say(f"{artifact.path}  {artifact.target} {artifact.precision}, {human(artifact.size_bytes)}")
    console.say(f"  {'passed' if parity.passed else 'FAILED its gates'} against {parity.reference}")
    console.say(f"  {parity.runtime}, {parity.positions} positions in {parity.seconds:.0f} s")
    console.table(
        ("Text", "Tokens", "Compared", "Mean KL", "Same likeliest", "Written alike"),
        [
            (
                one.text,
                str(one.tokens),
                str(one.positions),
                _nats(one.mean_kl),
                f"{100 * one.top1:.0f} %",
                f"{one.same} of {one.written}",
            )
            for one in parity.texts
        ],
        right=range(1, 6),
    )
    console.say(
        f"  KL {_nats(parity.mean_kl)} in the mean, {_nats(parity.max_kl)} at most; "
        f"likeliest token the same at {100 * parity.top1:.1f} %, "
        f"{100 * parity.top5:.1f} % of the five likeliest"
    )
    if parity.perplexity is not None and parity.reference_perplexity is not None:
        console.say(
            f"  perplexity {parity.perplexity:.2f}, the model's {parity.reference_perplexity:.2f}, "
            f"over {parity.predicted} tokens"
        )
    if parity.stored is not None:
        console.say(
            f"  {parity.stored.weights} stored weights, {parity.stored.numbers:,} numbers, compared with the "
            f"model's; at most {parity.stored.worst:.2f} steps of a block apart"
        )
    for gate in parity.gates:
        console.say(
            f"  {'ok  ' if gate.passed else 'FAIL'} {gate.name}: {gate.value:.4g} (gate {gate.limit:g})"
        )
    for text in parity.failures:
        console.say(f"  FAIL {text}")


def _nats(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.2g}"
