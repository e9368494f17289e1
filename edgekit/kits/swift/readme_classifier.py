"""The README of a Swift package for images or clips: how to add it, call it and measure it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import swift_literal
from edgekit.kits.swift.interface import Interface
from edgekit.kits.swift.readme import add_line, label_words, testing
from edgekit.types import Artifact, Parity


@dataclass(frozen=True, slots=True)
class Words:
    """What differs between kinds of input."""

    api: str  # "ImageClassifier"
    argument: str  # in Swift: "image"
    one: str  # "An image"
    inputs: str  # "images"
    notes: str  # Markdown: what may be given, and what the platform does before

    @property
    def load(self) -> str:
        """A line of Swift."""
        return f"let classifier = try await {self.api}.load()"

    @property
    def call(self) -> str:
        """A line of Swift."""
        return f"let answer = try await classifier.classify({self.argument})  // [{self.api}.Label: Float]"


def use_lines(words: Words, folder: Path, module: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    return (add_line(folder, module), words.load, words.call)


def readme(
    artifact: Artifact, parity: Parity, interface: Interface, words: Words, *, name: str, module: str
) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as Swift would spell it."""
    signature = artifact.signature
    return f"""# {module}

{swift_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, on
iOS {interface.ios} and macOS {interface.macos} or later. {words.one} goes in, the answer comes out; nothing
leaves the device.

## Use

In Xcode: File ▸ Add Package Dependencies ▸ Add Local, and choose this folder. Then:

```swift
import {module}

{words.load}
{words.call}
```
{label_words(signature.labels)}
{words.notes}
The first load on a device compiles the model, which takes seconds; the result is kept. A loaded model is safe
to share among tasks.

## What was proved

{proof(parity, inputs=words.inputs)} {testing(module)}"""
