"""Rules on stored weights and on states."""

from __future__ import annotations

from collections.abc import Iterable

from edgekit.advice.program import extents
from edgekit.advice.rules.rule import Found, found, named
from edgekit.advice.scene import IOS17, Scene
from edgekit.advice.weights import Weight, duplicates
from edgekit.files import human

BLOCKS = ("constexpr_blockwise_shift_scale", "constexpr_sparse_blockwise_shift_scale")
LINEAR = ("constexpr_affine_dequantize", *BLOCKS)
TABLES = ("constexpr_lut_to_dense", "constexpr_lut_to_sparse")
FEWEST_CHANNELS = 8  # that share a table before the number of tables costs time
STATE_MULTIPLE = 32


def _weights(hits: Iterable[Weight], detail: str = "") -> Found | None:
    return found((weight.op for weight in hits), detail)


def expanded_at_load(scene: Scene) -> Found | None:
    """Compressed weights in a package for iOS 16, which expands them before it runs."""
    if scene.opset >= IOS17:
        return None
    hits = [w for w in scene.weights if w.form != "const"]
    stored, dense = sum(w.stored_bytes for w in hits), sum(w.dense_bytes for w in hits)
    return _weights(hits, f"{human(stored)} on disk, {human(dense)} in memory")


def linear_weights(scene: Scene) -> Found | None:
    """Weights quantized on a linear scale."""
    return _weights(w for w in scene.weights if w.form in LINEAR)


def block_scales(scene: Scene) -> Found | None:
    """Linear quantization with several scales within one output channel."""
    hits = []
    for weight in scene.weights:
        scale = weight.op.inputs.get("scale") if weight.form in BLOCKS else None
        if scale is not None and any(extent > 1 for extent in (extents(scale) or ())[1:]):
            hits.append(weight)
    return _weights(hits)


def many_tables(scene: Scene) -> Found | None:
    """Palettes with a lookup table for fewer than 8 channels."""
    hits = []
    for weight in scene.weights:
        lut = weight.op.inputs.get("lut") if weight.form in TABLES else None
        shape = (extents(lut) or ()) if lut is not None else ()
        # Since iOS 18 the last two axes are the palette and its vector; before, there is one table.
        pairs = zip(weight.shape, shape[:-2], strict=False)
        if any(tables > 1 and extent < tables * FEWEST_CHANNELS for extent, tables in pairs):
            hits.append(weight)
    return _weights(hits)


def repeated(scene: Scene) -> Found | None:
    """Stored constants with the same bytes."""
    groups = duplicates(scene.weights)
    extra = sum(size for _, size, _ in groups)
    return _weights((w for _, _, group in groups for w in group), f"{human(extra)} more than once")


def states(scene: Scene) -> Found | None:
    """States of any kind."""
    return named(("state", name) for name in scene.model.description.states)


def narrow_states(scene: Scene) -> Found | None:
    """States whose last axis is no multiple of 32."""
    return named(
        ("state", name)
        for name, feature in scene.model.description.states.items()
        if feature.shape and feature.shape[-1] % STATE_MULTIPLE
    )
