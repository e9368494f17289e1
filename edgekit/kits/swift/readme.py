"""The README of a Swift package: how to add it, call it and measure it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import SWIFT_WORDS, identifiers, swift_literal
from edgekit.kits.swift.interface import Interface
from edgekit.types import Artifact, Parity

_CALLS = {
    "text-classification": (
        "let classifier = try await Classifier.load()",
        'let answer = try await classifier.classify("…")  // [Classifier.Label: Float]',
    ),
    "multi-label-classification": (
        "let classifier = try await Classifier.load()",
        'let labels = try await classifier.labels(of: "…")  // Set<Classifier.Label>',
    ),
    "text-regression": (
        "let regressor = try await Regressor.load()",
        'let value = try await regressor.predict("…")  // Float',
    ),
    "token-classification": (
        "let tagger = try await Tagger.load()",
        'let words = try await tagger.tag("…")  // [TaggedWord]',
    ),
    "sentence-embedding": (
        "let embedder = try await Embedder.load()",
        'let vector = try await embedder.embed("…")  // [Float], of length 1',
    ),
}


def use_lines(task: str, folder: Path, module: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    load, call = _CALLS[task]
    return (add_line(folder, module), load, call)


def readme(artifact: Artifact, parity: Parity, interface: Interface, *, name: str, module: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as Swift would spell it."""
    signature = artifact.signature
    load, call = _CALLS[signature.task]
    return f"""# {module}

{swift_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, on
iOS {interface.ios} and macOS {interface.macos} or later. Text goes in, the answer comes out; nothing leaves
the device.

## Use

In Xcode: File ▸ Add Package Dependencies ▸ Add Local, and choose this folder. Then:

```swift
import {module}

{load}
{call}
```
{label_words(signature.labels)}
The first load on a device compiles the model, which takes seconds; the result is kept. Texts longer than
{signature.max_length} tokens are cut. A loaded model is safe to share among tasks.

## What was proved

{proof(parity)} {testing(module)}"""


def add_line(folder: Path, module: str) -> str:
    """How to add a package."""
    return f"Xcode: File ▸ Add Package Dependencies ▸ Add Local ▸ {folder}; import {module}"


def testing(module: str) -> str:
    """How to test and measure any package, to stand after what was proved."""
    return f"""`manifest.json` has the hashes and every gate.

```sh
swift test      # on a Mac: these very files, executed by Core ML; on Linux: all but Core ML
```

## Measure

```sh
swift run -c release edgekit-bench --out result.json
```

On an iPhone or iPad: make an app in Xcode, add `{module}` and `{module}Benchmark` to it, and put
`Examples/BenchmarkApp.swift` in place of its `App` file. Either way `edgekit bench import result.json` brings
the figures into the report.
"""


def label_words(labels: tuple[str, ...]) -> str:
    """The first labels in a line of their own; "" when the task has none."""
    if not labels:
        return ""
    cases = identifiers(labels, reserved=SWIFT_WORDS)
    shown = ", ".join(f"`.{case}`" for case in cases[:8])
    if len(labels) > 8:
        shown += f" and {len(labels) - 8} more"
    return f"\nLabels: {shown}; `label.name` is the text that the model was trained with.\n"
