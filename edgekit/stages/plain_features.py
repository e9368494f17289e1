"""Features that cost nothing to think of: what the linear baseline of arrays sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Splits

SIDE = 28  # pixels of the image that it sees


def linear_answers(splits: Splits, *, seed: int) -> list[int]:
    """The class id of each test row, from logistic regression on the plain features of training rows."""
    from edgekit.distill.linear import linear_predictions

    train, asked = (grey_values(part.inputs) for part in (splits.train, splits.test))
    found: list[int] = linear_predictions(train, splits.train.labels, asked, seed=seed).tolist()
    return found


def grey_values(inputs: Sequence[Any]) -> np.ndarray:
    """The mean over colours of small images, `[N, 784]` float32."""
    import numpy as np

    from edgekit.models.images.front_end import ImageFrontEnd
    from edgekit.signatures import PIXELS

    images = np.stack(ImageFrontEnd(SIDE, SIDE)(inputs)[PIXELS])
    grey: np.ndarray = images.mean(1, dtype="float32").reshape(len(images), -1)
    return grey
