"""Packed rows: as few as fit, and no text sees another."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgekit.data.packing import first_fit_decreasing, pack, packed_inputs
from edgekit.data.tokens import tokenise
from edgekit.errors import AssetError, ModelError
from edgekit.types import Signature, TensorSpec
from tests.conftest import reviews

TEXTS = [text for text, _ in reviews()[:40]] + ["superb", "a dull , dull , dull , dull plot"]
NAMES = ("input_ids", "attention_mask", "token_type_ids")
SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 70,
}


def signature(module) -> Signature:
    import inspect

    taken = inspect.signature(module.forward).parameters
    inputs = tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in NAMES if n in taken)
    return Signature("masked-lm", inputs, ())


def small_model(kind: str):
    """A random encoder of the architecture."""
    from transformers import AutoConfig, AutoModel

    names = {"distilbert": {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64, "vocab_size": 60}}
    pad = 1 if kind in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
    config = AutoConfig.for_model(kind, **names.get(kind, SIZES), pad_token_id=pad)
    torch.manual_seed(0)
    return AutoModel.from_config(config, attn_implementation="eager").eval(), pad


def rows_of(*lengths: int, seed: int = 0) -> list[dict[str, list[int]]]:
    made = torch.Generator().manual_seed(seed)
    return [
        {
            "input_ids": torch.randint(5, 60, (n,), generator=made).tolist(),
            "attention_mask": [1] * n,
            "token_type_ids": [0] * (n // 2) + [1] * (n - n // 2),
        }
        for n in lengths
    ]


def outputs(module, inputs) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack(module(**inputs, output_hidden_states=True).hidden_states)


def differences(module, rows, *, pad_id: int, max_length: int) -> list[float]:
    """Largest difference of any hidden state, packed and alone, of each text."""
    groups = first_fit_decreasing([len(row["input_ids"]) for row in rows], max_length)
    packed, _ = pack(rows, [None] * len(rows), max_length)
    names = signature(module)
    inputs = packed_inputs(packed, names, pad_id=pad_id, config=module.config)
    together = outputs(module, inputs)
    found = []
    for line, group in enumerate(groups):
        start = 0
        for index in group:
            alone = {n.name: torch.tensor([rows[index][n.name]]) for n in names.inputs}
            states = outputs(module, alone)[:, 0]
            stop = start + states.shape[1]
            found.append(float((together[:, line, start:stop] - states).abs().max()))
            start = stop
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(
    "kind", ["bert", "distilbert", "electra", "roberta", "xlm-roberta", "camembert", "mpnet"]
)
def test_a_packed_text_is_read_as_if_it_stood_alone(kind):
    module, pad_id = small_model(kind)
    rows = rows_of(9, 30, 4, 17, 3, 22, 11)
    assert max(differences(module, rows, pad_id=pad_id, max_length=40)) < 1e-5


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_changing_one_text_leaves_the_others_bit_for_bit(kind):
    module, pad_id = small_model(kind)
    rows = rows_of(9, 14, 8, 3, 20)
    other = [*rows[:1], rows_of(14, seed=1)[0], *rows[2:]]
    groups = first_fit_decreasing([len(row["input_ids"]) for row in rows], 64)
    before, after = (
        outputs(
            module,
            packed_inputs(
                pack(one, [None] * 5, 64)[0], signature(module), pad_id=pad_id, config=module.config
            ),
        )
        for one in (rows, other)
    )
    assert groups == [[4, 1, 0, 2, 3]]
    ends = list(itertools.accumulate(len(rows[i]["input_ids"]) for i in groups[0]))
    for index, start, stop in zip(groups[0], [0, *ends], ends, strict=False):
        same = torch.equal(before[:, :, start:stop], after[:, :, start:stop])
        assert same == (index != 1), f"text {index}"


def test_real_weights_read_packed_texts_as_single_ones():
    """all-MiniLM-L6-v2, where an earlier run of a recipe has fetched it."""
    from transformers import AutoModel, AutoTokenizer

    from edgekit.assets.fetch import fetch
    from edgekit.recipe.load import load_recipe

    try:
        source = fetch(load_recipe("movie-reviews").teacher.model, kind="model", offline=True)
    except AssetError:
        pytest.skip("the model is not in the cache")
    module = AutoModel.from_pretrained(source.path, attn_implementation="eager").eval()
    rows = tokenise(AutoTokenizer.from_pretrained(source.path), TEXTS, 64)
    assert max(differences(module, rows, pad_id=0, max_length=64)) <= 1e-5


def test_inputs_restart_with_each_text():
    module, _ = small_model("bert")
    packed, _ = pack(rows_of(2, 3), [None, None], 6)
    inputs = packed_inputs(
        [*packed, *pack(rows_of(6), [None], 6)[0]], signature(module), pad_id=0, config=module.config
    )
    assert inputs["position_ids"].tolist() == [[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5]]
    seen = (inputs["attention_mask"][:, 0] == 0).int()
    assert seen[0].tolist() == [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    assert seen[1].all()
    assert inputs["input_ids"][0, 5] == 0 and inputs["attention_mask"].isfinite().all()


def test_labels_go_with_their_texts():
    rows = rows_of(2, 3, 4)
    packed, labels = pack(rows, [[1, 2], None, [3, -100, 4, 5]], 5)
    assert [row["lengths"] for row in packed] == [[4], [3, 2]]
    assert labels == [[3, -100, 4, 5], [-100, -100, -100, 1, 2]]
    assert packed[1]["input_ids"] == rows[1]["input_ids"] + rows[0]["input_ids"]
    assert pack(rows, [None] * 3, 5)[1] == [None, None]


@given(st.lists(st.integers(1, 12), max_size=60))
def test_every_text_is_packed_once_and_few_rows_are_needed(lengths):
    groups = first_fit_decreasing(lengths, 12)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    sums = [sum(lengths[i] for i in group) for group in groups]
    assert all(total <= 12 for total in sums)
    # Any two rows together hold more than one could, or they would have been one.
    assert all(a + b > 12 for a, b in itertools.combinations(sums, 2))


def test_first_fit_takes_the_first_that_fits():
    assert first_fit_decreasing([6, 5, 5, 4, 3, 1], 10) == [[0, 3], [1, 2], [4, 5]]


@pytest.mark.parametrize("kind", ["deberta-v2", "modernbert"])
def test_an_architecture_that_reads_masks_in_another_way_is_refused(kind):
    from transformers import AutoConfig

    with pytest.raises(ModelError, match="can't keep packed texts apart") as caught:
        packed_inputs(
            pack(rows_of(3), [None], 4)[0],
            Signature("masked-lm", (TensorSpec("input_ids", ("b", "s"), "int64"),), ()),
            pad_id=0,
            config=AutoConfig.for_model(kind),
        )
    assert "packing: false" in caught.value.remedy
