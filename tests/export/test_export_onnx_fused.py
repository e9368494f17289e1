"""The rewritten file says what the portable one says, for every family, and int8 kernels still form in it."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from onnx_rule_graphs import kernels, operators

from edgekit.errors import ExportError
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_fused import fuse_onnx
from edgekit.export.onnx_rules import PORTABLE_RULES, apply_rules
from edgekit.models import families
from edgekit.models.small.modeling import BiLstmConfig, BiLstmForSequenceClassification
from edgekit.runtimes import open_runner
from edgekit.types import Artifact, Signature, TensorSpec

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "models/family_examples.py")))

OUTPUTS = {  # task → shape of its output
    "text-classification": ("batch", 3),
    "token-classification": ("batch", "sequence", 3),
    "masked-lm": ("batch", "sequence", examples.VOCABULARY),
    "sentence-embedding": ("batch", 32),
}
# What two layers come to: (attention operators, projections packed, residual sums, first tokens taken).
WHOLE = (2, 2, 5, 1)
LAYERS_ONLY = (0, 0, 4, 2)  # attention of their own kind; rows are taken where it ends
EXPECTED = {
    ("bert", "text-classification"): WHOLE,
    ("mpnet", "text-classification"): (2, 2, 5, 2),  # the relative bias is cut as well
    ("deberta-v3", "text-classification"): LAYERS_ONLY,
    ("bert", "token-classification"): (2, 2, 5, 0),
    ("bert-tanh-gelu", "text-classification"): WHOLE,
    ("roberta", "text-classification"): WHOLE,
    ("electra", "text-classification"): WHOLE,
    ("distilbert", "text-classification"): WHOLE,
    ("modernbert", "text-classification"): (0, 0, 1, 2),
    ("modernbert-mean", "text-classification"): (0, 0, 1, 0),
    ("deberta-v2-xlarge", "text-classification"): (0, 0, 5, 2),
    ("bert", "masked-lm"): (2, 2, 5, 0),
    ("mpnet", "sentence-embedding"): (2, 2, 5, 0),
}
FAST = list(EXPECTED)[:2]
CASES = [pytest.param(*c, marks=() if c in FAST else pytest.mark.slow, id="-".join(c)) for c in EXPECTED]


def exported(name: str, task: str, folder: Path) -> tuple[Artifact, torch.nn.Module]:
    module = examples.make(name, task)
    twin = families.export_module(module, max_length=32, task=task)
    signature = replace(
        examples.signature_of(module), task=task, outputs=(TensorSpec("logits", OUTPUTS[task], "float32"),)
    )
    given = Exportable(
        "tiny", twin, signature, None, examples.inputs(module, batch=2, length=17), {"a": 1}, 7
    )
    return export_onnx(given, folder / "model.onnx"), module


def furthest(first: Path, second: Path, module: torch.nn.Module) -> float:
    """Largest difference of any output, over batches and lengths, padding included."""
    one, other = open_runner(first), open_runner(second)
    worst = 0.0
    for batch, length in ((1, 2), (1, 17), (3, 32), (5, 9)):
        rows = {k: v.numpy() for k, v in examples.inputs(module, batch=batch, length=length).items()}
        a, b = one.run(rows)["logits"], other.run(rows)["logits"]
        assert a.shape == b.shape
        worst = max(worst, float(np.abs(a - b).max()))
    return worst


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, torch.nn.Module]:
    return exported("bert", "text-classification", tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_rewritten_file_says_the_same(name: str, task: str, bert, tmp_path: Path) -> None:
    source, module = bert if (name, task) == FAST[0] else exported(name, task, tmp_path)
    made = fuse_onnx(source, tmp_path / "onnxruntime" / "model.onnx")
    assert furthest(source.path, made.path, module) <= 1e-5

    model = ir.load(made.path)
    count = operators(model)
    taken = sum(n.op_type == "Gather" and n.inputs[1].name == "first_token" for n in model.graph)
    packed = sum("+" in name and name.endswith("weight") for name in model.graph.initializers)
    assert (count["MultiHeadAttention"], packed, count["Sum"], taken) == EXPECTED[name, task]
    assert made.size_bytes <= source.size_bytes  # no weight is stored twice
    names = [node.name for node in model.graph]
    assert all(names) and len(set(names)) == len(names)  # quantizers choose nodes by name

    # The portable rules are a part of the way: after them the rest comes to the same graph.
    portable = ir.load(source.path)
    apply_rules(portable, PORTABLE_RULES)
    assert {node.domain for node in portable.graph} == {""}
    ir.save(portable, tmp_path / "portable.onnx")
    assert furthest(source.path, tmp_path / "portable.onnx", module) <= 1e-5
    apply_rules(portable)
    assert operators(portable) == count


def test_the_file_says_what_it_is(bert, tmp_path: Path) -> None:
    source, _ = bert
    made = fuse_onnx(source, tmp_path / "model.onnx")
    assert (made.name, made.target, made.precision) == ("tiny-onnxruntime-fp32", "onnxruntime", "fp32")
    assert (made.signature, made.parameters) == (source.signature, source.parameters)
    told = [{p.key: p.value for p in onnx.load(p).metadata_props} for p in (source.path, made.path)]
    assert told[0] == told[1] and told[0]["edgekit.precision"] == "fp32"
    assert str(Path.cwd()).encode() not in made.path.read_bytes()  # the exporter's notes name local files


def test_int8_kernels_form_in_it(bert, tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source, module = bert
    made = fuse_onnx(source, tmp_path / "model.onnx")
    graph = onnx.load(made.path)
    del graph.graph.value_info[:]
    quantize_dynamic(
        graph,
        tmp_path / "int8.onnx",
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    assert furthest(source.path, tmp_path / "int8.onnx", module) <= 0.2
    count = kernels(tmp_path / "int8.onnx", tmp_path)
    # Packed projections; keys and values, and queries, of the last layer; three more a layer; the head's two.
    assert count["DynamicQuantizeMatMul"] == 3 + 2 * 3 + 2
    # Every bias went into its product, and no slow kernel came in.
    assert not count["Add"] and not count["MatMulInteger"] and not count["SkipLayerNormalization"]


@pytest.mark.slow
def test_a_network_that_no_rule_knows_stays_as_it_was(tmp_path: Path) -> None:
    module = BiLstmForSequenceClassification(BiLstmConfig(vocab_size=40, hidden_size=14)).eval()
    ids = torch.randint(1, 40, (2, 9))
    signature = Signature(
        task="text-classification",
        inputs=tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in ("input_ids", "attention_mask")),
        outputs=(TensorSpec("logits", ("batch", 2), "float32"),),
        labels=("a", "b"),
        max_length=32,
    )
    example = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    twin = families.export_module(module, max_length=32)
    source = export_onnx(Exportable("s", twin, signature, None, example, {}, 1), tmp_path / "model.onnx")
    made = fuse_onnx(source, tmp_path / "fused.onnx")
    assert operators(ir.load(made.path)) == operators(ir.load(source.path))
    rows = {k: v.numpy() for k, v in example.items()}
    a, b = (open_runner(p).run(rows)["logits"] for p in (source.path, made.path))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("change", [{"precision": "int8"}, {"target": "onnxruntime"}])
def test_only_a_plain_export_is_rewritten(bert, change, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="only a portable fp32 ONNX file"):
        fuse_onnx(replace(bert[0], **change), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
