"""Kotlin compiles the kits, warnings as errors; their own tests pass on the JVM with the real ONNX Runtime.

Needs `make kotlin-toolchain`; skipped with the reason otherwise. Gradle and Android itself are not run.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kotlin_kits import Jvm, android_kit, make_jvm, tiny_onnx
from tiny_kits import LABELS
from tokenizers import (
    AddedToken,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from edgekit.data.token_labels import _first_tokens
from edgekit.kits.android.code import label_code
from edgekit.kits.names import MOST_CASES
from edgekit.kits.tokenizer import (
    Golden,
    Source,
    build_tables,
    golden_vectors,
    load,
    write_golden,
    write_tables,
)
from tests.conftest import reviews

pytestmark = pytest.mark.kits
CHECKS = Path(__file__).parent / "kotlin_checks"
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
TASKS = {
    "text-classification": "Classifier",
    "multi-label-classification": "MultiLabelClassifier",
    "token-classification": "Tagger",
    "text-regression": "Regressor",
    "sentence-embedding": "Embedder",
}
HOSTILE = (
    'a "quote"', "${x}", "$x", "\\u0041", "line\nend\r\n", "\u202eright\u2066", "class", "name", "ordinal",
    "entries", "", " ", "*/ //", "/*", '"""', "5 stars", "5-stars", "a b", "a_b", "ﬁ", "fi", "正面", "שלילי",
    "नमस्ते", "🙂", "COMPANION", "Label", "text", "\u0000", "\u0301", "ß", "ſ", "İ", "`", "x" * 70_000,
    "é" * 40_000,
)  # fmt: skip
LABEL_SETS = {
    "hostile": HOSTILE,
    "thousand": tuple(f"number {i}" for i in range(MOST_CASES)),
    "many": tuple(f'{i} "{{$}}\n' for i in range(10_000)),
}


@dataclass(frozen=True, slots=True)
class Built:
    jvm: Jvm
    jar: Path
    folder: Path

    def module(self, task: str) -> Path:
        return self.folder / task / task


