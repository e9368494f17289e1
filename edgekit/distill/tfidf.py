"""TF-IDF + logistic regression: the cheapest thing that could work, so that nobody ships less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Split


def tfidf_predictions(train: Split, inputs: Sequence[Any], *, seed: int) -> np.ndarray:
    """Fits on the training rows and predicts class ids for `inputs`.

    Unigrams and bigrams, sublinear term frequency, L2-regularised logistic regression with C = 4.

    Returns:
        `[N]` int64.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=4.0, max_iter=1000, random_state=seed),
    )
    model.fit([_text(x) for x in train.inputs], list(train.labels))
    return model.predict([_text(x) for x in inputs])


def _text(row: Any) -> str:
    return row if isinstance(row, str) else "\n".join(row)
