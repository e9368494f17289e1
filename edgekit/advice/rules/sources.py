"""Who says what the rules say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One document. `apple`: written by Apple, or by an Apple engineer answering in public."""

    title: str
    url: str
    apple: bool


_GUIDE = "https://apple.github.io/coremltools/docs-guides/source"

TRANSFORMERS = Source(
    "Apple, Deploying Transformers on the Apple Neural Engine (2022)",
    "https://machinelearning.apple.com/research/neural-engine-transformers",
    True,
)
ANE_TRANSFORMERS = Source(
    "Apple, ml-ane-transformers README: embedding lookups are executed on the CPU",
    "https://github.com/apple/ml-ane-transformers",
    True,
)
VISION = Source(
    "Apple, Deploying Attention-Based Vision Transformers to Apple Neural Engine (2024)",
    "https://machinelearning.apple.com/research/vision-transformers",
    True,
)
TYPED = Source("coremltools guide, Typed Execution Workflow", f"{_GUIDE}/typed-execution-example.html", True)
FLEXIBLE = Source("coremltools guide, Flexible Input Shapes", f"{_GUIDE}/flexible-inputs.html", True)
RANGES = Source(
    "Apple engineer, Developer Forums 724930",
    "https://developer.apple.com/forums/thread/724930",
    True,
)
COMPRESSION = Source(
    "coremltools guide, Software Availability of Optimizations", f"{_GUIDE}/opt-whats-new.html", True
)
QUANTIZATION = Source(
    "coremltools guide, Quantization Performance", f"{_GUIDE}/opt-quantization-perf.html", True
)
PALETTES = Source(
    "coremltools guide, Palettization Performance", f"{_GUIDE}/opt-palettization-perf.html", True
)
STATES = Source("coremltools guide, Stateful Models", f"{_GUIDE}/stateful-models.html", True)
PASSES = Source(
    "coremltools, graph pass const_deduplication",
    "https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.passes.defs.html",
    True,
)
RECURRENT = Source(
    "coremltools maintainer, issue 1780", "https://github.com/apple/coremltools/issues/1780", True
)
STATE_WIDTH = Source("coremltools issue 2631", "https://github.com/apple/coremltools/issues/2631", False)
BATCH = Source("coremltools issue 1356", "https://github.com/apple/coremltools/issues/1356", False)
HOLLANCE = Source(
    "hollance/neural-engine, unsupported layers",
    "https://github.com/hollance/neural-engine/blob/master/docs/unsupported-layers.md",
    False,
)
ANE_GUIDE = Source(
    "ANE guide, Model-design rules (measured on M1)",
    "https://ane-guide.readthedocs.io/en/latest/part-5-practice/17-model-design-rules.html",
    False,
)
ANEFORGE = Source(
    "ANEForge, operation catalog M1 to M5", "https://aneforge.readthedocs.io/en/latest/op-catalog/", False
)