@pytest.fixture(scope="session")
def built(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """One compilation of everything: it takes less than one of each."""
    folder = tmp_path_factory.mktemp("kotlin")
    jvm = make_jvm(folder)
    made = Built(jvm, folder / "kits.jar", folder)
    sources = [CHECKS / name for name in ("Conformance.kt", "LabelTexts.kt", "Measure.kt")]
    for task in TASKS:
        artifact = tiny_onnx(tiny_encoder, folder / "models" / task / "model.onnx", task=task)
        android_kit(artifact, folder / task, name=task)
        sources += made.module(task).glob("src/*/kotlin")
        if task == "text-classification":
            android_kit(artifact, folder / "ort-kit", name="ort kit", ort=True)
            sources += (folder / "ort-kit" / "ort-kit").glob("src/*/kotlin")
    for name, labels in LABEL_SETS.items():
        source = folder / "labels" / f"{name}.kt"
        source.parent.mkdir(exist_ok=True)
        source.write_text(label_code(labels, f"edgekit.{name}"), encoding="utf-8")
        sources.append(source)
    jvm.compile(sources, made.jar)
    return made


@pytest.mark.parametrize("task", TASKS)
def test_a_kit_of_each_task_passes_its_own_tests(built: Built, task: str) -> None:
    package = f"edgekit.{task.replace('-', '')}"
    code, printed = built.jvm.junit(
        built.jar, built.module(task), f"{package}.GoldenTest", f"{package}.{TASKS[task]}Test"
    )
    assert code == 0 and "OK (" in printed, printed
    assert "largest difference of an output: 0.0" in printed  # the same runtime on the same processor


def test_onnx_runtimes_own_format_gives_the_same(built: Built) -> None:
    module = built.folder / "ort-kit" / "ort-kit"
    code, printed = built.jvm.junit(
        built.jar, module, "edgekit.ortkit.GoldenTest", "edgekit.ortkit.ClassifierTest"
    )
    assert code == 0, printed
    assert (module / "src/main/assets/edgekit/ort-kit/model.ort").is_file()


def test_a_kit_that_answers_differently_fails_its_tests(built: Built, tmp_path: Path) -> None:
    module = built.module("text-classification")
    resources = shutil.copytree(module / "src/shared/resources", tmp_path / "resources")
    *rest, last = (resources / "golden.txt").read_text().splitlines()
    text, pair, ids, types = last.split(" ")
    wrong = " ".join([text, pair, f"{ids[:-1]}{(int(ids[-1]) + 1) % 10}", types])
    (resources / "golden.txt").write_text("\n".join([*rest, wrong]) + "\n")
    head, first, *others = (resources / "samples.txt").read_text().splitlines()
    first = first.rsplit(",", 1)[0] + ",9.5"
    (resources / "samples.txt").write_text("\n".join([head, first, *others]) + "\n")
    code, printed = built.jvm.junit(
        built.jar, module, "edgekit.textclassification.GoldenTest", resources=resources
    )
    assert code != 0 and "Tests run: 2,  Failures: 2" in printed


def test_labels_are_what_they_were_however_they_are_written(built: Built) -> None:
    code, printed = built.jvm.run(
        built.jar, built.module("text-classification"), "edgekit.checks.labels.LabelTextsKt"
    )
    assert code == 0, printed[-2000:]
    found: dict[str, list[str]] = {name: [] for name in LABEL_SETS}
    for line in printed.splitlines():
        name, digits = line.split(" ")
        found[name].append(bytes.fromhex(digits).decode())
    assert {name: tuple(texts) for name, texts in found.items()} == LABEL_SETS


def test_the_benchmark_writes_a_result_that_can_be_imported(built: Built) -> None:
    code, printed = built.jvm.run(
        built.jar, built.module("text-classification"), "edgekit.checks.measure.MeasureKt"
    )
    assert code == 0, printed
    result = json.loads(printed)
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    measured, missing = result["rows"]
    assert measured["p50_ms"] <= measured["p90_ms"] <= measured["p99_ms"]
    assert measured["runs"] % measured["texts"] == 0 and measured["peak_bytes"] > 10_000_000
    assert measured["answers"] == {"samples": measured["texts"], "max_abs_error": 0.0, "label_agreement": 1.0}
    assert missing["not_measured"] == "This build does not contain NNAPI." and "p50_ms" not in missing


def unigram(texts: list[str]) -> Any:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def byte_level(texts: list[str]) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()[:200]  # some bytes are missing, as in SmolLM2's
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def byte_fallback(texts: list[str]) -> Any:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    )
    return tokenizer


def cased(texts: list[str]) -> Any:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    tokenizer.add_tokens([AddedToken("superb", single_word=True), AddedToken("naïve", normalized=True)])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def first_tokens(source: Source, vector: Golden) -> str:
    """Of every word, as Python's tagger finds them; "-" for what it would not be asked."""
    text = vector.text
    if vector.pair is not None or not text or text != " ".join(text.split()):
        return "-"
    offsets = source.tokenizer.encode(text).offsets
    return ",".join(str(-1 if at is None else at) for at in _first_tokens(text, offsets))


@pytest.mark.parametrize("make", [unigram, byte_level, byte_fallback, cased])
def test_every_kind_of_tokenizer_gives_the_ids_of_hugging_face(
    make: Any, built: Built, tmp_path: Path
) -> None:
    file = tmp_path / "tokenizer.json"
    make([text for text, _ in reviews()] + ["naïve café 你好 Привет"]).save(str(file))
    write_tables(build_tables(file, max_length=24, checked=50), tmp_path / "tables")
    source = load(file, max_length=24)
    vectors = golden_vectors(source, count=2000)
    write_golden(vectors, tmp_path / "golden.txt")
    (tmp_path / "starts.txt").write_text("".join(first_tokens(source, v) + "\n" for v in vectors))
    code, printed = built.jvm.run(
        *(built.jar, built.module("text-classification"), "edgekit.checks.ConformanceKt"),
        *(str(tmp_path / name) for name in ("tables", "golden.txt", "starts.txt")),
    )
    assert code == 0 and re.fullmatch(r"0 of \d{4} texts differ, 0 of \d{3,4} in words\n", printed), printed


def test_labels_of_the_tasks_are_cases(built: Built) -> None:
    for task, labels in LABELS.items():
        code = (built.module(task) / "src/main/kotlin/Label.kt").read_text()
        assert all(f'("{label}")' in code for label in labels)
