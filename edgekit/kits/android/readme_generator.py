"""The README of an Android kit that writes text: how to add it, call it and test it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.android import versions
from edgekit.kits.android.code import Place
from edgekit.kits.android.readme import measuring
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import proof
from edgekit.kits.names import kotlin_literal


def use_lines(parts: GeneratorParts, folder: Path, place: Place) -> tuple[str, ...]:
    """How to add the module, load the model and call it."""
    call = 'chat(listOf(Message(Role.USER, "…")))' if parts.generation.chat else 'generate("…")'
    return (
        f'Gradle: copy {folder / place.module}; include(":{place.module}"); '
        f'implementation(project(":{place.module}"))',
        f"val model = {place.package}.Generator.load(context)",
        f"model.{call}.collect {{ piece -> show(piece) }}",
    )


def readme(parts: GeneratorParts, place: Place) -> str:
    """Markdown. What people wrote (the kit's name) stands in it as Kotlin would spell it."""
    artifact, generation = parts.artifact, parts.generation
    return f"""# {place.module}

{kotlin_literal(parts.name)[1:-1]}: {artifact.signature.task}, {artifact.precision},
{human(artifact.size_bytes)}, for Android 7 (API {versions.MIN_SDK}) and later. It writes text token by token;
nothing leaves the device.

## Use

Copy the folder `{place.module}/` into your project, add `include(":{place.module}")` to its
`settings.gradle.kts` and `implementation(project(":{place.module}"))` to the app's dependencies. Then, in a
coroutine:

```kotlin
import {place.package}.*

val model = Generator.load(context)
model.generate("Once upon a time", maxTokens = 64).collect {{ piece -> show(piece) }}
model.close()
```
{_chat(parts)}
Each piece is whole characters; all pieces are the text. Ending the collection (`take`, a cancelled job) ends
it. `model.last` says afterwards why it ended, how many tokens it has and how long they took.

`Sampling(temperature, topK, topP, minP, repetitionPenalty, seed)` takes the likeliest token each time unless
told otherwise; the same seed draws the same tokens. `stop` are texts that end it, beside the model's own stop
tokens. Prompt and answer have {generation.context:,} tokens together, and a longer prompt is an error.

Keep the object: loading takes time. It writes one text at a time; others wait their turn. The Gradle files
are for Android Gradle plugin {versions.AGP}; with 8, add the plugin `org.jetbrains.kotlin.android` to the
module.

The model lies among the app's assets. Stores limit what an app may weigh: a larger one is better fetched once
and read from a folder, which `Generator.load(Assets {{ name -> … }})` allows.

## What was proved

{proof(parts.parity)} `manifest.json` has the hashes and every gate. `model.onnx` is the exported graph with
its weights inside, which is all that differs; the tests run it.

```sh
gradle :{place.module}:testDebugUnitTest     # tokens, text, choices and what the model writes
```

{measuring(place)}"""


def _chat(parts: GeneratorParts) -> str:
    if parts.generation.chat is None:
        return f"\n**No chat**: {parts.generation.no_chat} Write the whole prompt for `generate` yourself.\n"
    system = "A system text may come first." if ("start", "system") in parts.generation.chat.joints else ""
    return f"""
A conversation is put into the words that the model was trained on; what was read already is not read again:

```kotlin
val messages = listOf(Message(Role.USER, "Why is the sky blue?"))
model.chat(messages, sampling = Sampling(temperature = 0.7, topP = 0.9, seed = 1)).collect {{ show(it) }}
```

User and assistant take turns, the user first and last. {system}
"""
