"""The README of a web kit for images or clips: how to add it, call it and try it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import ts_literal
from edgekit.kits.web import versions
from edgekit.kits.web.readme import MEASURE, browser_notes, label_words
from edgekit.types import Artifact, Parity


@dataclass(frozen=True, slots=True)
class Words:
    """What differs between kinds of input."""

    api: str  # "ImageClassifier"
    argument: str  # in JavaScript: "image"
    one: str  # "An image"
    inputs: str  # "images"
    tried: str  # a sentence: what to do on the page
    notes: str  # Markdown: what may be given, and what comes before; SLUG is the package
    tested: str  # "pixels and outputs"


def use_lines(words: Words, folder: Path, slug: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    return (
        f"npm install {folder} onnxruntime-web@{versions.ONNXRUNTIME}   (in Node: onnxruntime-node)",
        f'import {{ {words.api} }} from "{slug}"; const classifier = await {words.api}.load();',
        f"const answer = await classifier.classify({words.argument}); // Record<Label, number>",
    )


def readme(artifact: Artifact, parity: Parity, words: Words, *, name: str, slug: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as TypeScript would spell it."""
    signature = artifact.signature
    return f"""# {slug}

{ts_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, for browsers
(pages and workers) and Node 20 or later. {words.one} goes in, the answer comes out; nothing leaves the
device.

## Try it

```sh
npm install
npm start       # then open the address that it prints
```

{words.tried}
It works without network after the first visit, and measures the device.

## Use

```sh
npm install ./{slug} onnxruntime-web@{versions.ONNXRUNTIME}     # onnxruntime-node for Node; both have one API
```

```js
import {{ {words.api} }} from "{slug}";

const classifier = await {words.api}.load();
const answer = await classifier.classify({words.argument});  // Record<Label, number>
const [best] = await classifier.top({words.argument});       // {{ label, probability }}
await classifier.close();
```
{label_words(signature.labels)}
{words.notes.replace("SLUG", slug)}
Keep the classifier: loading takes time, and any number of callers may share it.

{browser_notes(words.api, slug, variable="classifier")}
## What was proved

{proof(parity, inputs=words.inputs)} `manifest.json` has the hashes and every gate.

```sh
npm test        # {words.tested}, on this computer
```

{MEASURE}"""
