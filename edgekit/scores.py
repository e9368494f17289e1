"""One score of 0–1 for every task, higher is better, in two steps that resampling can share.

Each row gives a few numbers (`statistics`), and rows together give the score (`combined`): a bootstrap
draws rows and combines them again, and never looks at outputs.

| metric | numbers of a row | together |
|---|---|---|
| accuracy | right | mean |
| micro_f1 | hits, labels given, labels true | 2 hits / (given + true) |
| entity_f1 | hits, entities found, entities true | the same |
| spearman | prediction, truth | rank correlation; none, or a reversed one, is 0 |
| cosine | cosine to the teacher's embedding | mean, at least 0 |
| masked_accuracy | masked tokens right, masked tokens | right / masked |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.tasks import get_task

if TYPE_CHECKING:
    import numpy as np

IGNORED = -100  # the label of a token that is not judged; PyTorch's losses leave it out as well


def decide(task: str, outputs: Any, *, output: str = "logits") -> Any:
    """What a model's outputs say, in the terms of a label.

    Args:
        task: its name.
        outputs: `[…, C]`, a NumPy array or a PyTorch tensor.
        output: the exported tensor's name; "probabilities" have passed a softmax or a sigmoid.

    Returns:
        `[…]` ids (classes, tags, tokens) or numbers (regression); `[…, C]` bool for several labels, where a
        logit above 0 is a probability above one half; an embedding as it is.
    """
    metric = get_task(task).metric
    if metric == "micro_f1":
        return outputs > (0.5 if output == "probabilities" else 0.0)
    if metric == "spearman":
        return outputs[..., 0]
    return outputs if metric == "cosine" else outputs.argmax(-1)


def row_statistics(task: str, decided: Any, truth: Any, *, labels: Sequence[str] = ()) -> tuple[float, ...]:
    """A row's numbers, by the table above.

    Args:
        task: its name.
        decided: of this row, from `decide`; per token it may be longer than `truth` (padding).
        truth: a class id, class ids, a number, an embedding, or an id per token (`IGNORED`: not judged).
        labels: tag names in id order; entities are read from them.
    """
    import numpy as np

    metric = get_task(task).metric
    if metric == "accuracy":
        return (float(decided == truth),)
    if metric == "micro_f1":
        given = {int(i) for i in np.flatnonzero(decided)}
        return (float(len(given.intersection(truth))), float(len(given)), float(len(truth)))
    if metric == "spearman":
        return (float(decided), float(truth))
    if metric == "cosine":
        return (_cosine(np.asarray(decided, np.float64), np.asarray(truth, np.float64)),)
    judged = [(int(decided[i]), int(t)) for i, t in enumerate(truth) if t != IGNORED]
    if metric == "masked_accuracy":
        return (float(sum(d == t for d, t in judged)), float(len(judged)))
    found, true = (_entities([labels[pair[side]] for pair in judged], labels) for side in (0, 1))
    return (float(len(found & true)), float(len(found)), float(len(true)))


def statistics(
    task: str, decided: Iterable[Any], truth: Iterable[Any], *, labels: Sequence[str] = ()
) -> np.ndarray:
    """`row_statistics` of every row, float64 `[N, K]`."""
    import numpy as np

    return np.array(
        [row_statistics(task, d, t, labels=labels) for d, t in zip(decided, truth, strict=True)], np.float64
    )


def combined(task: str, rows: np.ndarray) -> np.ndarray:
    """The score of rows: `[…, N, K]` statistics → `[…]` of 0–1. Without anything to find it is 0."""
    import numpy as np

    metric = get_task(task).metric
    if metric == "spearman":
        return np.clip(_rank_correlation(rows[..., 0], rows[..., 1]), 0.0, 1.0)
    if metric in ("accuracy", "cosine"):
        return np.clip(rows[..., 0].mean(-1), 0.0, 1.0)
    sums = rows.sum(-2)
    hits, whole = (sums[..., 0], sums[..., 1])
    if metric != "masked_accuracy":
        hits, whole = 2 * hits, whole + sums[..., 2]
    return np.where(whole == 0, 0.0, hits / np.where(whole == 0, 1.0, whole))


def score(task: str, outputs: Iterable[Any], truth: Iterable[Any], *, labels: Sequence[str] = ()) -> float:
    """The task's metric, 0–1.

    Args:
        task: its name.
        outputs: one array per row, `[C]`, or `[L, C]` per token.
        truth: one per row; see `row_statistics`.
        labels: tag names in id order, for token classification.
    """
    decided = (decide(task, row) for row in outputs)
    return float(combined(task, statistics(task, decided, truth, labels=labels)))


def root_mean_square_error(rows: np.ndarray) -> float:
    """Of a regression's statistics `[N, 2]`, in the unit of its labels: what rank correlation can't see."""
    import numpy as np

    return float(np.sqrt(np.mean((rows[:, 0] - rows[:, 1]) ** 2)))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    import numpy as np

    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's ρ along the last axis; 0 where one side is constant."""
    import numpy as np
    from scipy.stats import rankdata

    x, y = (rankdata(side, axis=-1) for side in (a, b))
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    scale = np.sqrt((x**2).sum(-1) * (y**2).sum(-1))
    return np.where(scale == 0, 0.0, (x * y).sum(-1) / np.where(scale == 0, 1.0, scale))


def _entities(tags: list[str], names: Sequence[str]) -> set[tuple[str, int, int]]:
    """(kind, first, last) of every entity, as CoNLL reads them; without a chunk scheme, of every tag."""
    if any(name.startswith(("B-", "I-")) for name in names):
        from seqeval.metrics.sequence_labeling import get_entities

        return set(get_entities(tags))
    return {(tag, i, i) for i, tag in enumerate(tags) if tag != "O"}
