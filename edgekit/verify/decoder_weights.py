"""An exported decoder's weights beside its model's, block by block.

What few bits cost a model hides a single wrong scale from every comparison of outputs. So each stored value
is compared with the weight that it stands for: it must be the nearest that its block can hold, and the block
must reach far enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from edgekit.decoder_parity import StoredParity
from edgekit.runtimes.stored_weights import StoredWeight

if TYPE_CHECKING:
    import numpy as np

# Steps that a weight may lie beyond the last code: the other end of a symmetric block, and scales that were
# fitted at the cost of outliers.
BEYOND = 1.01
BEYOND_FITTED = 8.0
SHOWN = 3  # wrong weights that are named


def compare_weights(
    stored: Iterable[StoredWeight], original: Callable[[str], np.ndarray | None], *, fitted: bool
) -> tuple[StoredParity, tuple[str, ...]]:
    """Every stored weight that the model has.

    Args:
        stored: see `edgekit.runtimes.stored_weights`.
        original: a weight of the model by its stored name, float32; None: it has none.
        fitted: scales were fitted to the weights, and cut outliers off.

    Returns:
        What was compared, and what is wrong, in words.
    """
    import numpy as np

    weights, numbers, worst, wrong = set[str](), 0, 0.0, list[str]()
    for one in stored:
        compressed = one.steps is not None or one.tables is not None
        found = original(one.name)
        if one.name in weights or (found is None and not compressed):
            continue
        if found is not None and found.shape != one.values.shape:
            found = found.T
        if found is None or found.shape != one.values.shape:
            wrong.append(f"the stored weight {one.name} is none of the model's")
            continue
        weights.add(one.name)
        numbers += found.size
        distance = np.abs(found - one.values)
        spare = one.slack * (np.abs(found) + np.abs(one.values)) + one.least
        bad = ~(distance <= np.abs(found - one.nearest(found)) + spare)
        if one.steps is not None:
            steps = distance / np.abs(one.steps)
            worst = max(worst, float(np.nan_to_num(steps, nan=np.inf).max()))
            bad |= steps > (BEYOND_FITTED if fitted else BEYOND)
        if bad.any():
            place = tuple(int(i) for i in np.unravel_index(np.argmax(bad), bad.shape))
            wrong.append(
                f"{int(bad.sum())} of {bad.size} numbers of {one.name} are not the model's, the first at "
                f"{place}: {one.values[place]:.4g} for {found[place]:.4g}"
            )
    if len(wrong) > SHOWN:
        wrong[SHOWN:] = [f"{len(wrong) - SHOWN} more weights are wrong"]
    return StoredParity(len(weights), numbers, worst), tuple(wrong)
