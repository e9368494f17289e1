"""Both roundings of a Core ML package, and where it first departs: package, sources and module together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgekit.errors import EdgekitError
from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner
from edgekit.types import Artifact, Parity, Rows, Trail

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner


def explain(model: Any, inputs: Mapping[str, Any], *, module: Any = None, given: Sequence[Any] = ()) -> Trail:
    """Follows one prediction of a package, operation by operation.

    Args:
        model: from `edgekit.mil.load`.
        inputs: of the package, by name.
        module: the PyTorch module that it should compute; None judges the loss by rounding alone.
        given: the module's positional inputs, tensors.
    """
    from edgekit.export.coreml_sources import read_sources, trace_tensors
    from edgekit.runtimes.coreml_program import coreml_metadata
    from edgekit.verify.divergence import follow

    traced, notes = [], []
    if module is not None:
        try:
            traced = trace_tensors(module, given)
        except EdgekitError as error:
            notes.append(f"{error.fact} Only the loss by rounding was judged.")
    return follow(
        model,
        inputs,
        name=model.path.name,
        sources=read_sources(coreml_metadata(model.path)),
        traced=traced,
        notes=notes,
    )


def explain_rows(
    candidate: CoreMLReferenceRunner, reference: Runner, rows: Rows, *, pad_id: int, module: Any = None
) -> Trail:
    """`explain` on the row that shows most; `module` takes the package's inputs in the signature's order."""
    import torch

    from edgekit.verify.worst import worst_batch

    feed = candidate.feed(worst_batch(candidate, reference, rows, pad_id=pad_id))
    given = [torch.from_numpy(feed[spec.name]) for spec in candidate.signature.inputs]
    return explain(candidate.model, feed, module=module, given=given)


def with_unrounded(
    artifact: Artifact,
    parity: Parity,
    candidate: Runner,
    reference: Runner,
    *,
    rows: Rows,
    labels: Sequence[Any],
    pad_id: int,
    reference_outputs: Any = None,
) -> Parity:
    """Adds the unrounded pass, and what both say together; a runner that rounds its own way is left alone."""
    from edgekit.verify.unrounded import compare_unrounded, meaning

    if not isinstance(candidate, CoreMLReferenceRunner):
        return parity
    other = compare_unrounded(
        candidate.unrounded(),
        reference,
        rows=rows,
        labels=labels,
        pad_id=pad_id,
        reference_outputs=reference_outputs,
        name=artifact.name,
    )
    parity = replace(parity, unrounded=other)
    return replace(parity, meaning=meaning(parity, artifact.precision))


def with_divergence(parity: Parity, trail: Trail) -> Parity:
    """Adds the first divergence, and names it among the failures."""
    if not trail.divergences:
        return parity
    first = trail.divergences[0]
    return replace(parity, divergence=first, failures=(*parity.failures, first.text))
