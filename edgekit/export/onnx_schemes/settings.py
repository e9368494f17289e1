"""What the schemes can be told, beside the plan that says which weight gets which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Calibration = Literal["minmax", "percentile", "entropy", "mse"]


@dataclass(frozen=True, slots=True)
class Settings:
    """One value for all weights of a file."""

    calibration: Calibration = "percentile"  # int8-static: how an activation's range is chosen
    percentile: float = 99.99  # share of values inside the range, in percent
    smoothing: float = 0.5  # int8-smooth: α, how much of the outliers moves into the weights
    symmetric: bool = False  # blocks: a zero point in the middle, so that none is stored
    # MatMulNBits rounds its input to int8 (4) or multiplies in fp32 (0). At 4 the 8-bit kernel is 5 times as
    # fast on x86 with VNNI, the 4-bit one 1.5 times at 16 tokens.
    accuracy_level: int = 4
