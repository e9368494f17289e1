"""The README of an Android kit for images: how to add it, call it, test it and measure it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.android import versions
from edgekit.kits.android.code import Place
from edgekit.kits.android.readme import label_words, measuring
from edgekit.kits.manifest import proof
from edgekit.kits.names import kotlin_literal
from edgekit.types import Artifact, Parity


def use_lines(folder: Path, place: Place) -> tuple[str, ...]:
    """How to add the module, load the model and call it."""
    return (
        f'Gradle: copy {folder / place.module}; include(":{place.module}"); '
        f'implementation(project(":{place.module}"))',
        f"val classifier = {place.package}.ImageClassifier.load(context)",
        "val answer = classifier.classify(bitmap)  // Map<Label, Float>",
    )


def readme(artifact: Artifact, parity: Parity, place: Place, *, name: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as Kotlin would spell it."""
    signature = artifact.signature
    return f"""# {place.module}

{kotlin_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, for
Android 7 (API {versions.MIN_SDK}) and later. An image goes in, the answer comes out; nothing leaves the
device.

## Use

Copy the folder `{place.module}/` into your project, add `include(":{place.module}")` to its
`settings.gradle.kts` and `implementation(project(":{place.module}"))` to the app's dependencies. Then, in a
coroutine:

```kotlin
import {place.package}.*

val classifier = ImageClassifier.load(context)
val answer = classifier.classify(bitmap)  // Map<Label, Float>
classifier.close()
```
{label_words(signature.labels)}
The bitmap may be of any size: the kit resizes and cuts as it was done in training, pixel for pixel. Turn a
photo as its EXIF tag says, and decode it at its full size, for what `BitmapFactory` makes smaller has other
pixels. Opacity is left out. On the JVM, or from a camera's buffer, `classify(pixels, width, height)` takes
ARGB values. Keep the object: loading takes time, and any number of coroutines may share it. The Gradle files
are for Android Gradle plugin {versions.AGP}; with 8, add the plugin `org.jetbrains.kotlin.android` to the
module.

## What was proved

{proof(parity, inputs="images")} `manifest.json` has the hashes and every gate.

```sh
gradle :{place.module}:testDebugUnitTest     # pixels and outputs, on this computer
```

{measuring(place)}"""
