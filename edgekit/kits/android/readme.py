"""The README of an Android kit: how to add it, call it, test it and measure it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.android import versions
from edgekit.kits.android.code import Place
from edgekit.kits.manifest import proof
from edgekit.kits.names import KOTLIN_WORDS, MOST_CASES, identifiers, kotlin_literal
from edgekit.types import Artifact, Parity

_CALLS = {
    "text-classification": ("Classifier", 'classify("…")', "Map<Label, Float>"),
    "multi-label-classification": ("Classifier", 'labels("…")', "Set<Label>"),
    "text-regression": ("Regressor", 'predict("…")', "Float"),
    "token-classification": ("Tagger", 'tag("…")', "List<TaggedWord>"),
    "sentence-embedding": ("Embedder", 'embed("…")', "FloatArray of length 1"),
}


def use_lines(task: str, folder: Path, place: Place) -> tuple[str, ...]:
    """How to add the module, load the model and call it."""
    api, call, gives = _CALLS[task]
    return (
        f'Gradle: copy {folder / place.module}; include(":{place.module}"); '
        f'implementation(project(":{place.module}"))',
        f"val {api.lower()} = {place.package}.{api}.load(context)",
        f"val answer = {api.lower()}.{call}  // {gives}",
    )


def readme(artifact: Artifact, parity: Parity, place: Place, *, name: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as Kotlin would spell it."""
    signature = artifact.signature
    api, call, gives = _CALLS[signature.task]
    variable = api.lower()
    return f"""# {place.module}

{kotlin_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, for
Android 7 (API {versions.MIN_SDK}) and later. Text goes in, the answer comes out; nothing leaves the device.

## Use

Copy the folder `{place.module}/` into your project, add `include(":{place.module}")` to its
`settings.gradle.kts` and `implementation(project(":{place.module}"))` to the app's dependencies. Then, in a
coroutine:

```kotlin
import {place.package}.*

val {variable} = {api}.load(context)
val answer = {variable}.{call}  // {gives}
{variable}.close()
```
{label_words(signature.labels)}
Keep the object: loading takes time, and any number of coroutines may share it. Texts longer than
{signature.max_length} tokens are cut. The Gradle files are for Android Gradle plugin {versions.AGP}; with 8,
add the plugin `org.jetbrains.kotlin.android` to the module.

## What was proved

{proof(parity)} `manifest.json` has the hashes and every gate.

```sh
gradle :{place.module}:testDebugUnitTest     # tokens and outputs, on this computer
```

{measuring(place)}"""


def measuring(place: Place) -> str:
    """How to measure any module on a phone."""
    return f"""## Measure

```sh
gradle :{place.module}:connectedDebugAndroidTest \\
    -Pandroid.testInstrumentationRunnerArguments.providers=CPU,XNNPACK \\
    -Pandroid.testInstrumentationRunnerArguments.threads=1,2,4
```

runs on the connected phone and leaves `{place.module}.json` below
`{place.module}/build/outputs/connected_android_test_additional_output/`; `edgekit bench import` brings it
into the report. Peak memory belongs to the first row: ask for one provider and one number of threads to have
it of each.
"""


def label_words(labels: tuple[str, ...]) -> str:
    """The first labels in a line of their own; "" when the task has none."""
    if not labels:
        return ""
    if len(labels) > MOST_CASES:
        return f"\n{len(labels):,} labels: `Label.entries`, each with the `text` it had in training.\n"
    names = identifiers(labels, reserved=KOTLIN_WORDS, upper=True)
    shown = ", ".join(f"`Label.{name}`" for name in names[:8])
    more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
    return f"\nLabels: {shown}{more}; `label.text` is the text that the model was trained with.\n"
