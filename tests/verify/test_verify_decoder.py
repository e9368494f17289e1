"""Exported decoders beside transformers: what is right passes in every family, and planted faults do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from edgekit.decoder_parity import DecoderParity
from edgekit.errors import DataError
from edgekit.export.coreml_decoder import export_decoder
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.models.decoders.build import build
from edgekit.runtimes.decoder_coreml import CoreMLDecoder
from edgekit.runtimes.decoder_onnx import OnnxDecoder
from edgekit.runtimes.decoder_transformers import TransformersDecoder
from edgekit.types import Artifact, Signature
from edgekit.verify.decoder import compare_decoders
from edgekit.verify.decoder_gates import GATES, gates_of, judge, with_limits
from edgekit.verify.decoder_texts import TEXTS
from tests.decoder_examples import DECODERS, example

CONTEXT, STEPS = 64, 6
FAST = ("llama", "falcon-alibi")
FAMILIES = [pytest.param(n, marks=[] if n in FAST else pytest.mark.slow) for n in DECODERS]


def texts(*lengths: int) -> list[tuple[str, list[int]]]:
    random = torch.Generator().manual_seed(0)
    return [(f"text {n}", torch.randint(0, 99, (n,), generator=random).tolist()) for n in lengths]


def reference(model: PreTrainedModel, context: int = CONTEXT) -> TransformersDecoder:
    return TransformersDecoder(model, context=context)


def described(precision: str = "fp32") -> Artifact:
    return Artifact("m", Path("m"), "onnxruntime", precision, Signature("text-generation", (), ()), 0, "", 0)


def compared(artifact: Artifact, candidate, model: PreTrainedModel, steps: int = STEPS) -> DecoderParity:
    return compare_decoders(
        artifact, candidate, reference(model), texts(1, 9, 50), name="m", stop_ids=(), steps=steps
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_every_familys_onnx_folder_is_the_same_model(name: str, tmp_path: Path) -> None:
    model = example(name)
    twin = build(model.config, model.state_dict(), CONTEXT)
    made = export_onnx_decoder(twin, tmp_path / "m", name=name, precision="fp32")
    parity = compared(made, OnnxDecoder(made.path / "model.onnx", context=CONTEXT), model)
    judged = judge(parity, gates_of("fp32"))
    assert judged.passed, judged.gates
    # The last logits alone come out: a text of one token has one position, others those read one by one.
    assert [t.positions for t in parity.texts] == [1, STEPS + 1, STEPS + 1]
    assert parity.same == parity.written == 3 * STEPS and parity.top1 == parity.top5 == 1.0


@pytest.mark.parametrize("name", FAMILIES)
def test_every_familys_package_is_the_same_model(name: str, tmp_path: Path) -> None:
    model = example(name)
    twin = build(model.config, model.state_dict(), CONTEXT)
    made = export_decoder(twin, tmp_path / "m.mlpackage", name=name)
    parity = compared(made, CoreMLDecoder(made.path), model, steps=3)
    judged = judge(parity, with_limits(gates_of("fp16"), min_top1=0.9))
    assert judged.passed, judged.gates
    assert parity.positions == 1 + 9 + 50  # a package gives the logits of every token


@pytest.mark.parametrize("name", FAMILIES)
def test_every_familys_asset_is_the_same_model(name: str, tmp_path: Path) -> None:
    pytest.importorskip("coreai_torch", reason='needs pip install "edgekit[coreai]": make test-coreai')
    from edgekit.export.coreai_decoder import export_coreai_decoder
    from edgekit.runtimes.decoder_coreai import CoreAIDecoder

    model = example(name)
    twin = build(model.config, model.state_dict(), CONTEXT)
    made = export_coreai_decoder(twin, tmp_path / "m.aimodel", name=name)
    parity = compared(made, CoreAIDecoder(made.path), model, steps=3)
    judged = judge(parity, gates_of("fp32"))
    assert judged.passed, judged.gates
    assert parity.positions == 1 + 9 + 50 and parity.same == parity.written


def test_perplexity_is_that_of_the_texts() -> None:
    model = example("llama")
    (_, ids), steps = texts(70)[0], 80
    found = compare_decoders(
        described(), reference(model, 128), reference(model, 128), [("t", ids)],
        name="m", stop_ids=(), steps=steps,
    )  # fmt: skip
    with torch.no_grad():
        loss = model(torch.tensor([ids]), labels=torch.tensor([ids])).loss
    assert found.predicted == 69
    assert found.reference_perplexity == pytest.approx(float(loss.exp()), rel=1e-4)
    assert found.perplexity == pytest.approx(found.reference_perplexity)
    short = compare_decoders(
        described(), reference(model), reference(model), texts(9), name="m", stop_ids=(), steps=2
    )
    assert short.perplexity is None and judge(short, GATES["fp32"]).passed


def test_writing_ends_at_a_stop_token() -> None:
    model = example("llama")
    free = compared(described(), reference(model), model)
    runner, (_, ids) = reference(model), texts(1, 9)[1]
    runner.begin(0)
    first = int(runner.extend(ids)[-1].argmax())
    ended = compare_decoders(
        described(),
        reference(model),
        reference(model),
        [("t", ids)],
        name="m",
        stop_ids=(first,),
        steps=STEPS,
    )
    assert ended.written == ended.same == 1 < free.texts[1].written


class Forgets(TransformersDecoder):
    """A cache that is lost when one token follows another."""

    def extend(self, ids):
        if len(ids) == 1:
            self._cache = None
        return super().extend(ids)


def test_a_cache_that_is_lost_shows_between_the_phases() -> None:
    model = example("llama")
    judged = judge(compared(described("int4"), Forgets(model, context=CONTEXT), model), gates_of("int4"))
    failed = {gate.name for gate in judged.gates if not gate.passed}
    assert "at once against token by token, KL" in failed and judged.same < judged.written


def test_a_wrong_weight_fails_and_a_number_that_is_none_is_told() -> None:
    model, wrong = example("llama"), example("llama")
    wrong.model.layers[1].mlp.down_proj.weight.data *= 4
    parity = compared(described(), reference(wrong), model)
    assert parity.mean_kl is not None and parity.mean_kl > 0.05  # int8's gate
    assert not judge(parity, gates_of("fp32")).passed
    wrong.model.norm.weight.data[0] = float("inf")
    broken = judge(compared(described(), reference(wrong), model), gates_of("int4"))
    assert broken.mean_kl is None and not broken.passed
    assert any("'text 9' are not finite" in text for text in broken.failures)


def test_a_user_may_set_limits() -> None:
    model, near = example("llama"), example("llama")
    near.model.layers[1].mlp.down_proj.weight.data *= 1.02
    parity = compared(described("int8"), reference(near), model)
    assert judge(parity, gates_of("int8")).passed
    assert not judge(parity, with_limits(gates_of("int8"), max_kl=1e-12)).passed
    assert judge(parity, with_limits(gates_of("int8"), min_top1=0.0)).gates[-2].limit == 0.0
    assert gates_of("int4-hqq") == GATES["int4"]
    kept = gates_of("fp32", "int8")
    assert (kept.mean_kl, kept.phases_kl, kept.top1, kept.greedy) == (0.05, 0.02, 0.9, None)
    ratio = replace(parity, perplexity=12.0, reference_perplexity=10.0)
    assert not judge(ratio, gates_of("int8")).passed
    assert judge(ratio, with_limits(gates_of("int8"), max_perplexity_ratio=1.3)).passed


def test_there_must_be_a_text() -> None:
    model = example("llama")
    with pytest.raises(DataError, match="no text"):
        compare_decoders(
            described(), reference(model), reference(model), [("", [])], name="m", stop_ids=(), steps=2
        )
    assert len(set(TEXTS)) == len(TEXTS) >= 8 and max(map(len, TEXTS)) > 400
