"""The recipe: every field, its unit, its default and its bounds. Frozen; unknown keys are errors."""

from edgekit.recipe.schema.assets import Asset
from edgekit.recipe.schema.base import Config
from edgekit.recipe.schema.data import Augment, Data, LabelBins, Split, Unlabelled
from edgekit.recipe.schema.distill import (
    Adversarial,
    Baselines,
    Distill,
    EarlyExits,
    HardSamples,
    LossWeights,
    Mutual,
    Objectives,
    OnPolicy,
    Pretrain,
    Snapshot,
    TeacherTexts,
)
from edgekit.recipe.schema.fit import Fit, Range
from edgekit.recipe.schema.outputs import Benchmark, Export, Gates, Mixed
from edgekit.recipe.schema.recipe import Recipe, TaskName
from edgekit.recipe.schema.student import Student, Vocabulary
from edgekit.recipe.schema.training import Teacher, Training

__all__ = [
    "Adversarial",
    "Asset",
    "Augment",
    "Baselines",
    "Benchmark",
    "Config",
    "Data",
    "Distill",
    "EarlyExits",
    "Export",
    "Fit",
    "Gates",
    "HardSamples",
    "LabelBins",
    "LossWeights",
    "Mixed",
    "Mutual",
    "Objectives",
    "OnPolicy",
    "Pretrain",
    "Range",
    "Recipe",
    "Snapshot",
    "Split",
    "Student",
    "TaskName",
    "Teacher",
    "TeacherTexts",
    "Training",
    "Unlabelled",
    "Vocabulary",
]
