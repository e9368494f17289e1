"""Thinner decoders of every family: what nothing reads goes without a trace; the rest is an ordinary one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from edgekit.errors import ModelError
from edgekit.models.cost import cost
from edgekit.models.decoders.build import build, read_config
from edgekit.models.decoders.load import load_decoder
from edgekit.models.decoders.stored import stored
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.models.students import narrow_decoder
from edgekit.recipe.schema import Student
from edgekit.types import Model, Source
from tests.decoder_examples import DECODERS, save_decoder

ROWS = [{"input_ids": [(7 * i + 3 * j) % 250 + 3 for j in range(24)]} for i in range(6)]
ALIBI = "falcon-alibi"  # its heads can't be taken away, and they make up its width
Weights = dict[str, Tensor]


def load(folder: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, folder), name="teacher", task="text-generation")


def changed(model: Model, weights: Weights) -> None:
    """Puts the export module's weights into the transformers module."""
    config = model.module.config
    if read_config(config).tied:
        weights["lm_head.weight"] = weights["embed_tokens.weight"]
    shapes = {name: value.shape for name, value in model.module.state_dict().items()}
    model.module.load_state_dict(stored(config, weights, shapes))


def weights_of(model: Model) -> Weights:
    twin = build(model.module.config, model.module.state_dict(), 2)
    return {name: value.detach().clone() for name, value in twin.state_dict().items()}


