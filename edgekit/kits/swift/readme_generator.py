"""The README of a Swift package that writes text."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import proof
from edgekit.kits.names import swift_literal
from edgekit.kits.swift.interface import Interface
from edgekit.kits.swift.readme import add_line, testing

_LOAD = "let generator = try await Generator.load()"


def generator_use(parts: GeneratorParts, folder: Path, module: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    return (add_line(folder, module), _LOAD, f"for try await piece in {_call(parts)} {{ … }}")


def generator_readme(parts: GeneratorParts, interface: Interface, *, module: str) -> str:
    """Markdown. What people wrote stands in it as Swift would spell it."""
    artifact, generation = parts.artifact, parts.generation
    chat = (
        "A conversation that goes on is read from where it was left."
        if generation.chat is not None
        else f"No conversations: {generation.no_chat}"
    )
    return f"""# {module}

{swift_literal(parts.name)[1:-1]}: {artifact.signature.task}, {artifact.precision}, \
{human(artifact.size_bytes)}, on
iOS {interface.ios} and macOS {interface.macos} or later. Text goes in, more text streams out; nothing leaves
the device.

## Use

In Xcode: File ▸ Add Package Dependencies ▸ Add Local, and choose this folder. Then:

```swift
import {module}

{_LOAD}
for try await piece in {_call(parts)} {{
    print(piece, terminator: "")
}}

let options = GenerationOptions(maxTokens: 100, temperature: 0.7, topP: 0.9, seed: 1, stop: ["\\n\\n"])
let written = try await generator.text(after: "Once upon a time", options)
print(written.text, written.stoppedBy, written.tokensPerSecond ?? 0)
```

The first load on a device compiles the model, which takes seconds; the result is kept. Prompt and answer
have at most {generation.context} tokens together: a longer prompt is an error, and an answer that reaches the
limit ends there with `stoppedBy == .context`. To stop early, leave the loop or cancel its task. A loaded
model is safe to share among tasks; it writes one text after the other. {chat}

## What was proved

{proof(parts.parity)} {testing(module)}"""


def _call(parts: GeneratorParts) -> str:
    if parts.generation.chat is None:
        return 'generator.generate("…")'
    return 'generator.chat([Message(.user, "…")])'
