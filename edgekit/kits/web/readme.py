"""The README of a web kit: how to add it, call it, try it and measure it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.manifest import proof
from edgekit.kits.names import MOST_CASES, ts_literal
from edgekit.kits.web import versions
from edgekit.types import Artifact, Parity

_CALLS = {
    "text-classification": ("Classifier", 'classify("…")', "Record<Label, number>"),
    "multi-label-classification": ("Classifier", 'labels("…")', "Label[]"),
    "text-regression": ("Regressor", 'predict("…")', "number"),
    "token-classification": ("Tagger", 'tag("…")', "TaggedWord[]"),
    "sentence-embedding": ("Embedder", 'embed("…")', "Float32Array of length 1"),
}
MEASURE = """## Measure

```sh
node bench.mjs --threads 1,2,4 --seconds 10 --out result.json
```

or the page's button, which offers the same file. `edgekit bench import result.json` brings it into the
report.
"""


def use_lines(task: str, folder: Path, slug: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    api, call, gives = _CALLS[task]
    return (
        f"npm install {folder} onnxruntime-web@{versions.ONNXRUNTIME}   (in Node: onnxruntime-node)",
        f'import {{ {api} }} from "{slug}"; const {api.lower()} = await {api}.load();',
        f"const answer = await {api.lower()}.{call}; // {gives}",
    )


def readme(artifact: Artifact, parity: Parity, *, name: str, slug: str) -> str:
    """Markdown. What people wrote (the kit's name, labels) stands in it as TypeScript would spell it."""
    signature = artifact.signature
    api, call, gives = _CALLS[signature.task]
    variable = api.lower()
    return f"""# {slug}

{ts_literal(name)[1:-1]}: {signature.task}, {artifact.precision}, {human(artifact.size_bytes)}, for browsers
(pages and workers) and Node 20 or later. Text goes in, the answer comes out; nothing leaves the device.

## Try it

```sh
npm install
npm start       # then open the address that it prints
```

The page shows the answer as you type, works without network after the first visit, and measures the device.

## Use

```sh
npm install ./{slug} onnxruntime-web@{versions.ONNXRUNTIME}     # onnxruntime-node for Node; both have one API
```

```js
import {{ {api} }} from "{slug}";

const {variable} = await {api}.load();
const answer = await {variable}.{call};  // {gives}
await {variable}.close();
```
{label_words(signature.labels)}
Keep the object: loading takes time, and any number of callers may share it. Texts longer than
{signature.max_length} tokens are cut. The JavaScript in `js/` is ready to use, with its types beside it.

**Bundlers** (Vite, webpack …) move code away from its files: copy `model/` to where your server finds it, and
say so with `{api}.load({{ files: "/{slug}/" }})`.

**Without a bundler** browsers can't import by name: give the module,
`{api}.load({{ onnxruntime: await import("./ort.wasm.bundle.min.mjs") }})`, with
`ort-wasm-simd-threaded.wasm` beside it; both are in `onnxruntime-web/dist`.

**Threads** need a page that is cross-origin isolated: https (or localhost), and the headers
`Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`. Without them the
model runs on one thread; `{variable}.threads` tells. `npm start` sends them.

**Node**: the install script of `onnxruntime-node` fetches GPU libraries on some systems; `--ignore-scripts`
leaves them out, and nothing else. The folder's own `.npmrc` says so for what is installed in it.

## What was proved

{proof(parity)} `manifest.json` has the hashes and every gate.

```sh
npm test        # tokens and outputs, on this computer
```

{MEASURE}"""


def label_words(labels: tuple[str, ...]) -> str:
    """The first labels in a line of their own; "" when the task has none."""
    if not labels:
        return ""
    if len(labels) > MOST_CASES:
        return f"\n{len(labels):,} labels: all of them are in `allLabels`, in the order of their numbers.\n"
    shown = ", ".join(f"`{ts_literal(label)}`" for label in labels[:8])
    more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
    return f"\nLabels: {shown}{more}.\n"