def with_idle_parts(model: Model, *, width: bool, constant: bool = False) -> Mapping[str, int]:
    """Makes half of everything idle, in random places: the sizes of a student that loses nothing.

    Idle feed-forward units and heads are read with weight 0. Idle channels hold what other channels hold, so
    that the norms' divisors stay, and nothing reads them. Or they hold constants that outweigh the others.
    """
    made = read_config(model.module.config)
    weights = weights_of(model)
    torch.manual_seed(1)
    keys = made.key_heads // 2 if made.key_heads > 1 else 1
    heads = keys * made.group if made.key_heads > 1 else made.heads // 2
    live = torch.randperm(made.hidden)[: made.hidden // 2]
    idle = torch.tensor(sorted(set(range(made.hidden)) - set(live.tolist())))
    for name, value in weights.items():
        kind = name.split(".")[-2]
        if kind == "down_proj" and value.ndim == 2:
            value[:, torch.randperm(made.inner)[made.inner // 2 :]] = 0
        if kind == "o_proj" and value.ndim == 2 and width:
            groups = made.key_heads if made.key_heads > 1 else made.heads
            dead = torch.randperm(groups)[groups // 2 :]
            value.reshape(made.hidden, groups, -1)[:, dead] = 0
        if not width:
            continue
        if kind in ("embed_tokens", "embed_positions"):
            held = torch.linspace(2, 9, len(idle)) * (kind == "embed_tokens")
            value[:, idle] = held.expand(len(value), -1) if constant else value[:, live]
        elif kind in ("o_proj", "down_proj") or kind.endswith("out_norm"):
            value[idle] = torch.zeros_like(value[live]) if constant else value[live]
        elif kind.endswith("norm") and kind not in ("q_norm", "k_norm"):
            value[idle] = 0
    changed(model, weights)
    sizes = {"intermediate_size": made.inner // 2}
    return {**sizes, "heads": heads, "hidden_size": made.hidden // 2} if width else sizes


@pytest.mark.parametrize("family", DECODERS)
def test_what_nothing_reads_goes_without_a_trace(family: str, tmp_path: Path) -> None:
    # transformers adds a token to the tokenizers of some families.
    teacher = load(save_decoder(tmp_path / "teacher", family, spare=6))
    sizes = with_idle_parts(teacher, width=family != ALIBI)
    ids = torch.tensor([ROWS[0]["input_ids"][:12]])
    with torch.no_grad():
        expected = teacher.module(ids).logits
    before = {name: value.clone() for name, value in teacher.module.state_dict().items()}
    layers = teacher.module.config.num_hidden_layers
    config = Student(layers=layers, **sizes)  # type: ignore[arg-type]
    student = make_student(teacher, config, name="student", rows=ROWS)
    assert all(torch.equal(value, before[name]) for name, value in teacher.module.state_dict().items())
    folder = save_model(student, tmp_path / "student", provenance={})
    plain = AutoModelForCausalLM.from_pretrained(folder)
    own = load_decoder(folder, context=16)
    mask = torch.full((12, 12), -3e4).triu(1)[None, None]
    with torch.no_grad():
        for logits in (student.module(ids).logits, plain(ids).logits, own.decoder(ids.int(), mask)):
            assert torch.allclose(logits, expected, atol=2e-4 * float(expected.abs().max()))
    made, whole = own.decoder.config, read_config(teacher.module.config)
    assert {"intermediate_size": made.inner, "heads": made.heads, "hidden_size": made.hidden} == {
        "heads": whole.heads,
        "hidden_size": whole.hidden,
        **sizes,
    }
    assert made.width == whole.width and (made.group == whole.group or made.key_heads == 1)


def test_norms_make_up_for_channels_that_held_nothing(tmp_path: Path) -> None:
    """A root mean square over fewer channels is larger where those that went were 0."""
    teacher = load(save_decoder(tmp_path / "teacher"))
    weights = weights_of(teacher)
    for name, value in weights.items():
        if "embed" in name:
            value[:, 40:] = 0
        elif "down_proj" in name or "o_proj" in name:
            value[40:] = 0
    changed(teacher, weights)
    student = make_student(teacher, Student(layers=3, hidden_size=40), name="student", rows=ROWS)
    ids = torch.tensor([ROWS[1]["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(student.module(ids).logits, teacher.module(ids).logits, atol=1e-3)


@pytest.mark.parametrize("family", ["llama", "gpt2", "phi", "falcon-grouped"])
def test_norms_make_up_for_channels_that_outweighed_the_others(family: str, tmp_path: Path) -> None:
    """Their divisor, and their centre, hung on channels that are gone."""
    teacher = load(save_decoder(tmp_path / "teacher", family))
    sizes = with_idle_parts(teacher, width=True, constant=True)
    config = Student(layers=teacher.module.config.num_hidden_layers, **sizes)  # type: ignore[arg-type]
    ids = torch.tensor([row["input_ids"] for row in ROWS])
    found = []
    for repaired in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not repaired:
                patch.setattr(narrow_decoder._Cut, "_rescale", lambda *_: None)
            student = make_student(teacher, config, name="student", rows=ROWS)
        with torch.no_grad():
            ours, theirs = (m.module(ids).logits.log_softmax(-1) for m in (student, teacher))
        found.append(float((theirs.exp() * (theirs - ours)).sum(-1).mean()))
    assert found[0] < found[1] / 20


def test_the_cut_is_counted_exactly(tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher"))
    config = Student(layers=2, heads=2, intermediate_size=40, hidden_size=48)
    found = cost(make_student(teacher, config, name="student", rows=ROWS), length=8)
    tokens, width, head, inner = len(teacher.processor), 48, 16, 40
    layer = 2 * width * 2 * head + 2 * width * 1 * head + 3 * width * inner
    norms = (2 * 2 + 1) * width
    assert found.parameters == tokens * width + 2 * layer + norms
    assert found.embedding_parameters == tokens * width
    assert found.bytes_fp32 == 4 * found.parameters
    assert found.bytes_int8 == found.parameters + 3 * norms
    products = 2 * 8 * (2 * layer + tokens * width) + 2 * (2 * 2 * 8 * 8 * 2 * head)
    assert found.flops == products


@pytest.mark.parametrize(
    ("family", "asked", "said"),
    [
        ("llama", {"heads": 3}, "2 query heads share a key head"),
        ("llama", {"heads": 8}, "its teacher has 4"),
        ("llama", {"hidden_size": 50}, "not a multiple of 4 heads"),
        ("llama", {"intermediate_size": 97}, "its teacher has 96"),
        ("gpt2", {"hidden_size": 40}, "not 2 heads of 16"),
        ("gpt2", {"hidden_size": 32, "heads": 3}, "not 3 heads of 16"),
        (ALIBI, {"heads": 3}, "own slope"),
    ],
)
def test_what_does_not_fit_is_refused(family: str, asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher", family))
    config = Student(layers=2, **asked)
    with pytest.raises(ModelError, match=said):
        make_student(teacher, config, name="student", rows=ROWS)
    with pytest.raises(ModelError, match="no rows"):
        make_student(teacher, Student(layers=2, intermediate_size=40), name="student")
