"""The language-model protocol on small random decoders, in PyTorch and ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgekit.benchmark.llm import figure, run_llm
from edgekit.benchmark.llm_bandwidth import Bandwidth, largest_cache_bytes
from edgekit.benchmark.llm_contestant import enter, open_timed
from edgekit.benchmark.llm_energy import EnergyMeter
from edgekit.benchmark.llm_quality import log_probabilities, measure_quality, text_rows
from edgekit.benchmark.llm_worker import measure_opening
from edgekit.errors import DataError, ExportError, ModelError
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.llm_timing import Figure, LlmSettings
from edgekit.models.decoders.load import load_decoder
from edgekit.runtimes.decoder import open_decoder
from edgekit.runtimes.decoder_traffic import decoder_traffic
from tests.decoder_examples import SAYINGS, save_decoder

LAYERS, KEY_HEADS, WIDTH = 3, 2, 16  # of `decoder_examples.LLAMA`


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One decoder as a folder, in ONNX with the last token's logits, and with all of them."""
    root = tmp_path_factory.mktemp("llm")
    hub = save_decoder(root / "hub")
    loaded = load_decoder(hub)
    found = {"hub": hub}
    for name, how in {"last": {"precision": "fp32"}, "int4": {"precision": "int4"}}.items():
        found[name] = root / name
        more: dict[str, Any] = {"processor": loaded.processor, "stop_ids": loaded.stop_ids, **how}
        export_onnx_decoder(loaded.decoder, found[name], name=name, **more)
    return found


def test_every_figure_of_two_models_is_measured(folders: dict[str, Path]) -> None:
    contestants = [enter(name, folders[name], threads=1) for name in ("hub", "int4")]
    settings = LlmSettings(prompts=(4, 16), tokens=6, depth=5, repeats=3)
    bandwidth = Bandwidth(1, size=1 << 20)
    rows = run_llm(contestants, settings, bandwidth)
    assert [row.model for row in rows] == ["hub", "int4"]
    for row in rows:
        assert [first.prompt for first in row.first_token] == [4, 16]
        assert row.decode is not None and len(row.decode.samples) == 3
        assert all(first.ms.median > 0 and len(first.ms.samples) == 3 for first in row.first_token)
        assert row.first_token[1].tokens_per_second == pytest.approx(16e3 / row.first_token[1].ms.median)
        # Bandwidth over what a token reads at the middle of the decoded ones: depth 5 and 2.5 of them.
        assert row.weight_bytes and row.cache_bytes == 4 * 2 * LAYERS * KEY_HEADS * WIDTH
        bound = bandwidth.best / (row.weight_bytes + 7.5 * row.cache_bytes)
        assert row.decode.bound == pytest.approx(bound)
        assert row.decode.share == pytest.approx(row.decode.median / bound)
        share = row.first_token[0].ms.share
        assert share == pytest.approx(1e3 * row.weight_bytes / bandwidth.best / row.first_token[0].ms.median)
    assert rows[1].weight_bytes < rows[0].weight_bytes / 2


def test_median_and_spread_by_hand() -> None:
    assert figure([1.0, 5.0, 3.0], 6.0) == Figure(3.0, 2.0, (1.0, 5.0, 3.0), 6.0, 0.5)
    assert figure([4.0], 1.0, more_is_better=False) == Figure(4.0, 0.0, (4.0,), 1.0, 0.25)


def test_what_a_context_does_not_hold_is_refused_by_name(folders: dict[str, Path]) -> None:
    one = enter("small", folders["last"], threads=1)
    with pytest.raises(DataError, match=r"small holds 128 tokens.*prompt of 512"):
        run_llm([one], LlmSettings(prompts=(512,)), Bandwidth(1, size=1 << 16))
    with pytest.raises(DataError, match="100 tokens at depth 64"):
        run_llm([one], LlmSettings(prompts=(8,), tokens=100, depth=64), Bandwidth(1, size=1 << 16))


def test_a_tied_head_is_read_and_an_untied_table_is_not(folders: dict[str, Path], tmp_path: Path) -> None:
    decoder = load_decoder(folders["hub"]).decoder
    tied = decoder_traffic(folders["last"], open_timed(folders["last"], threads=1))
    whole = decoder_traffic(folders["hub"], open_timed(folders["hub"], threads=1))
    assert tied and whole and whole.weight_bytes == 4 * sum(p.numel() for p in decoder.parameters())
    # The graph has some constants of its own: shapes and axes.
    assert whole.weight_bytes <= tied.weight_bytes <= whole.weight_bytes + 400
    hub = save_decoder(tmp_path / "hub", "mistral")
    loaded = load_decoder(hub)
    export_onnx_decoder(loaded.decoder, tmp_path / "onnx", name="m", precision="fp32")
    table = loaded.decoder.embed_tokens.weight.numel() * 4
    untied = decoder_traffic(tmp_path / "onnx", open_timed(tmp_path / "onnx", threads=1))
    whole_bytes = 4 * sum(p.numel() for p in loaded.decoder.parameters())
    assert untied and whole_bytes - table <= untied.weight_bytes <= whole_bytes - table + 400


