"""What a package says of the PyTorch code that it was made from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.export.coreml_convert import convert
from edgekit.export.coreml_sources import (
    SOURCES_KEY,
    mark_sources,
    node_keys,
    read_sources,
    record_sources,
    trace_tensors,
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8)

    def forward(self, x):
        return torch.tanh(self.second(self.first(x) + x)).transpose(1, 2)


@pytest.fixture(scope="module")
def converted():
    import coremltools as ct

    program = torch.export.export(Net().eval(), (torch.zeros(1, 3, 8),)).run_decompositions({})
    return convert(
        program,
        name="net",
        precision="fp16",
        minimum_deployment_target="iOS17",
        inputs=[ct.TensorType("x", (1, 3, 8))],
    )


def test_every_operation_has_its_module_and_line(converted) -> None:
    sources = read_sources(converted.user_defined_metadata)
    by_key = {source.key: source for source in sources.values() if source.key}
    assert by_key["linear.default#0"].module == "first" and by_key["linear.default#1"].module == "second"
    assert by_key["add.Tensor#0"].module == ""
    lines = {source.line.split(":")[0] for source in sources.values() if source.line}
    assert lines == {"test_export_coreml_sources.py"}
    assert not any(name.startswith("transpose") for name in sources)


def test_it_is_small_and_tells_nothing_of_the_machine(converted) -> None:
    assert len(converted.user_defined_metadata[SOURCES_KEY]) < 1000
    assert not any(s.line.startswith("/") for s in
                   read_sources(converted.user_defined_metadata).values())  # fmt: skip


def test_keys_are_the_same_in_a_flexible_and_in_a_fixed_export() -> None:
    net, x = Net().eval(), torch.zeros(1, 3, 8)
    length = {1: torch.export.Dim("n", min=2, max=9)}
    programs = [
        torch.export.export(net, (x,), dynamic_shapes=shapes).run_decompositions({})
        for shapes in (None, (length,))
    ]
    fixed, flexible = (list(node_keys(program).values()) for program in programs)
    assert fixed == flexible and len(fixed) == 5


def test_traced_tensors_are_the_modules_own() -> None:
    net, x = Net().eval(), torch.randn(1, 3, 8)
    traced = {tensor.key: tensor for tensor in trace_tensors(net, [x])}
    first = traced["linear.default#0"]
    assert torch.equal(first.value, net.first(x)) and first.module == "first"
    assert torch.equal(first.weights["first.weight"], net.first.weight)
    assert torch.equal(traced["transpose.int#0"].value, net(x))


def test_a_script_and_a_damaged_record(converted) -> None:
    script = torch.jit.trace(Net().eval(), torch.zeros(1, 3, 8))
    mark_sources(script)
    untouched = object()
    assert record_sources(script, untouched) is untouched
    assert read_sources({}) == {}
    with pytest.raises(ModelError, match="damaged"):
        read_sources({SOURCES_KEY: converted.user_defined_metadata[SOURCES_KEY][:-9]})
