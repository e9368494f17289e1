"""Plans for Core ML: what each weight gets, and where a block or group size gives way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantize.coreml import largest_divisor, plan_coreml, plan_mixed
from edgekit.recipe.schema.precisions import SCHEMES
from edgekit.types import LayerPrecision


class Net(torch.nn.Module):
    """A table 48 wide, position rows, and Linears of 48, 44 and 41 inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.word = torch.nn.Embedding(101, 48)
        self.position_embeddings = torch.nn.Embedding(128, 48)
        self.wide = torch.nn.Linear(48, 44)
        self.middle = torch.nn.Linear(44, 101)
        self.odd = torch.nn.Linear(41, 101)
        self.head = torch.nn.Linear(101, 2)


def plan(scheme: str, **sizes: int) -> dict[str, LayerPrecision]:
    return {layer.name: layer for layer in plan_coreml(Net(), name="net", scheme=scheme, **sizes).layers}


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "mixed"])
def test_what_no_scheme_touches(scheme: str) -> None:
    found = plan(scheme)
    assert all(not layer.skipped_because or not layer.scheme for layer in found.values())
    assert "folded" in found["position_embeddings.weight"].skipped_because
    assert "answer" in found["head.weight"].skipped_because
    assert "vector" in found["wide.bias"].skipped_because
    assert found["word.weight"].scheme == scheme and found["word.weight"].bits == SCHEMES[scheme].bits


def test_a_block_that_does_not_divide_gives_way_or_leaves_the_weight() -> None:
    found = plan("int4")
    assert (found["wide.weight"].group_size, found["wide.weight"].note) == (
        24,
        "blocks of 24: 32 does not divide 48",
    )
    assert found["middle.weight"].group_size == 22
    assert found["odd.weight"].skipped_because == "no block of 8 to 32 divides its 41 inputs"
    assert (found["odd.weight"].bits, found["odd.weight"].granularity) == (16, "none")
    exact = plan("int4", block_size=16)["wide.weight"]
    assert (exact.group_size, exact.note) == (16, "")


def test_groups_are_rows_of_a_linear_and_columns_of_a_table() -> None:
    found = plan("palette4-grouped")
    assert (found["word.weight"].axis, found["word.weight"].group_size) == (1, 24)
    assert (found["wide.weight"].axis, found["wide.weight"].group_size) == (0, 22)
    assert found["middle.weight"].group_size == 1 and "101" in found["middle.weight"].note


def test_granularity_of_one_step_and_of_two() -> None:
    assert plan("int8")["wide.weight"].granularity == "per_channel"
    assert plan("palette6")["wide.weight"].granularity == "per_tensor"
    assert plan("sparse50-int8")["wide.weight"].granularity == "per_channel"
    assert plan("sparse50-palette6")["wide.weight"].granularity == "per_tensor"


@given(st.integers(1, 5000), st.integers(1, 512))
def test_the_largest_divisor(length: int, limit: int) -> None:
    found = largest_divisor(length, limit)
    assert length % found == 0 and found <= limit
    assert all(length % other for other in range(found + 1, min(length, limit) + 1))


def test_a_mixed_plan_says_what_was_too_sensitive() -> None:
    plans = {s: plan_coreml(Net(), name="net", scheme=s) for s in ("int8", "int4")}
    mixed = {
        layer.name: layer
        for layer in plan_mixed(plans, {"wide.weight": ("int4", 0.01), "word.weight": ("int8", 0.2)}).layers
    }
    assert (mixed["wide.weight"].scheme, mixed["wide.weight"].sensitivity) == ("int4", 0.01)
    assert mixed["wide.weight"].granularity == "per_block" and mixed["word.weight"].bits == 8
    assert "too sensitive" in mixed["odd.weight"].skipped_because
    assert "vector" in mixed["wide.bias"].skipped_because
