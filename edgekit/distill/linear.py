"""Logistic regression on plain features: for arrays, what TF-IDF is for texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def linear_predictions(
    train: np.ndarray, labels: Sequence[int], asked: np.ndarray, *, seed: int
) -> np.ndarray:
    """Fits multinomial logistic regression (L2, C = 0.1) on standardised features.

    Args:
        train: `[N, D]`; `asked`: `[M, D]`.
        labels: class ids of `train`.

    Returns:
        Class ids `[M]` of `asked`, int64.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from edgekit.quiet import quiet

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200, random_state=seed))
    with quiet():  # scikit-learn warns where the last digits have not settled
        model.fit(train, list(labels))
    found: np.ndarray = model.predict(asked)
    return found
