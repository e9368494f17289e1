"""The README of a web kit for images: how to add it, call it and try it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import ts_literal
from edgekit.kits.web import versions
from edgekit.kits.web.readme import MEASURE, label_words
from edgekit.types import Artifact, Parity


def use_lines(folder: Path, slug: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    return (
        f"npm install {folder} onnxruntime-web@{versions.ONNXRUNTIME}   (in Node: onnxruntime-node)",
        f'import {{ ImageClassifier }} from "{slug}"; const classifier = await ImageClassifier.load();',
        "const answer = await classifier.classify(image); // Record<Label, number>",
    )


def readme(artifact: Artifact, parity: Parity, *, name: str, slug: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as TypeScript would spell it."""
    signature = artifact.signature
    return f"""# {slug}

{ts_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, for browsers
(pages and workers) and Node 20 or later. An image goes in, the answer comes out; nothing leaves the device.

## Try it

```sh
npm install
npm start       # then open the address that it prints
```

Choose an image, or drop one on the page. It works without network after the first visit, and measures the
device.

## Use

```sh
npm install ./{slug} onnxruntime-web@{versions.ONNXRUNTIME}     # onnxruntime-node for Node; both have one API
```

```js
import {{ ImageClassifier }} from "{slug}";

const classifier = await ImageClassifier.load();
const answer = await classifier.classify(image);  // Record<Label, number>
const [best] = await classifier.top(image);       // {{ label, probability }}
await classifier.close();
```
{label_words(signature.labels)}
`image` is an `ImageBitmap`, an `<img>`, an `ImageData`, or `{{ data, width, height }}` with red, green, blue
(and opacity, which is left out) of every pixel as bytes. Any size will do: the kit resizes and cuts as
it was done in training, pixel for pixel. In Node any decoder that gives raw pixels will do.

Of a file, make the bitmap like this: upright, with the values in the file whatever its colour profile.

```js
const asStored = {{ imageOrientation: "from-image", colorSpaceConversion: "none" }};
const image = await createImageBitmap(file, asStored);
```

A browser's canvas forgets the colour of what is transparent, and JPEG decoders differ by a value or two; the
kit is exact from the decoded pixels on. Keep the classifier: loading takes time, and any number of callers
may share it.

**Bundlers** (Vite, webpack …) move code away from its files: copy `model/` to where your server finds it, and
say so with `ImageClassifier.load({{ files: "/{slug}/" }})`.

**Without a bundler** browsers can't import by name: give the module,
`ImageClassifier.load({{ onnxruntime: await import("./ort.wasm.bundle.min.mjs") }})`, with
`ort-wasm-simd-threaded.wasm` beside it; both are in `onnxruntime-web/dist`.

**Threads** need a page that is cross-origin isolated: https (or localhost), and the headers
`Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`. Without them the
model runs on one thread; `classifier.threads` tells. `npm start` sends them.

## What was proved

{proof(parity, inputs="images")} `manifest.json` has the hashes and every gate.

```sh
npm test        # pixels and outputs, on this computer
```

{MEASURE}"""
