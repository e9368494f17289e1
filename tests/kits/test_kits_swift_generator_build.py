"""Swift builds the package of a decoder, and it writes what Python writes; Core ML replays logits off a Mac.

Needs Swift on PATH or `make swift-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from swift_generators import STREAMS, hardened, stateful_package, stateful_parts
from swift_kits import FLAGS, require_swift, swift
from swift_recording import record

from edgekit.device_result import LLM_PROTOCOL
from edgekit.kits.swift import write_swift_generator

pytestmark = [pytest.mark.kits, pytest.mark.slow]
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
CHECKS = Path(__file__).parent / "swift_checks"


@pytest.fixture(autouse=True)
def swift_is_there() -> None:
    require_swift()


def test_a_package_of_a_decoder_builds_writes_what_python_writes_and_measures(tmp_path: Path) -> None:
    artifact = stateful_package(tmp_path)
    parts = hardened(stateful_parts(artifact))
    kit = write_swift_generator(parts, tmp_path / "kit").path
    texts = record(artifact.path, parts.generation, kit / "recorded.txt")
    # Without the tests: what SwiftPM itself generates for them off a Mac is no Swift 6.
    swift(kit, f"swift build {FLAGS} -Xswiftc -swift-version -Xswiftc 6")

    shutil.copy(CHECKS / "RecordedTextTests.swift", kit / "Tests" / "TinyStoriesTests")
    printed = swift(kit, f"export EDGEKIT_RECORDED_LOGITS=$PWD/recorded.txt && swift test {FLAGS}")
    assert "with 0 failures" in printed and f"written: {texts} texts compared" in printed
    assert re.search(r"tokenizer: (\d+) golden texts, 0 differ", printed)
    assert f"streams: {STREAMS} compared" in printed
    for what in ("prompts", "choices"):
        assert re.search(rf"{what}: [1-9]\d* compared", printed)

    (kit / "anything.txt").write_text(f"vocabulary {parts.generation.vocabulary}\notherwise 70\n")
    swift(
        kit,
        "export EDGEKIT_RECORDED_ANSWERS=$PWD/anything.txt && "
        "swift run --skip-build edgekit-bench --seconds 0.01 --units all,cpuOnly --out result.json",
    )
    result = json.loads((kit / "result.json").read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["artifact"]["sha256"] == artifact.sha256
    for row in result["rows"]:
        [measured] = row["generation"]  # a context of 256 tokens holds one of the two prompts
        assert measured["prompt_tokens"] == 128 and measured["runs"] >= 5
        assert 0 < measured["next_token_p50_ms"] < measured["first_token_p50_ms"]
        assert measured["tokens_per_second_sd"] >= 0 and row["protocol"] == LLM_PROTOCOL
        assert row["peak_bytes"] > 1_000_000
        assert row["answers"]["samples"] == len(parts.generation_golden.continued)
