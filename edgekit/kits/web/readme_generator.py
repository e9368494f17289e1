"""The README of a web kit that writes text: how to add it, call it and try it."""

from __future__ import annotations

from pathlib import Path

from edgekit.files import human
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import proof
from edgekit.kits.names import ts_literal
from edgekit.kits.web import versions
from edgekit.kits.web.wasm import MOST_PARAMETERS

_MILLIONS = MOST_PARAMETERS // 1_000_000


def use_lines(parts: GeneratorParts, folder: Path, slug: str) -> tuple[str, ...]:
    """How to add the package, load the model and call it."""
    call = 'chat([{ role: "user", content: "…" }])' if parts.generation.chat else 'generate("…")'
    return (
        f"npm install {folder} onnxruntime-web@{versions.ONNXRUNTIME}   (in Node: onnxruntime-node)",
        f'import {{ Generator }} from "{slug}"; const model = await Generator.load();',
        f"for await (const piece of model.{call}) show(piece);",
    )


def readme(parts: GeneratorParts, *, slug: str) -> str:
    """Markdown. What people wrote (the kit's name) stands in it as TypeScript would spell it."""
    artifact, generation = parts.artifact, parts.generation
    return f"""# {slug}

{ts_literal(parts.name)[1:-1]}: {artifact.signature.task}, {artifact.precision}, {human(artifact.size_bytes)},
for browsers (pages and workers) and Node 20 or later. It writes text token by token; nothing leaves the
device.

## Try it

```sh
npm install
npm start       # then open the address that it prints
```

## Use

```sh
npm install ./{slug} onnxruntime-web@{versions.ONNXRUNTIME}     # onnxruntime-node for Node; both have one API
```

```js
import {{ Generator }} from "{slug}";

const model = await Generator.load();
for await (const piece of model.generate("Once upon a time", {{ maxTokens: 64 }})) show(piece);
await model.close();
```
{_chat(parts)}
Each piece is whole characters; all pieces are the text. Leaving the loop, or `signal`, ends it. `model.last`
says afterwards why it ended, how many tokens it has and how long they took.

| option | default | |
|---|---|---|
| `maxTokens` | 128 | tokens to write at most; prompt and answer have {generation.context:,} together |
| `temperature` | 0 | of the softmax; 0 takes the likeliest token each time |
| `topK`, `topP`, `minP` | 0, 1, 0 | draw from the likeliest tokens alone |
| `repetitionPenalty` | 1 | makes tokens that came before less likely |
| `seed` | | the same one draws the same tokens |
| `stop` | | texts that end it, beside the model's own stop tokens |
| `signal` | | an AbortSignal |

Keep the object: loading takes time. It writes one text at a time; others wait their turn.

**In a browser** run it in a worker, as the demo does: WebAssembly works on the thread that asks. It has slow
products for 4-bit and 8-bit matrices, so up to {_MILLIONS} million parameters they become 32-bit numbers when
the model is opened; `packed: true` saves that memory, and is nine times slower. Inputs are not rounded to
int8 as by native kernels, so it may choose other words. Where the browser has WebGPU, give the runtime that
uses it; that was not measured:

```js
const onnxruntime = await import("onnxruntime-web/webgpu");
const model = await Generator.load({{ onnxruntime, providers: ["webgpu", "wasm"] }});
```

**Bundlers** (Vite, webpack …) move code away from its files: copy `model/` to where your server finds it, and
say so with `Generator.load({{ files: "/{slug}/" }})`.

**Without a bundler** browsers can't import by name: give the module,
`Generator.load({{ onnxruntime: await import("./ort.wasm.bundle.min.mjs") }})`, with
`ort-wasm-simd-threaded.wasm` beside it; both are in `onnxruntime-web/dist`.

**Threads** need a page that is cross-origin isolated: https (or localhost), and the headers
`Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`. `npm start` sends
them.

## What was proved

{proof(parts.parity)} `manifest.json` has the hashes and every gate.

```sh
npm test        # tokens, text, choices and what the model writes, on this computer
```

## Measure

```sh
npm run bench   # prompts of 128 and 512 tokens: the first token, tokens a second, memory; in Node
```

writes `result.json` for `edgekit bench import`; the button of the page writes the same of a browser.
"""


def _chat(parts: GeneratorParts) -> str:
    if parts.generation.chat is None:
        return f"\n**No chat**: {parts.generation.no_chat} Write the whole prompt for `generate` yourself.\n"
    system = "A system text may come first." if ("start", "system") in parts.generation.chat.joints else ""
    return f"""
A conversation is put into the words that the model was trained on; what was read already is not read again:

```js
const messages = [{{ role: "user", content: "Why is the sky blue?" }}];
for await (const piece of model.chat(messages, {{ temperature: 0.7, topP: 0.9, seed: 1 }})) show(piece);
```

User and assistant take turns, the user first and last. {system}
"""
