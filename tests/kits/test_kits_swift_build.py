"""Swift builds the packages, and their own tests pass; Core ML is replaced by recorded answers off a Mac.

Needs Swift on PATH or `make swift-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import small_tokenizers as small
from swift_kits import FLAGS, require_swift, swift, swift_kit, tiny_package, with_labels
from tiny_kits import LIMIT, TEXTS

from edgekit.kits.answers import to_hex
from edgekit.kits.names import swift_literal
from edgekit.kits.swift.code import label_code
from edgekit.kits.tokenizer import build_tables, golden_vectors, load, write_golden, write_tables

pytestmark = [pytest.mark.kits, pytest.mark.slow]
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
HOSTILE = (
    'a "quote"', "\\(fatalError())", "${x}", "line\nend\r\n", "\u202eright\u2066", "class", "none", "self",
    "init", "", " ", "*/ //", "#if 0", '"""', "5 stars", "5-stars", "a b", "a_b", "ﬁ", "fi", "正面", "שלילי",
    "नमस्ते", "🙂", "allCases", "rawValue", "Type", "\u0000", "\u0301", "e\u0301\u0301", "ß", "ſ", "İ",
    "x" * 5000,
)  # fmt: skip


@pytest.fixture(autouse=True)
def swift_is_there() -> None:
    require_swift()


@pytest.mark.parametrize(
    "task",
    ["text-classification", "multi-label-classification", "token-classification", "text-regression",
     "sentence-embedding"],
)  # fmt: skip
def test_a_package_of_each_task_builds_and_passes_its_own_tests(
    task: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    # Embeddings: one length only, so that rows are padded.
    settings = {"shapes": "fixed", "lengths": (LIMIT,)} if task == "sentence-embedding" else {}
    artifact = tiny_package(tiny_encoder, tmp_path / "model.mlpackage", task=task, **settings)
    kit = swift_kit(artifact, tiny_encoder, tmp_path / "kit")
    printed = swift(kit.path, f"swift test {FLAGS}")
    assert re.search(r"tokenizer: (\d+) golden texts, 0 differ", printed)
    assert "with 0 failures" in printed


def test_hostile_labels_the_benchmark_and_every_tokenizer(tiny_encoder: Path, tmp_path: Path) -> None:
    artifact = tiny_package(tiny_encoder, tmp_path / "model.mlpackage", task="text-classification")
    artifact = with_labels(artifact, HOSTILE)
    kit = swift_kit(artifact, tiny_encoder, tmp_path / "kit", name="hostile ${x}").path
    # Without the tests: what SwiftPM itself generates for them off a Mac is no Swift 6.
    swift(kit, f"swift build {FLAGS} -Xswiftc -swift-version -Xswiftc 6")
    assert "with 0 failures" in swift(kit, f"swift test {FLAGS}")

    answers = "Sources/HostileXBenchmark/samples.json"
    bench = "swift run --skip-build edgekit-bench"
    swift(
        kit,
        f"export EDGEKIT_RECORDED_ANSWERS=$PWD/{answers} && "
        f"{bench} --seconds 0.05 --warmup 1 --units all,cpuOnly --out result.json",
    )
    result = json.loads((kit / "result.json").read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["artifact"]["sha256"] == artifact.sha256
    assert [row["compute_units"] for row in result["rows"]] == ["all", "cpuOnly"]
    for row in result["rows"]:
        assert row["runs"] >= row["texts"] and 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["peak_bytes"] > 1_000_000 and row["not_measured"] == ""
        assert row["answers"] == {"samples": len(TEXTS), "max_abs_error": 0, "label_agreement": 1}

    # The same build, with tokenizers of every other kind.
    for kind in small.KINDS:
        folder = kit / "tokenizers" / kind
        source = small.saved(kind, tmp_path / kind)
        write_tables(build_tables(source, checked=0), folder)
        write_golden(golden_vectors(load(source), count=700), folder / "golden.txt")
    printed = swift(
        kit,
        "for kind in tokenizers/*; do export EDGEKIT_TOKENIZER=$PWD/$kind; "
        "swift test --skip-build --filter TokenizerTests || exit 1; done",
    )
    assert len(re.findall(r"golden texts, 0 differ", printed)) == len(small.KINDS)


def test_ten_thousand_labels_compile(tmp_path: Path) -> None:
    labels = [f"{HOSTILE[i % len(HOSTILE)][:40]} {i}" for i in range(10_000)]
    code = "struct Classifier {}\n" + label_code(labels, owner="Classifier")
    (tmp_path / "Label.swift").write_text(code, encoding="utf-8")
    names = "".join(f"        {swift_literal(label)},\n" for label in labels)
    info = f"enum KitInfo {{\n    static let labels: [String] = [\n{names}    ]\n}}\n"
    (tmp_path / "KitInfo.swift").write_text(info, encoding="utf-8")
    check = (
        "typealias Label = Classifier.Label\n"
        "let last = Label(rawValue: 9999)!.name.utf8.map { String($0, radix: 16) }.joined()\n"
        "print(Label.allCases.count, last, Label(rawValue: 10_000) == nil)\n"
    )
    (tmp_path / "main.swift").write_text(check)
    printed = swift(tmp_path, "swiftc -swift-version 6 -warnings-as-errors *.swift -o labels && ./labels")
    last = "".join(f"{byte:x}" for byte in bytes.fromhex(to_hex(labels[9999])))
    assert f"10000 {last} true" in printed


def test_the_example_app_parses(tiny_encoder: Path) -> None:
    """SwiftUI exists on Apple's systems only, so nothing more can be said of it here."""
    from edgekit.kits import swift as room

    examples = Path(room.__file__).parent / "template" / "Examples"
    swift(examples, "swiftc -frontend -parse BenchmarkApp.swift")
