"""The chance that at least one of k samples is right."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Unbiased, from `right` of `samples`: 1 − C(n − c, k) / C(n, k) (Chen et al., 2021, equation 1).

    Args:
        samples: n, drawn independently for one problem.
        right: c of them.
        k: 1 … n.
    """
    if not 0 <= right <= samples or not 1 <= k <= samples:
        raise ValueError(f"no pass@{k} of {right} right among {samples}")
    return 1.0 - math.comb(samples - right, k) / math.comb(samples, k)


def mean_pass_at_k(rights: Sequence[int], samples: int, k: int) -> float:
    """Over problems of which `rights` samples each were right."""
    return sum(pass_at_k(samples, right, k) for right in rights) / len(rights)