def test_perplexity_and_distance_from_a_teacher(folders: dict[str, Path]) -> None:
    teacher = open_decoder(folders["hub"])
    own = measure_quality(teacher, SAYINGS, name="hub", teacher=open_decoder(folders["hub"]))
    assert own.kl == pytest.approx(0, abs=1e-6) and own.top1 == 1.0
    rows = text_rows(teacher, SAYINGS)
    surprise = [
        -log_probabilities(teacher.runner, row)[place, token]
        for row in rows
        for place, token in enumerate(row[1:])
    ]
    assert own.tokens == len(surprise)
    assert own.perplexity == pytest.approx(np.exp(np.mean(surprise)), rel=1e-5)
    # A graph with the last token's logits alone is read token by token, and says the same.
    same = measure_quality(open_decoder(folders["last"]), SAYINGS, name="last", teacher=teacher)
    assert same.perplexity == pytest.approx(own.perplexity, rel=1e-4) and same.kl == pytest.approx(
        0, abs=1e-5
    )
    coarse = measure_quality(open_decoder(folders["int4"]), SAYINGS, name="int4", teacher=teacher)
    assert coarse.kl is not None and coarse.kl > 1e-4


def test_texts_are_cut_and_too_short_ones_refused(folders: dict[str, Path]) -> None:
    decoder = open_decoder(folders["hub"])
    assert [len(row) for row in text_rows(decoder, SAYINGS, longest=4, most=7)] == [4, 3]
    with pytest.raises(DataError, match="two tokens"):
        text_rows(decoder, ["a"], longest=1)


def test_a_teacher_of_other_tokens_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    other = open_decoder(folders["hub"])
    teacher = open_decoder(save_decoder(tmp_path / "other"))
    teacher.processor.add_tokens(["the cat"])
    with pytest.raises(ModelError, match="other tokens than the teacher"):
        measure_quality(other, SAYINGS, name="x", teacher=teacher)


def test_loads_and_memory_come_from_a_process_of_its_own(folders: dict[str, Path]) -> None:
    opening = measure_opening(folders["int4"], threads=1, prompt=8, tokens=2, loads=2)
    assert len(opening.load_seconds) == 2 and min(opening.load_seconds) > 0
    # ONNX Runtime and NumPy, without PyTorch and transformers: those alone are more than 250 MB.
    assert 20e6 < opening.peak_bytes < 200e6


def test_a_package_off_a_mac_is_not_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ExportError, match="reference semantics say nothing of speed"):
        open_timed(tmp_path / "model.mlpackage", threads=1)


def test_bandwidth_keeps_its_best_pass() -> None:
    bandwidth = Bandwidth(2, size=1 << 22)
    first = bandwidth.measure(passes=2)
    assert 0 < first <= bandwidth.measure(passes=2) == bandwidth.best


def test_the_largest_cache_is_found(tmp_path: Path) -> None:
    for index, size in enumerate(("48K", "1024K", "32M")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}/size").write_text(f"{size}\n")
    assert largest_cache_bytes(tmp_path) == 32 << 20
    assert largest_cache_bytes(tmp_path / "none") == 0


def test_energy_of_all_packages_and_across_a_counter_s_end(tmp_path: Path) -> None:
    for name, value in (("intel-rapl:0", 900), ("intel-rapl:1", 10), ("intel-rapl:0:0", 5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{value}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("1000\n")
    meter = EnergyMeter(tmp_path)
    meter.start()
    (tmp_path / "intel-rapl:0/energy_uj").write_text("100\n")  # began anew at 1000
    (tmp_path / "intel-rapl:1/energy_uj").write_text("60\n")
    assert meter.joules() == pytest.approx(250e-6)
    assert EnergyMeter(tmp_path / "none").joules() is None


def test_a_cache_of_open_width_is_read_from_the_builder_s_settings(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """onnxruntime-genai's builder names the caches' last dimension instead of giving it."""
    import shutil

    copy = shutil.copytree(folders["last"], tmp_path / "copy")
    model = onnx.load(str(copy / "model.onnx"), load_external_data=False)
    for given in model.graph.input:
        if given.name.startswith("past_key_values."):
            given.type.tensor_type.shape.dim[3].dim_param = "kv_cache_dim"
    (copy / "model.onnx").write_bytes(model.SerializeToString())
    ids = [3, 1, 4, 1, 5]
    rows = []
    for folder in (copy, folders["last"]):
        runner = open_timed(folder, threads=1)
        runner.begin(len(ids) + 1)
        runner.extend(ids)
        rows.append(runner.extend([9])[-1])
        assert decoder_traffic(folder, runner).cache_bytes == 4 * 2 * LAYERS * KEY_HEADS * WIDTH
    np.testing.assert_array_equal(*rows)


def test_rows_of_earlier_steps_stay_as_they_were(folders: dict[str, Path]) -> None:
    runner = open_timed(folders["last"], threads=1)
    runner.begin(4)
    first = runner.extend([3])
    kept = first.copy()
    runner.extend([5])
    np.testing.assert_array_equal(first, kept)
