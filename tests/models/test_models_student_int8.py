"""Rounding in training is what the int8 file does, lets gradients through, and leaves rounded weights."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.errors import ModelError
from edgekit.models.load import load_model
from edgekit.models.save import read_ranges, save_model
from edgekit.models.student import make_student
from edgekit.models.students import int8
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.plan import plan_int8
from edgekit.recipe.schema import Student
from edgekit.types import LayerPrecision, Model, Quantized, Source


@pytest.fixture
def teacher(tiny_classifier: Path) -> Model:
    return shaken(load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher", dropout=0.0))


@pytest.fixture
def tagger(tiny_encoder: Path) -> Model:
    source = Source("tiny", "0" * 64, tiny_encoder)
    task = "token-classification"
    return shaken(
        load_model(
            source, name="t", task=task, labels=("a", "b"), fresh_head=True, dropout=0.0, max_length=32
        )
    )


def shaken(model: Model) -> Model:
    torch.manual_seed(0)
    for weight in model.module.parameters():
        weight.data += 0.1 * torch.randn_like(weight)  # activations large enough for rounding to show
    return model


def plan_for(model: Model) -> Quantized:
    """Every layer, the tiny ones too, which a real plan leaves alone."""
    plan = plan_int8(model.module, name=model.name, target="onnx")
    layers = tuple(
        LayerPrecision(p.name, 8, "per_channel", scheme="int8") if "only" in p.skipped_because else p
        for p in plan.layers
    )
    return Quantized(plan.model, plan.target, plan.scheme, layers)


def test_rows_have_the_scale_of_their_largest_weight() -> None:
    weight = torch.tensor([[127.0, 1.4, -0.6], [0.0, 0.0, 0.0], [-1.27, 0.014, 0.016]], requires_grad=True)
    rounded = int8.round_rows(weight)
    torch.testing.assert_close(
        rounded.detach(), torch.tensor([[127.0, 1.0, -1.0], [0.0, 0.0, 0.0], [-1.27, 0.01, 0.02]])
    )
    rounded.sum().backward()
    assert torch.equal(weight.grad, torch.ones(3, 3))


def test_activations_round_as_onnx_runtime_rounds_them() -> None:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    generator = np.random.default_rng(0)
    for shift in (-5.0, 0.0, 5.0):
        x = (generator.normal(size=500) + shift).astype(np.float32)
        (expected,) = session.run(None, {"x": x})
        np.testing.assert_allclose(int8.round_tensor(torch.from_numpy(x)), expected, atol=1e-6)


def test_training_sees_what_the_int8_file_computes(tagger: Model, tmp_path: Path) -> None:
    # A tagger: of a classifier's last layer the file computes the first token alone, whose range is narrower.
    import onnxruntime

    from edgekit.export.exportable import Exportable
    from edgekit.export.onnx import export_onnx
    from edgekit.export.onnx_schemes.carry_out import quantize_onnx
    from edgekit.models.families import export_module

    plan = plan_for(tagger)
    exportable = Exportable(
        name="t",
        module=export_module(tagger.module, max_length=32, task="token-classification"),
        signature=tagger.signature,
        processor=tagger.processor,
        example=dummy_inputs(tagger.module, tagger.signature, batch=2, length=9),
        provenance={},
        parameters=tagger.parameters,
    )
    plain = export_onnx(exportable, tmp_path / "t.onnx")
    session = onnxruntime.InferenceSession(str(quantize_onnx(plain, plan, tmp_path / "q.onnx").path))
    rounding = copy.deepcopy(tagger.module)
    int8.apply(rounding, plan)
    far, near = 0.0, 0.0
    for seed in range(10):
        torch.manual_seed(seed)
        inputs = dummy_inputs(tagger.module, tagger.signature, batch=1, length=12)
        inputs["input_ids"] %= len(tagger.processor)
        (file,) = session.run(None, {k: v.numpy() for k, v in inputs.items()})
        with torch.no_grad():
            near += float((rounding(**inputs).logits - torch.from_numpy(file)).abs().mean())
            far += float((tagger.module(**inputs).logits - torch.from_numpy(file)).abs().mean())
    assert near < far / 3


def test_gradients_reach_the_weights_behind(teacher: Model) -> None:
    module = teacher.module
    int8.apply(module, plan_for(teacher))
    assert not torch.equal(
        module.classifier.weight,
        module.bert.encoder.layer[0].attention.self.query.weight[:2],
    )
    inputs = dummy_inputs(module, teacher.signature, batch=2, length=8)
    inputs["input_ids"] %= len(teacher.processor)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(**inputs, labels=torch.tensor([0, 1])).loss.backward()
    optimizer.step()
    after = module.state_dict()
    for name in (
        "bert.embeddings.word_embeddings.weight",
        "bert.encoder.layer.0.attention.self.query.parametrizations.weight.original",
        "bert.encoder.layer.3.output.dense.parametrizations.weight.original",
    ):
        assert not torch.equal(before[name], after[name]), name


@pytest.mark.parametrize("rank", [None, 8])
def test_removing_leaves_the_rounded_weights_and_nothing_else(teacher: Model, rank: int | None) -> None:
    student = make_student(teacher, Student(layers=2, embedding_rank=rank), name="s")
    module, plan = student.module, plan_for(student)
    names = list(module.state_dict())
    original = copy.deepcopy(module.state_dict())
    int8.apply(module, plan, activations=False)
    inputs = dummy_inputs(module, student.signature, batch=2, length=8)
    inputs["input_ids"] %= len(teacher.processor)
    with torch.no_grad():
        rounding = module(**inputs).logits
        int8.remove(module)
        torch.testing.assert_close(module(**inputs).logits, rounding)
    assert sorted(module.state_dict()) == sorted(names)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    once = copy.deepcopy(module.state_dict())
    query = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(once[query], original[query])
    int8.apply(module, plan)
    int8.remove(module)
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(weight, once[name], msg=f"{name} moved when rounded twice")


def test_a_plan_of_another_model_is_refused(teacher: Model) -> None:
    wrong = Quantized("x", "onnx", "int8", (LayerPrecision("bert.nothing.weight", 8, "per_channel"),))
    with pytest.raises(ModelError, match=r"bert\.nothing\.weight"):
        int8.apply(teacher.module, wrong)
    with pytest.raises(ModelError, match="quantizes nothing"):
        int8.apply(teacher.module, Quantized("x", "onnx", "int8", ()))


def test_a_range_is_learned_in_training_stands_still_after_it_and_is_saved(
    teacher: Model, tmp_path: Path
) -> None:
    module = teacher.module
    int8.apply(module, plan_for(teacher), learn_ranges=True)
    layer = module.bert.encoder.layer[0].intermediate.dense
    seen: list[tuple[float, float]] = []
    layer.register_forward_pre_hook(lambda _, x: seen.append(tuple(v.item() for v in x[0].aminmax())))
    for seed in range(3):
        torch.manual_seed(seed)
        inputs = dummy_inputs(module, teacher.signature, batch=2, length=8)
        inputs["input_ids"] %= len(teacher.processor)
        module.train()(**inputs)
    module.eval()(**inputs)
    # What was seen is rounded already: half a step of 255 off at either end.
    step = (seen[0][1] - seen[0][0]) / 255
    low, high = seen[0]
    for one in seen[1:3]:
        low, high = low + int8.MOMENTUM * (one[0] - low), high + int8.MOMENTUM * (one[1] - high)
    assert layer.input_range.tolist() == pytest.approx([low, high], abs=step)
    assert "input_range" in "".join(module.state_dict()), "a checkpoint keeps it"
    int8.remove(module)
    assert not [name for name in module.state_dict() if "input_range" in name]
    name = "bert.encoder.layer.0.intermediate.dense"
    assert module.input_ranges[name] == pytest.approx((low, high), abs=step)
    save_model(teacher, tmp_path / "saved", provenance={})
    assert read_ranges(tmp_path / "saved") == module.input_ranges
    assert load_model(Source("s", "0" * 64, tmp_path / "saved"), name="s").module.state_dict().keys()


def test_values_outside_a_learned_range_are_clipped_and_get_no_gradient() -> None:
    x = torch.tensor([-1.0, 0.5, 3.0], requires_grad=True)
    clipped = int8.round_tensor(x, range_of=torch.tensor([0.0, 2.0]), clip=True)
    torch.testing.assert_close(clipped.detach(), torch.tensor([0.0, 0.5, 2.0]), atol=1 / 255, rtol=0)
    clipped.sum().backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_a_folder_without_ranges_has_none(tiny_classifier: Path) -> None:
    assert read_ranges(tiny_classifier) == {}
