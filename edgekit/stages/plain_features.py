"""Features that cost nothing to think of: what the linear baseline of arrays sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from edgekit.recipe.schema import Recipe
from edgekit.tasks import get_task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Splits

SIDE = 28  # pixels of the image that it sees
BANDS = 64  # of the spectrogram
_CHUNK = 64  # rows


def linear_answers(splits: Splits, recipe: Recipe) -> list[int]:
    """The class id of each test row, from logistic regression on the plain features of training rows."""
    from edgekit.distill.linear import linear_predictions

    seen: Callable[[Sequence[Any]], np.ndarray] = grey_values
    if get_task(recipe.task).reads == "audio":
        seen = partial(log_mel_statistics, rate=recipe.data.sampling_rate, samples=recipe.data.max_length)
    train, asked = seen(splits.train.inputs), seen(splits.test.inputs)
    found: list[int] = linear_predictions(train, splits.train.labels, asked, seed=recipe.seed).tolist()
    return found


def grey_values(inputs: Sequence[Any]) -> np.ndarray:
    """The mean over colours of small images, `[N, 784]` float32."""
    import numpy as np

    from edgekit.models.images.front_end import ImageFrontEnd
    from edgekit.signatures import PIXELS

    images = np.stack(ImageFrontEnd(SIDE, SIDE)(inputs)[PIXELS])
    grey: np.ndarray = images.mean(1, dtype="float32").reshape(len(images), -1)
    return grey


def log_mel_statistics(inputs: Sequence[Any], *, rate: int, samples: int) -> np.ndarray:
    """Mean and deviation over time of each band of the spectrogram, `[N, 128]` float32."""
    import numpy as np
    import torch

    from edgekit.models.audio.front_end import AudioFrontEnd
    from edgekit.models.audio.log_mel import LogMel
    from edgekit.signatures import WAVEFORM

    front_end, spectrogram = AudioFrontEnd(rate, samples), LogMel(rate, samples, BANDS)
    found = []
    for start in range(0, len(inputs), _CHUNK):
        rows = np.stack(front_end(inputs[start : start + _CHUNK])[WAVEFORM])
        image = spectrogram(torch.from_numpy(rows))[:, 0]
        found.append(torch.cat([image.mean(2), image.std(2, correction=0)], 1).numpy())
    return np.concatenate(found)
