"""Students cut along every dimension, of every family, through both exports and their verification."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student, Vocabulary
from edgekit.stages.decoder_artifacts import export_decoder
from edgekit.stages.decoder_settings import decoder_settings
from edgekit.types import Source
from tests.decoder_examples import SAYINGS, save_decoder

# Of 4 heads in 2 groups, and a width of 64; where heads make up the width, they decide.
THIN = {"intermediate_size": 64, "heads": 2, "hidden_size": 48}
FAMILIES = {
    "llama": THIN,
    "mistral": THIN,
    "qwen2": THIN,
    "qwen3": THIN,
    "phi": {**THIN, "heads": 3},
    "phi3": THIN,
    "falcon-multi-query": {"intermediate_size": 128, "heads": 4},
    "falcon-grouped": {"intermediate_size": 128, "heads": 3},
    "gemma3": THIN,
    "gpt2": {"intermediate_size": 128, "heads": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_cut_student_is_exported_and_verified(family: str, tmp_path: Path) -> None:
    teacher = load_model(
        Source("tiny", "0" * 64, save_decoder(tmp_path / "teacher", family, spare=6)),
        name="teacher",
        task="text-generation",
    )
    rows = [{"input_ids": ids} for ids in teacher.processor(SAYINGS[:2])["input_ids"]]
    shape = Student(layers=2, vocabulary=Vocabulary(), **FAMILIES[family])  # type: ignore[arg-type]
    student = make_student(teacher, shape, name="student", rows=rows)
    folder = save_model(student, tmp_path / "student", provenance={})
    built = export_decoder(
        folder,
        targets=["onnxruntime", "coreml"],
        precisions=["fp32", "fp16"],
        out=tmp_path / "out",
        settings=decoder_settings(context=64, steps=2),
    )
    assert [one.artifact.precision for one in built] == ["fp32", "fp16"]
    assert all(one.parity.passed and not one.rejected_because for one in built)
    assert all(one.artifact.parameters == student.parameters for one in built)
