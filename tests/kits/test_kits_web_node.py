"""Web kits in Node: the shipped JavaScript is the TypeScript's, passes its own tests, and measures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import small_tokenizers as small
from web_kits import TASKS, TEMPLATE, node, node_modules, ready, small_onnx, tsc, web_kit

from edgekit.data.token_labels import _first_tokens
from edgekit.kits.names import MOST_CASES, ts_literal
from edgekit.kits.tokenizer import build_tables, golden_vectors, load, write_tables

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
RUNNER = Path(__file__).parent / "tokenizer_runner.mjs"
HOSTILE = (
    'a "quote"', "'", "`", "${x}", "</script><script>", "<img src=x onerror=alert(1)>", "\\", "\\u0041",
    "*/ //", "line\nend\r\n", "\u2028\u2029", "\u202eright\u2066", "\u0000", "", " ", "__proto__",
    "constructor", "toString", "hasOwnProperty", "then", "0", "1", "正面", "שלילי", "🙂", "\u0301", "é",
    "e\u0301", "x" * 70_000,
)  # fmt: skip
LABEL_SETS = {
    "hostile": HOSTILE,
    "thousand": tuple(f"number {i}" for i in range(MOST_CASES)),
    "many": tuple(f'{i} "`${{\n' for i in range(10_000)),
}
# Who uses a kit has neither its settings nor Node's types.
CONSUMER = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom")


@pytest.fixture(scope="module")
def kits(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A kit of each task."""
    node_modules()
    folder = tmp_path_factory.mktemp("web")
    made = {}
    for task in TASKS:
        artifact = small_onnx(folder / "models" / task, tiny_encoder, task=task)
        made[task] = ready(web_kit(artifact, tiny_encoder, folder / task, name=task))
    return made


