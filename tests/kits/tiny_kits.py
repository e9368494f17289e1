"""What the kits of every platform are tested with: labels, texts, and a parity that passed."""

from __future__ import annotations

from edgekit.types import Artifact, Parity

LIMIT = 16  # tokens
LABELS = {
    "text-classification": ("negative", "positive"),
    "multi-label-classification": ("about film", "about cast", "sad"),
    "token-classification": ("O", "B-THING", "I-THING"),
}
TEXTS = (
    "a moving and superb film",
    "a dull and clumsy story , sadly",
    "Ünknown wörds 😀 film",
    "tired",
    "a\u00a0film \u200b e\u0301 ,, a long text that goes on and on until its words are cut off by the limit",
)


def passed(artifact: Artifact) -> Parity:
    """What verifying it might have said."""
    return Parity(
        artifact=artifact.name,
        reference="student",
        executed=True,
        runtime="a runner",
        samples=len(TEXTS),
        max_abs_error=0.0,
        cosine=1.0,
        label_agreement=1.0,
        metric_name=None,
        metric=None,
        metric_drop=None,
    )
