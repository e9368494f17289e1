"""The README of a Swift package for images: how to add it, call it and measure it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import swift_literal
from edgekit.kits.swift.interface import Interface
from edgekit.kits.swift.readme import add_line, label_words, testing
from edgekit.types import Artifact, Parity

_LOAD = "let classifier = try await ImageClassifier.load()"
_CALL = "let answer = try await classifier.classify(image)  // [ImageClassifier.Label: Float]"


def use_lines(folder: Path, module: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    return (add_line(folder, module), _LOAD, _CALL)


def readme(artifact: Artifact, parity: Parity, interface: Interface, *, name: str, module: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as Swift would spell it."""
    signature = artifact.signature
    return f"""# {module}

{swift_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, on
iOS {interface.ios} and macOS {interface.macos} or later. An image goes in, the answer comes out; nothing
leaves the device.

## Use

In Xcode: File ▸ Add Package Dependencies ▸ Add Local, and choose this folder. Then:

```swift
import {module}

{_LOAD}
{_CALL}
```
{label_words(signature.labels)}
`image` is a `CGImage` of any size: the kit resizes and cuts as it was done in training, pixel for pixel. Turn
a photo as its EXIF tag says (`UIImage.cgImage` is not turned), and decode it at its full size. Elsewhere, or
from a camera's buffer, `classify(pixels:width:height:)` takes red, green, blue (and opacity, which is left
out) of every pixel as bytes.

Core Graphics multiplies colour by opacity, and forgets the colour of what is transparent; it converts grey
and other colours that are not red, green and blue to sRGB; and JPEG decoders differ by a value or two. The
kit is exact from the pixels on.

The first load on a device compiles the model, which takes seconds; the result is kept. A loaded model is safe
to share among tasks.

## What was proved

{proof(parity, inputs="images")} {testing(module)}"""
