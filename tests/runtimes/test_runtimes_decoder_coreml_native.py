"""The runner of Apple's runtime, on what stands in for it here: the same package by reference semantics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import ExportError
from edgekit.export.coreml_decoder import export_decoder
from edgekit.models.decoders.load import load_decoder
from edgekit.runtimes.coreml_program import open_program
from edgekit.runtimes.decoder_coreml_native import NativeCoreMLDecoder, open_native_decoder
from edgekit.runtimes.decoder_torch import TorchDecoder
from edgekit.runtimes.decoder_traffic import decoder_traffic
from tests.decoder_examples import save_decoder


def test_it_feeds_tokens_masks_and_states(tmp_path: Path) -> None:
    decoder = load_decoder(save_decoder(tmp_path / "hub"), context=32).decoder
    package = tmp_path / "m.mlpackage"
    export_decoder(decoder, package, name="m")
    runner = NativeCoreMLDecoder(open_program(package), context=32, name="a stand-in")
    reference = TorchDecoder(decoder)
    for _ in range(2):  # a new text does not see the one before
        runner.begin(8)
        reference.begin(8)
        for ids in ([5, 6, 7], [8], [9, 10]):
            np.testing.assert_allclose(runner.extend(ids), reference.extend(ids), atol=0.05)
    traffic = decoder_traffic(package, runner)
    assert traffic and traffic.cache_bytes == 2 * 2 * 3 * 2 * 16  # fp16 keys and values, layers, heads, width
    weights = 2 * sum(p.numel() for p in decoder.parameters())
    assert weights <= traffic.weight_bytes <= 1.2 * weights


def test_off_a_mac_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ExportError, match="macOS only, and reference semantics say nothing of speed"):
        open_native_decoder(tmp_path / "m.mlpackage")
