"""Web kits of small real models, and the Node and the Chromium that run them."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import typescript
from onnx import TensorProto, helper, numpy_helper
from tiny_kits import LABELS, LIMIT, TEXTS, passed

import edgekit
from edgekit.data.token_labels import word_starts
from edgekit.files import sha256_file, size_bytes
from edgekit.kits.answers import Answer
from edgekit.kits.manifest import Bundle
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.kits.web import versions, write_web
from edgekit.models.load import load_tokenizer
from edgekit.tasks import get_task
from edgekit.types import Artifact, Signature, TensorSpec

TEMPLATE = Path(edgekit.__file__).parent / "kits" / "web" / "template"
DRIVER = Path(__file__).parent / "page_driver.mjs"
PUPPETEER = "25.16.0"
PACKAGES = (
    f"typescript@{versions.TYPESCRIPT}",
    f"@types/node@{versions.NODE_TYPES}",
    f"onnxruntime-node@{versions.ONNXRUNTIME}",
    f"onnxruntime-web@{versions.ONNXRUNTIME}",
    f"puppeteer-core@{PUPPETEER}",
)
WIDTH = 8  # of the small models' one layer
TASKS = (*LABELS, "text-regression", "sentence-embedding")


def small_onnx(folder: Path, tokenizer: Path, *, task: str, labels: Sequence[str] | None = None) -> Artifact:
    """A model of one random layer over the tokens' vectors, for a task, with as many outputs as labels."""
    chosen, spec = tuple(LABELS.get(task, ()) if labels is None else labels), get_task(task)
    outputs = len(chosen) or (1 if spec.truth == "number" else WIDTH)
    vocabulary = len(load_tokenizer(tokenizer, uri="tiny"))
    random = np.random.default_rng(0)
    vectors = random.standard_normal((vocabulary, WIDTH)).astype(np.float32)
    head = random.standard_normal((WIDTH, outputs)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["vectors", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["shown"]),
        helper.make_node("Mul", ["words", "shown"], ["masked"]),
    ]
    pooled = "masked"
    if not spec.per_token:
        nodes.append(helper.make_node("ReduceMean", ["masked"], [pooled := "mean"], axes=[1], keepdims=0))
    made = "made" if task == "sentence-embedding" else spec.output
    nodes.append(helper.make_node("MatMul", [pooled, "head"], [made]))
    if made != spec.output:
        nodes.append(helper.make_node("LpNormalization", [made], [spec.output], axis=-1, p=2))
    shape = ("batch", "sequence", outputs) if spec.per_token else ("batch", outputs)
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info(spec.output, TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(vectors, "vectors"),
            numpy_helper.from_array(head, "head"),
            numpy_helper.from_array(np.array([2]), "last"),
        ],
    )
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return Artifact(
        name="small-onnx",
        path=path,
        target="onnx",
        precision="fp32",
        signature=Signature(
            task,
            tuple(
                TensorSpec(name, ("batch", "sequence"), "int64") for name in ("input_ids", "attention_mask")
            ),
            (TensorSpec(spec.output, shape, "float32"),),
            chosen,
            LIMIT,
        ),
        size_bytes=size_bytes(path),
        sha256=sha256_file(path),
        parameters=vectors.size + head.size,
    )


def answers(artifact: Artifact, tokenizer: Path) -> list[Answer]:
    """What ONNX Runtime answers from Python with the same file."""
    session = onnxruntime.InferenceSession(str(artifact.path))
    processor = load_tokenizer(tokenizer, uri="tiny")
    signature, made = artifact.signature, []
    tagged = get_task(signature.task).truth == "tags"
    for text in TEXTS:
        given = " ".join(text.split()) if tagged else text
        [row], [starts] = word_starts(processor, [given], LIMIT)
        tokens = {spec.name: row[spec.name] for spec in signature.inputs}
        (output,) = session.run(None, {key: np.array([ids]) for key, ids in tokens.items()})
        tags = [None if at is None else int(output[0][at].argmax()) for at in starts] if tagged else None
        made.append(Answer(given, tokens, output.ravel().tolist(), tags=tags))
    return made


def web_kit(
    artifact: Artifact, tokenizer: Path, folder: Path, *, name: str = "tiny", golden: int = 100
) -> Bundle:
    return write_web(
        artifact,
        passed(artifact),
        build_tables(tokenizer, max_length=LIMIT, checked=20),
        folder,
        name=name,
        golden=golden_vectors(load(tokenizer, max_length=LIMIT), count=golden),
        answers=answers(artifact, tokenizer),
        licences={"student": "Apache-2.0"},
    )


def node_modules() -> Path:
    """The packages of a kit's package.json, and a browser's driver; skips where there are none."""
    try:
        return typescript.installed(f"web-{versions.ONNXRUNTIME}-{PUPPETEER}", *PACKAGES)
    except typescript.Unavailable as why:
        pytest.skip(f"Web kits can't be run: {why}")


def ready(kit: Bundle) -> Path:
    """The kit's folder, as after `npm install`."""
    (kit.path / "node_modules").symlink_to(node_modules())
    return kit.path


def node(folder: Path, *words: str, given: str | None = None) -> tuple[int, str]:
    """Runs Node in a folder. Returns its exit code and what it printed."""
    done = subprocess.run(
        ["node", *words],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


def tsc(folder: Path, *words: str) -> tuple[int, str]:
    return node(folder, str(node_modules() / "typescript" / "bin" / "tsc"), *words)


@contextlib.contextmanager
def served(kit: Path) -> Iterator[tuple[str, int]]:
    """The kit's own server: its address, and the number of its process."""
    with subprocess.Popen(["node", "serve.mjs", "0"], cwd=kit, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip(), server.pid
        finally:
            server.terminate()


@contextlib.contextmanager
def served_plainly(kit: Path) -> Iterator[str]:
    """Any static server: it sends no headers for isolation."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(kit)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return None


def visit(url: str, *, driver: Path = DRIVER, **plan: Any) -> dict[str, Any]:
    """What headless Chromium sees at an address; skips where there is no Chromium. See the drivers' plans."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("The page can't be opened: there is no chromium on the PATH.")
    puppeteer = node_modules() / "puppeteer-core" / "lib" / "puppeteer" / "puppeteer-core.js"
    code, printed = node(Path(), str(driver), str(puppeteer), chromium, url, given=json.dumps(plan))
    assert code == 0, printed
    return json.loads(printed)
