"""A web kit that writes text, in Node: natively and in WebAssembly it writes what Python's runner writes."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import onnx
import pytest
from generator_kits import NAME, tiny_parts
from web_kits import DRIVER, node, node_modules, served, tsc, visit

from edgekit.app import import_result
from edgekit.device_result import LLM_PROTOCOL
from edgekit.errors import ExportError
from edgekit.files import sha256_file
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.web import write_web_generator
from edgekit.report.render import write_report
from edgekit.stages.decoder_bundling import with_unrounded
from tests.decoder_report import decoder_report

TEST = ("--test", "test/generator.test.mjs")
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
PAGE = DRIVER.parent / "generator_page_driver.mjs"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> GeneratorParts:
    return tiny_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def kit(parts: GeneratorParts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ready(parts, tmp_path_factory.mktemp("kits") / "kit")


def ready(parts: GeneratorParts, folder: Path) -> Path:
    """The kit, as after `npm install`."""
    made = write_web_generator(parts, folder)
    (made.path / "node_modules").symlink_to(node_modules())
    return made.path


def test_a_kit_carries_what_it_needs_and_nothing_of_other_tasks(kit: Path, parts: GeneratorParts) -> None:
    told = json.loads((kit / "model/kit.json").read_text())
    files = {path.name for path in (kit / "model").iterdir()} - {"kit.json"}
    assert set(told["integrity"]) == files and told["artifact"]["task"] == "text-generation"
    for name, value in told["integrity"].items():
        digest = base64.b64decode(value.removeprefix("sha256-")).hex()
        assert digest == sha256_file(kit / "model" / name)
    package = json.loads((kit / "package.json").read_text())
    assert package["name"] == "tiny-talk" and "bench" in package["scripts"]
    for name in ("js/engine.js", "js/model.js", "demo/answers.js", "demo/measuring.js", "test/samples.json"):
        assert not (kit / name).exists()
    for source in [*kit.glob("js/**/*.js"), *kit.glob("demo/*.js"), kit / "bench.mjs"]:
        for name in re.findall(r"""(?:from|import\(?|new URL\() ?"(\.[^"]+\.js)\"""", source.read_text()):
            assert (source.parent / name).resolve().is_file() or "node_modules" in name, (source, name)
    readme = (kit / "README.md").read_text()
    assert NAME in readme and "model.chat(" in readme and "mean KL" in readme


def test_its_typescript_compiles_to_its_javascript(kit: Path, tmp_path: Path) -> None:
    shutil.copytree(kit / "src", tmp_path / "src")
    for name in ("tsconfig.json", "package.json"):
        shutil.copy(kit / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(node_modules())
    code, printed = tsc(tmp_path, "-p", ".")
    assert code == 0, printed
    for file in tmp_path.glob("js/**/*.?s"):
        assert file.read_text() == (kit / file.relative_to(tmp_path)).read_text()


@pytest.mark.parametrize("runtime", ["node", "web"])
def test_a_kit_passes_its_own_tests(kit: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT", runtime)
    code, printed = node(kit, *TEST)
    assert code == 0 and "# pass 8" in printed, printed
    assert "continuations as in Python: 6 of 6" in printed  # in fp32: not one token is another


def test_a_kit_that_differs_fails_its_tests(kit: Path, tmp_path: Path) -> None:
    own = shutil.copytree(kit, tmp_path / "kit", symlinks=True)
    golden = own / "test/generation-golden.txt"
    lines = [line.split(" ") for line in golden.read_text().splitlines()]
    for words in lines:
        if words[0] in ("prompt", "chat"):
            words[2] += ",1"
        elif words[0] == "stream":
            words[3] = words[3].removesuffix(",-") + ",61"
        elif words[0] == "choose":
            words[9] = "0," + words[9]
        else:
            words[1], words[2] = "1," + words[1], "9.0," + words[2]
    golden.write_text("".join(" ".join(words) + "\n" for words in lines))
    code, printed = node(own, *TEST)
    assert code != 0 and "# fail 4" in printed, printed


def test_the_benchmark_writes_a_result_that_enters_the_report(
    kit: Path, parts: GeneratorParts, tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    code, printed = node(kit, "bench.mjs", "--threads", "1", "--seconds", "0", "--out", str(out))
    assert code == 0 and "64 tokens of prompt: first after" in printed, printed
    result = json.loads(out.read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    [row] = result["rows"]
    assert row["protocol"] == LLM_PROTOCOL and row["threads"] == 1 and row["peak_bytes"] > 10_000_000
    assert row["answers"] == {"samples": 6, "token_agreement": 1}  # of fp32, so not one token is another
    [figures] = row["generation"]  # half of the context: it has no room for 128 and 64
    assert (figures["prompt_tokens"], figures["new_tokens"], figures["runs"], row["runs"]) == (64, 63, 5, 5)
    assert figures["first_token_p50_ms"] <= figures["first_token_p90_ms"] and row["load_ms"] > 0
    assert figures["next_token_p50_ms"] <= figures["next_token_p99_ms"] and row["warmup"] == 1
    assert figures["tokens_per_second"] > 0 <= figures["tokens_per_second_sd"]
    report = decoder_report()
    ran = replace(report.artifacts[0], name=parts.artifact.name, sha256=parts.artifact.sha256)
    write_report(replace(report, artifacts=(ran,)), tmp_path)
    import_result(out, into=tmp_path)
    page = (tmp_path / "report.md").read_text().split("### Writing text")[1].split("###")[0]
    assert f"| {figures['tokens_per_second']:.1f} (±" in page and "onnxruntime-node" in page


def test_what_can_not_be_measured_is_a_row_that_says_why(kit: Path, tmp_path: Path) -> None:
    own, out = shutil.copytree(kit, tmp_path / "kit", symlinks=True), tmp_path / "result.json"
    (own / "model/model.onnx").write_bytes(b"no model")
    code, printed = node(own, "bench.mjs", "--threads", "1", "--seconds", "0", "--out", str(out))
    assert code == 0 and "could not be opened" in printed, printed
    result = json.loads(out.read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert "generation" not in result["rows"][0] and result["rows"][0]["runs"] == 0


@pytest.mark.slow
def test_other_families_write_as_in_python(tmp_path: Path) -> None:
    """Learned positions, a window, ALiBi: what the runtime is given differs."""
    for family in ("gpt2", "mistral", "falcon-alibi"):
        parts = tiny_parts(tmp_path / family, family=family)
        code, printed = node(ready(parts, tmp_path / f"{family}-kit"), *TEST)
        assert code == 0 and "continuations as in Python: 6 of 6" in printed, printed


def test_a_model_without_chat_says_why(parts: GeneratorParts, tmp_path: Path) -> None:
    why = "The chat template writes the day's date."
    silent = replace(parts, generation=replace(parts.generation, chat=None, no_chat=why))
    silent = replace(
        silent,
        generation_golden=replace(
            parts.generation_golden,
            prompted=tuple(one for one in parts.generation_golden.prompted if isinstance(one.said, str)),
        ),
    )
    made = write_web_generator(silent, tmp_path / "kit")
    assert why in (made.path / "README.md").read_text() and made.manifest["generation"]["no_chat"] == why
    assert 'generate("…")' in made.use[2]
    (made.path / "node_modules").symlink_to(node_modules())
    code, printed = node(made.path, *TEST)
    assert code == 0, printed


def test_a_package_is_refused(parts: GeneratorParts, tmp_path: Path) -> None:
    other = replace(parts, artifact=replace(parts.artifact, target="coreml"))
    with pytest.raises(ExportError, match="carries ONNX with caches"):
        write_web_generator(other, tmp_path / "kit")


@pytest.mark.kits
def test_the_page_streams_stops_and_outlives_its_server(kit: Path) -> None:
    with served(kit) as (url, process):
        seen = visit(url, driver=PAGE, type="the cat sat", stopServer=process)
    assert seen["console"] == seen["foreign"] == [] and seen["problem"] == ""
    first, second = seen["first"], seen["second"]
    assert first["written"] and first["grew"] > 5 and first["written"] in first["heard"]
    assert seen["live"] == "polite" and seen["stopped"] == "you" and seen["focus"] == "text"
    assert first["facts"]["Ended by"] == "length" and float(first["facts"]["Tokens a second"]) > 0
    known = re.fullmatch(r"(\d+) tokens, (\d+) known", second["facts"]["Prompt"])
    assert known and 20 < int(known[2]) < int(known[1])  # the first turn was not read again
    assert seen["offline"]["written"] == first["written"]
    result = json.loads(seen["result"])
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    [row] = result["rows"]
    assert row["answers"]["token_agreement"] == 1 and row["generation"][0]["runs"] == 5
    assert f"{row['generation'][0]['tokens_per_second']:.1f} ±" in seen["measured"]


def test_webassembly_unpacks_what_it_has_no_kernels_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes what Python writes when it does not round inputs either; packed or not, it is the same."""
    parts = tiny_parts(tmp_path / "int4", precision="int4")
    parts = replace(parts, generation_golden=with_unrounded(parts))
    kit = ready(parts, tmp_path / "kit")
    told = json.loads((kit / "model/kit.json").read_text())
    assert told["unpacked"] == "model.unpacked.onnx" and told["unpacked"] in told["integrity"]
    kinds = {
        node.op_type
        for node in onnx.load(kit / "model" / told["unpacked"], load_external_data=False).graph.node
    }
    assert "DequantizeLinear" in kinds and "MatMulNBits" not in kinds
    monkeypatch.setenv("ORT", "web")
    code, printed = node(kit, *TEST)
    assert code == 0 and "continuations as in Python: 6 of 6" in printed, printed
    monkeypatch.setenv("ORT", "node")
    code, printed = node(kit, *TEST)
    assert code == 0 and "continuations as in Python: 6 of 6" in printed, printed
    (kit / "both.mjs").write_text(
        'import { Generator } from "./js/index.js";\n'
        'const onnxruntime = await import("onnxruntime-web/wasm");\n'
        "for (const packed of [true, false]) {\n"
        "  const model = await Generator.load({ onnxruntime, packed, threads: 1 });\n"
        '  for await (const _ of model.generate("the cat sat", { maxTokens: 12 })) continue;\n'
        "  console.log(model.last.tokens.join());\n"
        "}\n"
    )
    code, printed = node(kit, "both.mjs")
    packed, unpacked = printed.split()
    assert code == 0 and packed == unpacked and packed.count(",") == 11


def test_a_plain_decoder_needs_no_unpacking(kit: Path, parts: GeneratorParts) -> None:
    assert not (kit / "model/model.unpacked.onnx").exists()
    assert with_unrounded(parts) == parts.generation_golden
