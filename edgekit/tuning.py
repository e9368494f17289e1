"""Tuning a decoder, as Python functions; `edgekit tune` and `edgekit self-train` are thin layers over it."""

from __future__ import annotations

from edgekit.tune.memory import Memory
from edgekit.tune.run import Held, Tuned, estimate, tune
from edgekit.tune.self_training import Iteration, Plan, SelfTrained, self_train
from edgekit.tune.settings import Settings

__all__ = [
    "Held",
    "Iteration",
    "Memory",
    "Plan",
    "SelfTrained",
    "Settings",
    "Tuned",
    "estimate",
    "self_train",
    "tune",
]
