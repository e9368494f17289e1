"""Small networks: padding changes nothing, the teacher's tokens are inherited, and every export runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.small.modeling import (
    BiLstmConfig,
    BiLstmForSequenceClassification,
    BiLstmForTokenClassification,
    CnnConfig,
    CnnForSequenceClassification,
    CnnForTokenClassification,
    StaticConfig,
    StaticForSequenceClassification,
)
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student, Vocabulary
from edgekit.types import Model, Source

SIZES = {"vocab_size": 40, "hidden_size": 14, "dropout": 0.5}
NETWORKS = {
    "bilstm": lambda: BiLstmForSequenceClassification(BiLstmConfig(num_hidden_layers=2, **SIZES)),
    "cnn": lambda: CnnForSequenceClassification(CnnConfig(**SIZES)),
    "static": lambda: StaticForSequenceClassification(StaticConfig(**SIZES)),
    "bilstm-tags": lambda: BiLstmForTokenClassification(BiLstmConfig(**SIZES)),
    "cnn-tags": lambda: CnnForTokenClassification(CnnConfig(**SIZES)),
}
ARCHITECTURES = ("bilstm", "cnn", "static")


@pytest.fixture
def teacher(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")


def student_of(teacher: Model, architecture: str, **more) -> Model:
    rows = [dict(teacher.processor(t)) for t in ("a moving and superb film", "a dull story , sadly")]
    config = Student(architecture=architecture, layers=1, **more)
    return make_student(teacher, config, name="s", rows=rows, seed=3)


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), extra=st.integers(0, 7))
def test_padding_changes_nothing(network: str, lengths: list[int], extra: int) -> None:
    torch.manual_seed(0)
    module = NETWORKS[network]().eval()
    module.get_input_embeddings().weight.data[0] = 9.0  # a padding row that would be noticed
    rows = [torch.randint(1, 40, (1, n)) for n in lengths]
    width = max(lengths) + extra
    ids, mask = (
        torch.zeros(len(rows), width, dtype=torch.long),
        torch.zeros(len(rows), width, dtype=torch.long),
    )
    for i, row in enumerate(rows):
        ids[i, : row.shape[1]], mask[i, : row.shape[1]] = row[0], 1
    with torch.no_grad():
        together = module(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        for i, row in enumerate(rows):
            alone = module(input_ids=row, output_hidden_states=True)
            n = row.shape[1]
            mine = together.logits[i, :n] if "tags" in network else together.logits[i]
            torch.testing.assert_close(mine, alone.logits[0], atol=1e-6, rtol=1e-5)
            for ours, theirs in zip(together.hidden_states, alone.hidden_states, strict=True):
                torch.testing.assert_close(ours[i, :n], theirs[0], atol=1e-6, rtol=1e-5)


def test_a_bilstm_is_pytorchs_own_on_packed_rows() -> None:
    torch.manual_seed(0)
    module = NETWORKS["bilstm-tags"]().eval()
    network = module.encoder.network
    reference = torch.nn.LSTM(14, 7, batch_first=True, bidirectional=True)
    for name, weight in network.ahead[0].named_parameters():
        getattr(reference, name).data.copy_(weight)
        getattr(reference, f"{name}_reverse").data.copy_(network.back[0].get_parameter(name))
    x, lengths = torch.randn(3, 6, 14), torch.tensor([6, 2, 4])
    mask = (torch.arange(6)[None] < lengths[:, None]).long()
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    with torch.no_grad():
        (found,) = network(x, mask)
    torch.testing.assert_close(found * mask[:, :, None], expected, atol=1e-6, rtol=1e-5)


def test_a_cnn_sees_its_windows_and_nothing_further() -> None:
    torch.manual_seed(0)
    module = CnnForTokenClassification(CnnConfig(**SIZES, windows=(3,))).eval()
    x = torch.randn(1, 9, 14)
    changed = x.clone()
    changed[0, 4] += 1.0
    with torch.no_grad():
        before, after = (module(inputs_embeds=v).logits for v in (x, changed))
    moved = (before != after).any(-1)[0]
    assert moved.tolist() == [False, False, False, True, True, True, False, False, False]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_small_student_starts_from_its_teachers_tokens(architecture: str, teacher: Model) -> None:
    theirs = teacher.module.get_input_embeddings().weight
    student = student_of(teacher, architecture)
    mine = student.module.get_input_embeddings().weight
    torch.testing.assert_close(mine, theirs / theirs.square().mean().sqrt())
    assert student.module.config.id2label == teacher.module.config.id2label
    assert [spec.name for spec in student.signature.inputs] == ["input_ids", "attention_mask"]
    thin = student_of(teacher, architecture, hidden_size=12).module.get_input_embeddings().weight
    cosine = torch.nn.functional.normalize(thin) @ torch.nn.functional.normalize(thin).t()
    full = torch.nn.functional.normalize(theirs) @ torch.nn.functional.normalize(theirs).t()
    assert torch.corrcoef(torch.stack([cosine.flatten(), full.flatten()]))[0, 1] > 0.7
    again = student_of(teacher, architecture)
    assert all(
        torch.equal(a, b) for a, b in zip(again.module.parameters(), student.module.parameters(), strict=True)
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_small_student_learns_saves_and_loads(architecture: str, teacher: Model, tmp_path: Path) -> None:
    student = student_of(teacher, architecture, hidden_size=12, embedding_rank=6, vocabulary=Vocabulary())
    assert student.module.get_input_embeddings().weight.shape == (len(student.processor), 6)
    batch = student.processor(["superb film", "dull story"], return_tensors="pt", padding=True)
    batch.pop("token_type_ids")
    labels = torch.tensor([1, 0])
    optimizer = torch.optim.AdamW(student.module.parameters(), lr=3e-2)
    student.module.train()
    for _ in range(20):
        loss = student.module(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss < 0.3
    student.module.eval()
    save_model(student, tmp_path / "s", provenance={})
    again = load_model(Source("s", "0" * 64, tmp_path / "s"), name="s")
    with torch.no_grad():
        assert torch.equal(again.module(**batch).logits, student.module(**batch).logits)
    assert again.signature.labels == teacher.signature.labels


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exports_run_and_agree(architecture: str, teacher: Model, tmp_path: Path) -> None:
    import onnxruntime

    from edgekit import mil
    from edgekit.export.coreml import export_coreml
    from edgekit.export.exportable import Exportable
    from edgekit.export.onnx import export_onnx
    from edgekit.models.families import export_module
    from edgekit.models.tasks import dummy_inputs

    student = student_of(teacher, architecture, hidden_size=12)
    exportable = Exportable(
        name="s",
        module=export_module(student.module, max_length=32),
        signature=student.signature,
        processor=student.processor,
        example=dummy_inputs(student.module, student.signature, batch=2, length=9),
        provenance={},
        parameters=student.parameters,
    )
    onnx = export_onnx(exportable, tmp_path / "s.onnx")
    session = onnxruntime.InferenceSession(str(onnx.path))
    package = mil.load(export_coreml(exportable, tmp_path / "s.mlpackage", precision="fp32").path)
    for batch, length in ((1, 2), (3, 17), (1, 31)):
        inputs = dummy_inputs(student.module, student.signature, batch=batch, length=length)
        with torch.no_grad():
            expected = student.module(**inputs).logits
        (found,) = session.run(None, {k: v.numpy() for k, v in inputs.items()})
        np.testing.assert_allclose(found, expected, atol=2e-6)
        if batch == 1:
            answer = package.predict({k: v.numpy().astype(np.int32) for k, v in inputs.items()})
            probabilities = torch.softmax(expected, -1)[0]
            for label, probability in zip(teacher.signature.labels, probabilities, strict=True):
                assert answer["label_probs"][label] == pytest.approx(float(probability), abs=1e-5)


@pytest.mark.parametrize("architecture", ["cnn", "static"])
def test_a_small_sentence_encoder_keeps_the_teachers_embedding_size(
    architecture: str, teacher: Model
) -> None:
    from edgekit.models.families.sentence import SentenceEncoder

    signature = replace(teacher.signature, task="sentence-embedding", labels=())
    parent = replace(
        teacher, module=SentenceEncoder(teacher.module.config, teacher.module.bert), signature=signature
    )
    student = student_of(parent, architecture, hidden_size=12)
    inputs = {"input_ids": torch.tensor([[2, 8, 9, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    with torch.no_grad():
        assert student.module(**inputs).logits.shape == parent.module(**inputs).logits.shape == (1, 32)


@pytest.mark.parametrize(
    ("architecture", "more", "task", "words"),
    [
        ("bilstm", {"hidden_size": 13}, "text-classification", "two directions"),
        ("cnn", {"hidden_size": 33}, "text-classification", "only 32 wide"),
        ("static", {"embedding_rank": 33}, "text-classification", "only 32 wide"),
        ("static", {}, "token-classification", "can't do token-classification"),
        ("bilstm", {}, "masked-lm", "can't do masked-lm"),
    ],
)
def test_what_a_small_student_cannot_be(architecture, more, task, words, teacher: Model) -> None:
    parent = replace(teacher, signature=replace(teacher.signature, task=task))
    with pytest.raises(ModelError, match=words):
        student_of(parent, architecture, **more)
