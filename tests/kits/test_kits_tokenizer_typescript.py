"""The TypeScript tokenizer: compiled as strictly as it goes, and run by Node over every nasty text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import small_tokenizers as small
import typescript
from tokenizers import Tokenizer

import edgekit
from edgekit.kits.tokenizer import build_tables, golden_vectors, load, write_golden, write_tables

SOURCES = Path(edgekit.__file__).parent / "kits" / "web" / "template" / "src" / "tokenizer"
RUNNER = Path(__file__).parent / "tokenizer_runner.mjs"
QUICK, WHOLE = 1500, 6000  # nasty texts; the slow tests run the whole
OPTIONS = [
    "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noImplicitOverride",
    "--noUnusedLocals", "--noUnusedParameters", "--noImplicitReturns", "--noFallthroughCasesInSwitch",
    "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck", "false",
]  # fmt: skip


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tokenizer.js, compiled in a folder where no types of others are found."""
    try:
        command = typescript.compiler()
    except typescript.Unavailable as why:
        pytest.skip(f"TypeScript can't be compiled: {why}")
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"type": "module"}')
    arguments = [*OPTIONS, "--declaration", "--outDir", "out", "tokenizer.ts"]
    made = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout
    return folder / "out" / "tokenizer.js"


def run(module: Path, tables: Path, *arguments: str, given: str | None = None) -> str:
    command = ["node", str(RUNNER), str(module), str(tables), *arguments]
    made = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8")
    assert made.returncode == 0, made.stderr
    return made.stdout


def encode(module: Path, tables: Path, *cases: list[Any]) -> list[dict[str, Any]]:
    """Of each `[text, pair, padTo]` the encoding."""
    return json.loads(run(module, tables, "texts", given=json.dumps(cases)))


def differing(module: Path, path: Path, folder: Path, count: int) -> list[str]:
    """Golden vectors for which TypeScript gives something else."""
    tables = write_tables(build_tables(path, checked=100), folder / "tables")
    vectors = golden_vectors(load(path), count=count, seed=6)
    golden = write_golden(vectors, folder / "golden.txt")
    assert len(vectors) > 0.95 * count
    return run(module, tables, "golden", str(golden)).splitlines()


@pytest.mark.parametrize("kind", small.KINDS)
def test_typescript_agrees_on_nasty_texts(kind: str, module: Path, tmp_path: Path) -> None:
    assert differing(module, small.saved(kind, tmp_path), tmp_path, QUICK) == []


def test_typescript_agrees_for_a_models_folder(module: Path, tiny_classifier: Path, tmp_path: Path) -> None:
    assert differing(module, tiny_classifier, tmp_path, 1000) == []


def test_a_difference_would_be_seen(module: Path, tmp_path: Path) -> None:
    path = small.saved("cased", tmp_path)
    tables = write_tables(build_tables(path, checked=0), tmp_path / "tables")
    other = golden_vectors(load(path, max_length=9), count=200)
    lines = run(module, tables, "golden", str(write_golden(other, tmp_path / "golden.txt"))).splitlines()
    assert 20 < len(lines) < 200


def test_surrogates_without_their_other_half_are_replaced(module: Path, tmp_path: Path) -> None:
    tables = write_tables(build_tables(small.saved("roberta", tmp_path), checked=0), tmp_path / "tables")
    cases = [["a\ud800b"], ["\udc00\ud83d"], ["\ud83d\ude00"], ["a\ufffdb"], ["\ufffd\ufffd"], ["😀"]]
    lone, two, whole, *expected = encode(module, tables, *cases)
    assert [lone, two, whole] == expected
    assert lone != whole