def test_the_shipped_javascript_is_what_the_compiler_makes(tmp_path: Path) -> None:
    """To bring it up to date: tsc -p edgekit/kits/web/template, with the packages of package.json at hand."""
    shutil.copytree(TEMPLATE / "src", tmp_path / "src")
    shutil.copy(TEMPLATE / "tsconfig.json", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(node_modules())
    code, printed = tsc(tmp_path, "-p", ".")
    assert code == 0, printed
    made, shipped = (
        {p.relative_to(root): p.read_text() for p in root.rglob("*.?s")} for root in _both(tmp_path)
    )
    assert made == shipped


def _both(folder: Path) -> tuple[Path, Path]:
    return folder / "js", TEMPLATE / "js"


@pytest.mark.parametrize("task", TASKS)
def test_a_kit_of_each_task_passes_its_own_tests(kits: dict[str, Path], task: str) -> None:
    code, printed = node(kits[task], "--test", "test/kit.test.mjs", "test/task.test.mjs")
    assert code == 0 and "# pass 7" in printed, printed
    [worst] = [line.split(": ")[1] for line in printed.splitlines() if "largest difference" in line]
    assert float(worst) < 1e-5


def test_a_kit_that_answers_differently_fails_its_tests(kits: dict[str, Path], tmp_path: Path) -> None:
    kit = shutil.copytree(kits["text-classification"], tmp_path / "kit", symlinks=True)
    golden, samples = kit / "test/golden.txt", kit / "test/samples.json"
    *rest, last = golden.read_text().splitlines()
    text, pair, ids, types = last.split(" ")
    wrong = " ".join([text, pair, f"{ids[:-1]}{(int(ids[-1]) + 1) % 10}", types])
    golden.write_text("\n".join([*rest, wrong]) + "\n")
    told = json.loads(samples.read_text())
    told["samples"][0]["output"][0] += 0.5
    samples.write_text(json.dumps(told))
    code, printed = node(kit, "--test", "test/kit.test.mjs", "test/task.test.mjs")
    assert code != 0 and "# fail 3" in printed  # tokens, outputs, answers


@pytest.mark.parametrize(
    "name", ["hostile", *(pytest.param(name, marks=pytest.mark.slow) for name in ("thousand", "many"))]
)
def test_labels_are_what_they_were_however_they_are_written(
    name: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    labels = LABEL_SETS[name]
    artifact = small_onnx(tmp_path / "model", tiny_encoder, task="text-classification", labels=labels)
    kit = ready(web_kit(artifact, tiny_encoder, tmp_path / "kit", golden=5))
    (kit / "ask.mjs").write_text(
        'import { Classifier } from "tiny";\n'
        "const classifier = await Classifier.load();\n"
        'const answer = await classifier.classify("a film");\n'
        'const [best] = await classifier.top("a film");\n'
        "const keys = Object.keys(answer);\n"
        "const sum = keys.reduce((total, key) => total + answer[key], 0);\n"
        "const plain = Object.getPrototypeOf(answer) === Object.prototype;\n"
        "const agree = answer[best.label] === best.probability;\n"
        "console.log(JSON.stringify([classifier.allLabels, keys, sum, plain, agree]));\n"
    )
    code, printed = node(kit, "ask.mjs")
    assert code == 0, printed[-2000:]
    every, keys, total, plain, agree = json.loads(printed)
    assert tuple(every) == labels and set(keys) == set(labels) and len(keys) == len(labels)
    assert abs(total - 1) < 1e-6 and plain and agree
    union = len(labels) <= MOST_CASES
    (kit / "use.ts").write_text(
        'import { Classifier, type Label } from "tiny";\n'
        "const classifier = await Classifier.load();\n"
        'const answer: Record<Label, number> = await classifier.classify("a");\n'
        + "".join(
            f"export const share{i}: number = answer[{ts_literal(one)}];\n"
            for i, one in enumerate(labels[:40])
        )
        + ("// @ts-expect-error it is no label\n" if union else "")
        + 'export const other: Label = "no such label";\n',
        encoding="utf-8",
    )
    code, printed = tsc(kit, *CONSUMER, "use.ts")
    assert code == 0, printed[:2000]


def test_the_benchmark_writes_a_result_that_can_be_imported(kits: dict[str, Path], tmp_path: Path) -> None:
    kit, out = kits["text-classification"], tmp_path / "result.json"
    words = ("--threads", "1,2", "--seconds", "0.1", "--warmup", "2", "--out", str(out))
    code, printed = node(kit, "bench.mjs", *words)
    assert code == 0, printed
    result = json.loads(out.read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    manifest = json.loads((kit / "manifest.json").read_text())
    assert result["artifact"]["sha256"] == manifest["model"]["sha256"] and result["kit"]["platform"] == "web"
    assert [row["threads"] for row in result["rows"]] == [1, 2]
    for row in result["rows"]:
        assert row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"] and row["not_measured"] == ""
        assert row["runs"] % row["texts"] == 0 and row["peak_bytes"] > 10_000_000
        assert row["answers"]["label_agreement"] == 1 and row["answers"]["max_abs_error"] < 1e-5


def test_what_can_not_be_measured_is_a_row_that_says_why(kits: dict[str, Path], tmp_path: Path) -> None:
    kit, out = tmp_path / "kit", tmp_path / "result.json"
    shutil.copytree(kits["text-classification"], kit, symlinks=True)
    (kit / "model/model.onnx").write_bytes(b"no model")
    code, printed = node(kit, "bench.mjs", "--threads", "1", "--seconds", "0", "--out", str(out))
    assert code == 0, printed
    result = json.loads(out.read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    [row] = result["rows"]
    assert "could not be opened" in row["not_measured"] and "p50_ms" not in row


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) for kind in ("cased", "roberta", "llama3", "unigram")]
    + ["uncased"],
)
def test_words_begin_at_the_tokens_of_pythons_tagger(kind: str, tmp_path: Path) -> None:
    node_modules()
    path = small.saved(kind, tmp_path)
    tables = write_tables(build_tables(path, checked=0), tmp_path / "tables")
    source = load(path)
    texts = [" ".join(one.text.split()) for one in golden_vectors(source, count=800) if one.pair is None]
    texts = [text for text in texts if text]
    module = TEMPLATE / "js" / "tokenizer" / "tokenizer.js"
    code, printed = node(Path(), str(RUNNER), str(module), str(tables), "words", given=json.dumps(texts))
    assert code == 0, printed
    found: list[Any] = json.loads(printed)
    expected = [_first_tokens(text, source.tokenizer.encode(text).offsets) for text in texts]
    assert len(texts) > 500 and found == expected
