"""Parity of a package that edgekit did not write: tensors against tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.errors import ModelError
from edgekit.recipe.schema import Gates
from edgekit.types import Gate, Parity, ShapeCheck, Unrounded
from edgekit.verify.outputs import cosine_rows
from edgekit.verify.parity import COSINE_FP16
from edgekit.verify.unrounded import meaning

if TYPE_CHECKING:
    import numpy as np

    from edgekit.runtimes.tensor_reference import TensorReference
    from edgekit.types import Artifact

Feed = Mapping[str, Any]


def compare_tensors(
    artifact: Artifact, model: Any, reference: TensorReference, feeds: Sequence[Feed], gates: Gates
) -> tuple[Parity, Feed]:
    """Executes a package with and without rounding on every feed.

    Args:
        model: from `edgekit.mil.load`.

    Returns:
        The parity, and the feed with the largest error.

    Raises:
        ModelError: the reference has other inputs or outputs.
    """
    found: dict[str, _Sums] = {"declared": _Sums(), "none": _Sums()}
    shapes: list[ShapeCheck] = []
    worst: tuple[float, Feed] = (-1.0, feeds[0])
    with progress.bar(f"Verifying {artifact.name}", len(feeds), "rows") as bar:
        for feed in feeds:
            wanted = reference.run(feed)
            for rounding, sums in found.items():
                state = model.make_state() if model.description.states else None
                got = _arrays(model, model.predict(feed, state, rounding, seed=0))
                error, cosine = sums.add(_paired(got, wanted, reference.name))
                if rounding == "declared":
                    shapes.append(_shape_check(feed, error, cosine))
                    worst = max(worst, (error, feed), key=lambda pair: pair[0])
            bar.advance()
    declared, plain = found["declared"], found["none"]
    parity = Parity(
        artifact=artifact.name,
        reference=reference.name,
        executed=True,
        runtime="edgekit.mil (reference semantics, not device output)",
        samples=len(feeds),
        max_abs_error=declared.error,
        cosine=declared.cosine,
        label_agreement=declared.agreement,
        metric_name=None,
        metric=None,
        metric_drop=None,
        shapes=tuple(shapes),
        gates=_judge(artifact.precision, gates, declared),
        failures=() if math.isfinite(declared.error) else ("some outputs are not finite numbers",),
        unrounded=Unrounded(len(feeds), plain.error, plain.cosine, plain.agreement, None, None),
    )
    return replace(parity, meaning=meaning(parity, artifact.precision)), worst[1]


def _judge(precision: str, gates: Gates, sums: _Sums) -> tuple[Gate, ...]:
    if precision == "fp32":
        limit, value = gates.max_abs_error_fp32, sums.error / max(1.0, sums.largest)
        return (Gate("largest difference, of the outputs' scale", limit, value, value <= limit),)
    limit = COSINE_FP16 if precision == "fp16" else gates.cosine_int8
    return (Gate("mean cosine", limit, sums.cosine, sums.cosine >= limit),)


class _Sums:
    """What compared outputs have shown so far."""

    def __init__(self) -> None:
        self.error = 0.0
        self.largest = 0.0  # of the reference's outputs
        self._cosines: list[float] = []
        self._agreed: list[float] = []

    def add(self, pairs: list[tuple[np.ndarray, np.ndarray, bool]]) -> tuple[float, float]:
        """One feed's outputs; its largest error and lowest cosine."""
        import numpy as np

        errors, cosines = [], []
        for got, wanted, classes in pairs:
            alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
            finite = bool((alike | (np.isfinite(got) & np.isfinite(wanted))).all())
            plain = np.where(np.isfinite(wanted), wanted, 0)
            difference = np.where(alike, 0, np.abs(np.where(alike, 0, got) - plain))
            errors.append(float(difference.max(initial=0)) if finite else math.inf)
            flat = np.where(alike, plain, got).reshape(1, -1), plain.reshape(1, -1)
            cosines.append(float(cosine_rows(*flat)[0]) if finite else 0.0)
            self.largest = max(self.largest, float(np.abs(plain).max(initial=0)))
            if classes:
                self._agreed.append(float((got.argmax(-1) == wanted.argmax(-1)).mean()))
        self.error = max(self.error, *errors)
        self._cosines += cosines
        return max(errors), min(cosines)

    @property
    def cosine(self) -> float:
        """Mean over feeds and outputs."""
        return sum(self._cosines) / len(self._cosines)

    @property
    def agreement(self) -> float | None:
        """Share of rows with the same class; None: the package names none."""
        return sum(self._agreed) / len(self._agreed) if self._agreed else None


def _arrays(model: Any, given: Mapping[str, Any]) -> list[tuple[str, np.ndarray, bool]]:
    """Name, values and whether they are class probabilities, of every output that holds numbers."""
    import numpy as np

    found = []
    for name in model.outputs:
        value = given[name]
        if isinstance(value, dict):
            found.append((name, np.array([list(value.values())], np.float32), True))
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            found.append((name, value.astype(np.float32), False))
    return found


def _paired(
    got: list[tuple[str, np.ndarray, bool]], wanted: list[np.ndarray], reference: str
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    shapes = [list(value.shape) for _, value, _ in got]
    others = [list(value.shape) for value in wanted]
    if shapes != others:
        raise ModelError(
            f"The package gives {_words(shapes)} ({', '.join(n for n, _, _ in got)}), "
            f"{reference} {_words(others)}.",
            remedy="Compare it with a model of the same interface: outputs are compared in their order.",
        )
    return [
        (value, _probabilities(other) if classes else other.astype(value.dtype), classes)
        for (_, value, classes), other in zip(got, wanted, strict=True)
    ]


def _words(shapes: list[list[int]]) -> str:
    return f"{len(shapes)} output{'' if len(shapes) == 1 else 's'} of shape {' and '.join(map(str, shapes))}"


def _probabilities(values: np.ndarray) -> np.ndarray:
    """Logits through a softmax; what already is a distribution stays."""
    import numpy as np
    from scipy.special import softmax

    ready = bool((values >= 0).all() and np.allclose(values.sum(-1), 1, atol=1e-3))
    return values.astype(np.float32) if ready else softmax(values.astype(np.float32), axis=-1)


def _shape_check(feed: Feed, error: float, cosine: float) -> ShapeCheck:
    shape = next(iter(feed.values())).shape
    return ShapeCheck(shape[0] if shape else 1, shape[1] if len(shape) > 1 else 1, error, cosine)