def test_padding(module: Path, tmp_path: Path) -> None:
    tables = write_tables(build_tables(small.saved("uncased", tmp_path), checked=0), tmp_path / "tables")
    short, padded, pair = encode(module, tables, ["film"], ["film", None, 12], ["film", "film", 2])
    count = len(short["ids"])
    assert padded["ids"] == short["ids"] + [0] * (12 - count)
    assert padded["typeIds"] == [0] * 12
    assert padded["mask"] == [1] * count + [0] * (12 - count)
    assert pair["mask"] == [1] * len(pair["ids"]) and set(pair["typeIds"]) == {0, 1}


def test_padding_on_the_left_and_none_at_all(module: Path, tmp_path: Path) -> None:
    path = small.saved("uncased", tmp_path)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(direction="left", pad_id=0, pad_type_id=3, pad_token="[PAD]")
    tokenizer.save(str(path))
    tables = write_tables(build_tables(path, checked=0), tmp_path / "tables")
    (made,) = encode(module, tables, ["film", None, 9])
    assert made["ids"][0] == 0 and made["ids"][-1] == 3
    assert made["typeIds"][0] == 3 and made["mask"][0] == 0 and made["mask"][-1] == 1
    bare = write_tables(
        build_tables(small.saved("roberta", tmp_path / "bare"), checked=0), tmp_path / "bare2"
    )
    (made,) = encode(module, bare, ["film", None, 99])
    assert made == {"error": "This tokenizer has no padding token."}


def test_what_can_not_be_cut_is_an_error(module: Path, tmp_path: Path) -> None:
    path = small.saved("roberta", tmp_path)
    tables = write_tables(build_tables(path, max_length=8, checked=0), tmp_path / "tables")
    (made,) = encode(module, tables, ["film", "a very long second text that nobody may cut"])
    assert "too short to make room" in made["error"]


def test_another_format_is_refused(module: Path, tmp_path: Path) -> None:
    tables = write_tables(build_tables(small.saved("cased", tmp_path), checked=0), tmp_path / "tables")
    table = tables / "tokenizer.txt"
    table.write_text(table.read_text().replace("format 1", "format 2"))
    made = subprocess.run(
        ["node", str(RUNNER), str(module), str(tables), "texts"], input="[]", capture_output=True, text=True
    )
    assert made.returncode and "format 2" in made.stderr


def test_long_texts_do_not_overflow(module: Path, tmp_path: Path) -> None:
    for kind in ("uncased", "roberta", "unigram"):
        path = small.saved(kind, tmp_path / kind)
        tables = write_tables(build_tables(path, checked=0), tmp_path / kind / "tables")
        text = "a" * 150_000 + "\u0301\u0323" * 75_000 + " " + " " * 1000 + "b c " * 30_000
        tokenizer = load(path).tokenizer
        (made,) = encode(module, tables, [text])
        assert made["ids"] == tokenizer.encode(text).ids


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uncased", "cased", "llama3", "unigram"])
def test_every_scalar(kind: str, module: Path, tmp_path: Path) -> None:
    """Nasty texts, and `a{c}b {c}` for all 1,112,064 scalars, through one Node process."""
    assert differing(module, small.saved(kind, tmp_path / "nasty"), tmp_path, WHOLE) == []
    path = small.saved(kind, tmp_path)
    tables = write_tables(build_tables(path, checked=0), tmp_path / "tables")
    assert scalars_that_differ(module, tables, load(path).tokenizer) == []


def scalars_that_differ(module: Path, tables: Path, tokenizer: Tokenizer) -> list[int]:
    """Code points for which Node's ids are not the tokenizer's."""
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    found = []
    command = ["node", str(RUNNER), str(module), str(tables), "scalars"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        for start in range(0, len(codes), 4096):
            batch = codes[start : start + 4096]
            expected = tokenizer.encode_batch_fast([f"a{chr(c)}b {chr(c)}" for c in batch])
            for code, row in zip(batch, expected, strict=True):
                if node.stdout.readline().rstrip("\n") != ",".join(map(str, row.ids)):
                    found.append(code)
        assert node.stdout.read() == ""
    assert node.returncode == 0
    return found
