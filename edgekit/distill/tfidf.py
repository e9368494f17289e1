"""TF-IDF + a linear model: the cheapest thing that could work, so that nobody ships less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.quiet import quiet
from edgekit.tasks import get_task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Split


def why_not(task: str) -> str:
    """Why words alone can't do a task; "" if they can."""
    if get_task(task).truth in ("class", "classes", "number"):
        return ""
    return f"TF-IDF has one answer for a whole text, and its own terms for it: it can't do {task}."


def tfidf_predictions(
    train: Split, inputs: Sequence[Any], *, task: str = "text-classification", classes: int = 0, seed: int
) -> np.ndarray:
    """Fits on the training rows and answers for `inputs`, in the terms of `edgekit.scores.decide`.

    Unigrams and bigrams, sublinear term frequency; then L2-regularised logistic regression with C = 4 (one
    against the rest for each of several labels), or ridge regression with α = 1.

    Args:
        task: one that `why_not` has nothing against.
        classes: number of labels, for a task with several.

    Returns:
        Class ids `[N]` int64, labels `[N, C]` bool, or numbers `[N]` float64.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    truth = get_task(task).truth
    labels: Any = list(train.labels)
    logistic = LogisticRegression(C=4.0, max_iter=1000, random_state=seed)
    model: Any = logistic
    if truth == "number":
        model = Ridge(alpha=1.0)
    elif truth == "classes":
        labels = np.array([[i in row for i in range(classes)] for row in train.labels])
        # A label that no training row has, or that all have, is answered as it was seen.
        model = OneVsRestClassifier(logistic)
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), model)
    with quiet():  # scikit-learn warns of labels that are constant
        pipeline.fit([_text(x) for x in train.inputs], labels)
    found = pipeline.predict([_text(x) for x in inputs])
    return found.astype(bool) if truth == "classes" else found


def _text(row: Any) -> str:
    return row if isinstance(row, str) else "\n".join(row)
