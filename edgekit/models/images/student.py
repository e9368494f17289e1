"""A smaller network cut from a larger one: fewer blocks, fewer features."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from edgekit.errors import ModelError
from edgekit.models.images.network import is_residual
from edgekit.models.students.rebuild import rebuilt
from edgekit.types import Model

if TYPE_CHECKING:
    from edgekit.recipe.schema import Student


def cut_network(parent: Model, config: Student, *, name: str) -> Model:
    """A copy with `layers` blocks and, if asked, `hidden_size` features; every weight it has is the parent's.

    A block that changes the number of channels or the resolution stays: what follows could not read anything
    else. Of the others, which only add to what they are given, some are left out, evenly over the depth
    (`select: uniform`) or as listed. Features with the largest scale in the last normalisation stay (Liu et
    al., 2017).

    Raises:
        ModelError: more or fewer blocks or features than there can be.
    """
    module, known = parent.module, copy.deepcopy(parent.module.config)
    chosen = _blocks(known, config)
    known.blocks = [known.blocks[i] for i in chosen]
    features = config.hidden_size or known.hidden_size
    if features > known.hidden_size:
        raise ModelError(
            f"student.hidden_size is {features}; {parent.name} has {known.hidden_size} features.",
            remedy=f"Set it to {known.hidden_size} or less, or leave it out.",
        )
    known.hidden_size = features
    scales = module.network.top.norm.weight.detach().cpu().abs()
    kept = scales.topk(features).indices.sort().values

    def rename(key: str) -> str | None:
        start = "network.blocks."
        if not key.startswith(start):
            return key
        index, rest = key.removeprefix(start).split(".", 1)
        return f"{start}{chosen.index(int(index))}.{rest}" if int(index) in chosen else None

    made = rebuilt(module, known, rename=rename, choose=lambda key, axis: kept)
    told = f"{len(chosen)} blocks and {features} features of {parent.name}"
    return replace(parent, name=name, module=made, source=replace(parent.source, uri=told, license=None))


def _blocks(known: object, config: Student) -> tuple[int, ...]:
    shapes = known.blocks  # type: ignore[attr-defined]
    widths = [known.stem_width, *(shape[3] for shape in shapes)]  # type: ignore[attr-defined]
    spare = [i for i, shape in enumerate(shapes) if is_residual(widths[i], shape)]
    needed = [i for i in range(len(shapes)) if i not in spare]
    if isinstance(config.select, tuple):
        chosen = tuple(sorted(config.select))
        if not set(needed) <= set(chosen) or not set(chosen) <= set(range(len(shapes))):
            raise ModelError(
                f"student.select {list(chosen)} leaves out a block that changes shape; {needed} must stay.",
                remedy=f"Add to these only blocks from {spare}.",
            )
        return chosen
    extra = config.layers - len(needed)
    if not 0 <= extra <= len(spare):
        raise ModelError(
            f"student.layers is {config.layers}; this network can have {len(needed)} to {len(shapes)} "
            "blocks.",
            remedy=f"Set it to {len(needed)} for the smallest student.",
        )
    if config.select == "last":
        added = spare[len(spare) - extra :]
    elif config.select == "first":
        added = spare[:extra]
    else:
        added = [spare[(2 * i + 1) * len(spare) // (2 * extra)] for i in range(extra)]
    return tuple(sorted([*needed, *added]))
