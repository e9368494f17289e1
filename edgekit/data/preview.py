"""What a report says about a data set."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgekit.data.percentiles import percentiles
from edgekit.types import Split, Splits


def preview(splits: Splits) -> dict[str, Any]:
    """Counts and lengths, ready for JSON.

    Returns:
        `rows` (split → count), `classes` (split → label → count), `dropped` (reason → count), `characters`
        (`p50`, `p90`, `p99`, `longest` and `mean` over train, validation and test; a pair counts both texts),
        `labels` in id order, and `fingerprint`.
    """
    parts = {
        "train": splits.train,
        "validation": splits.validation,
        "test": splits.test,
        "calibration": splits.calibration,
        "unlabelled": splits.unlabelled,
    }
    return {
        "rows": {name: len(split) for name, split in parts.items()},
        "classes": {
            name: _classes(split, splits.label_names) for name, split in parts.items() if split.labels
        },
        "dropped": dict(splits.dropped),
        "characters": _characters(splits),
        "labels": list(splits.label_names),
        "fingerprint": splits.fingerprint,
    }


def _classes(split: Split, names: tuple[str, ...]) -> dict[str, int]:
    counts = Counter(split.labels)
    return {name: counts[i] for i, name in enumerate(names)}


def _characters(splits: Splits) -> dict[str, float]:
    inputs = (*splits.train.inputs, *splits.validation.inputs, *splits.test.inputs)
    lengths = [len(text) if isinstance(text, str) else sum(map(len, text)) for text in inputs]
    p50, p90, p99, longest = percentiles(lengths, 50, 90, 99, 100)
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    return {"p50": p50, "p90": p90, "p99": p99, "longest": longest, "mean": round(mean, 1)}
