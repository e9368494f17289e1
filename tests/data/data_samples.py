"""Small labelled sets that the data tests share."""

from edgekit.data.table import Table
from edgekit.recipe.schema import Data
from edgekit.types import Split, Splits

ADJECTIVES = ("quiet", "loud", "tender", "clumsy", "bold", "weary", "radiant", "stale", "sharp", "hollow")
RATING = {"column": "rating", "bins": {"negative": [None, -0.5], "positive": [0.5, None]}}


def data(**fields) -> Data:
    return Data(source={"path": "unused"}, **fields)


def reviews(positive: int = 60, negative: int = 40) -> Table:
    rows = [
        (f"A {ADJECTIVES[i % 10]} film, number {i}.", "pos" if i < positive else "neg")
        for i in range(positive + negative)
    ]
    return Table({"text": [text for text, _ in rows], "label": [label for _, label in rows]}, "reviews.csv")


def cuts(splits: Splits) -> tuple[Split, Split, Split]:
    return splits.train, splits.validation, splits.test


def texts(splits: Splits) -> list:
    return [text for split in cuts(splits) for text in split.inputs]
