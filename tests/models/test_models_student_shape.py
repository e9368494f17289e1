"""Students cut by importance: what is kept, what moves into biases, and plain transformers loads them."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgekit.errors import ModelError
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student, select_layers
from edgekit.models.students.layers import block_influence
from edgekit.models.tasks import dummy_inputs
from edgekit.recipe.schema import Student, Vocabulary
from edgekit.signatures import text_signature
from edgekit.types import Model, Rows, Source

LABELS = ("negative", "positive")
ROWS: Rows = [
    {"input_ids": [2, *torch.randint(5, 45, (n,), generator=torch.Generator().manual_seed(n)).tolist(), 3],
     "attention_mask": [1] * (n + 2), "token_type_ids": [0] * (n + 2)}
    for n in range(1, 33)
]  # fmt: skip


@pytest.fixture
def teacher(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")


def family(kind: str, teacher: Model) -> Model:
    """A small random classifier of another family, behind the tiny tokenizer."""
    import transformers

    sizes = {
        "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 64,
    }  # fmt: skip
    if kind == "DistilBert":
        sizes["hidden_dim"] = sizes.pop("intermediate_size")
    if kind == "Electra":
        sizes["embedding_size"] = 12
    torch.manual_seed(0)
    module = getattr(transformers, f"{kind}ForSequenceClassification")(
        getattr(transformers, f"{kind}Config")(**sizes)
    ).eval()
    signature = text_signature(
        task="text-classification", processor=teacher.processor, labels=LABELS, max_length=32, module=module
    )
    return replace(teacher, module=module, signature=signature)


def logits(model: Model, module=None, *, length: int = 9) -> torch.Tensor:
    torch.manual_seed(1)
    inputs = dummy_inputs(model.module, model.signature, batch=3, length=length)
    inputs["input_ids"] = inputs["input_ids"] % 45
    with torch.no_grad():
        return (module or model.module)(**inputs).logits


def test_the_layers_that_turn_their_input_least_go_first(teacher: Model) -> None:
    layers = teacher.module.bert.encoder.layer
    for part in (layers[1].attention.output, layers[1].output):
        part.dense.weight.data *= 1e-3
        part.dense.bias.data *= 1e-3
    influence = block_influence(teacher, ROWS)
    assert len(influence) == 4
    assert min(range(4), key=lambda i: influence[i]) == 1
    assert all(0 <= value <= 2 for value in influence)
    assert select_layers(4, 3, "importance", influence=influence) == (0, 2, 3)
    student = make_student(teacher, Student(layers=3, select="importance"), name="s", rows=ROWS)
    assert torch.equal(
        student.module.bert.encoder.layer[1].output.dense.weight, layers[2].output.dense.weight
    )


def test_importance_needs_rows(teacher: Model) -> None:
    with pytest.raises(ModelError, match="no rows"):
        make_student(teacher, Student(layers=2, select="importance"), name="s")


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "MPNet", "DistilBert", "Electra"])
def test_units_that_never_vary_go_and_their_constant_stays(kind: str, teacher: Model) -> None:
    parent = family(kind, teacher)
    for name, weight in parent.module.named_parameters():
        if name.endswith(("intermediate.dense.weight", "ffn.lin1.weight")):
            weight.data[1::2] = 0.0
        if name.endswith(("intermediate.dense.bias", "ffn.lin1.bias")):
            weight.data.normal_()
    student = make_student(parent, Student(layers=3, intermediate_size=32), name="s", rows=ROWS)
    assert student.parameters < parent.parameters
    torch.testing.assert_close(logits(student), logits(parent), atol=2e-6, rtol=0)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "MPNet", "DistilBert", "Electra"])
@pytest.mark.parametrize(
    ("cut", "width", "heads"),
    [({"heads": 2}, 16, 2), ({"hidden_size": 24}, 24, 3), ({"hidden_size": 16, "heads": 4}, 16, 4)],
)
def test_a_narrow_student_is_an_ordinary_model(kind, cut, width, heads, teacher: Model, tmp_path) -> None:
    parent = family(kind, teacher)
    student = make_student(parent, Student(layers=2, **cut), name="s", rows=ROWS)
    config = student.module.config
    assert (config.hidden_size, config.num_attention_heads) == (width, heads)
    student.module.save_pretrained(tmp_path)
    again = type(parent.module).from_pretrained(tmp_path).eval()
    assert type(again).__module__.startswith("transformers.")
    assert torch.equal(logits(student), logits(student, again))
    assert torch.isfinite(logits(student)).all()


def test_heads_that_say_nothing_are_the_ones_cut(teacher: Model) -> None:
    for layer in teacher.module.bert.encoder.layer:
        value = layer.attention.self.value.weight.data
        value[8:16] = value[24:32] = 0.0  # heads 1 and 3 of size 8
    student = make_student(teacher, Student(layers=4, heads=2), name="s", rows=ROWS)
    theirs = teacher.module.bert
    columns = [
        int((theirs.embeddings.word_embeddings.weight.t() == column).all(1).nonzero())
        for column in student.module.bert.embeddings.word_embeddings.weight.t()
    ]
    assert columns == sorted(columns)
    rows = [*range(8), *range(16, 24)]
    for mine, other in zip(student.module.bert.encoder.layer, theirs.encoder.layer, strict=True):
        for part in ("query", "key", "value"):
            weight = getattr(other.attention.self, part).weight
            assert torch.equal(getattr(mine.attention.self, part).weight, weight[rows][:, columns])


def test_smaller_heads_keep_their_attention_temperature(teacher: Model) -> None:
    before = copy.deepcopy(teacher.module.state_dict())
    student = make_student(teacher, Student(layers=4, hidden_size=16, heads=4), name="s", rows=ROWS)
    query = student.module.bert.encoder.layer[0].attention.self.query.weight
    full = teacher.module.bert.encoder.layer[0].attention.self.query.weight
    largest = query.abs().max() / 0.5**0.5  # head size 8 → 4, and softmax divides by its root
    assert (full.abs() - largest).abs().min() < 1e-6
    assert all(torch.equal(value, before[key]) for key, value in teacher.module.state_dict().items())


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ({"heads": 5}, "its teacher has 4"),
        ({"hidden_size": 20}, "not a multiple of the teacher's head size 8"),
        ({"hidden_size": 32, "heads": 2}, "heads of size 16"),
        ({"intermediate_size": 65}, "its teacher has 64"),
        ({"embedding_rank": 33}, "only 32 wide"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(cut, words: str, teacher: Model) -> None:
    with pytest.raises(ModelError, match=words):
        make_student(teacher, Student(layers=2, **cut), name="s", rows=ROWS)


def test_an_electra_keeps_the_projection_of_its_table(teacher: Model) -> None:
    with pytest.raises(ModelError, match="no projection to inherit"):
        make_student(
            family("Electra", teacher), Student(layers=2, hidden_size=12, heads=4), name="s", rows=ROWS
        )


def test_another_architecture_is_refused_by_name(teacher: Model) -> None:
    from transformers import AlbertConfig, AlbertForSequenceClassification

    module = AlbertForSequenceClassification(
        AlbertConfig(vocab_size=50, embedding_size=16, hidden_size=32, num_attention_heads=4,
                     intermediate_size=64, num_hidden_layers=2)
    )  # fmt: skip
    from edgekit.models.students.narrow import narrowed

    with pytest.raises(ModelError, match="albert"):
        narrowed(replace(teacher, module=module), ROWS, heads=2)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "MPNet", "DistilBert", "Electra"])
def test_a_token_table_of_full_rank_changes_nothing(kind: str, teacher: Model, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    parent = family(kind, teacher)
    width = parent.module.get_input_embeddings().embedding_dim
    full = make_student(parent, Student(layers=3, embedding_rank=width), name="s", rows=ROWS)
    torch.testing.assert_close(logits(full), logits(parent), atol=1e-6, rtol=0)
    low = make_student(parent, Student(layers=3, embedding_rank=4), name="s", rows=ROWS)
    assert low.module.get_input_embeddings().weight.shape == (50, 4)
    assert low.parameters < parent.parameters
    low.module.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(low), logits(low, again))


def test_a_low_rank_table_is_nearest_for_frequent_tokens() -> None:
    from edgekit.models.small.low_rank import factorised

    torch.manual_seed(0)
    table, weights = torch.randn(40, 12), torch.ones(40)
    weights[:5] = 100.0
    error = {}
    for name, w in (("even", torch.ones(40)), ("weighted", weights)):
        rows, axes = factorised(table, w, 6)
        error[name] = (rows @ axes.t() - table).square().sum(1)
    _, singular, _ = torch.linalg.svd(table)
    assert error["even"].sum() == pytest.approx(float(singular[6:].square().sum()), rel=1e-4)
    assert error["weighted"][:5].sum() < error["even"][:5].sum()
    assert (weights * error["weighted"]).sum() < (weights * error["even"]).sum()


def test_a_masked_language_model_ties_its_low_rank_table() -> None:
    from transformers import BertConfig, BertForMaskedLM

    from edgekit.models.small.low_rank import with_low_rank

    torch.manual_seed(0)
    module = BertForMaskedLM(
        BertConfig(
            vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
        )
    ).eval()
    made = with_low_rank(module, 32, torch.ones(50))
    ids = torch.arange(2, 20)[None]
    with torch.no_grad():
        torch.testing.assert_close(made(ids).logits, module(ids).logits, atol=1e-6, rtol=0)
    assert made.cls.predictions.decoder.weight is made.bert.embeddings.word_embeddings.weight


def test_all_cuts_together_save_and_load(teacher: Model, tmp_path: Path) -> None:
    config = Student(
        layers=2, hidden_size=24, intermediate_size=40, embedding_rank=8, vocabulary=Vocabulary(min_count=1)
    )
    student = make_student(teacher, config, name="s", rows=ROWS)
    told = student.source.uri
    assert "layers [0, 3]" in told and "3 heads, width 24" in told and "rank 8" in told
    save_model(student, tmp_path / "s", provenance={})
    again = load_model(Source("s", "0" * 64, tmp_path / "s"), name="s")
    assert again.parameters == student.parameters
    assert torch.equal(logits(student), logits(student, again.module))


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "MPNet", "DistilBert", "Electra"])
def test_a_low_rank_twin_computes_the_same(kind: str, teacher: Model) -> None:
    from edgekit.models.families import export_module
    from edgekit.models.families.generic import Transformers

    student = make_student(family(kind, teacher), Student(layers=2, embedding_rank=8), name="s", rows=ROWS)
    twin = export_module(student.module, max_length=16)
    assert not isinstance(twin, Transformers)
    assert sum(p.numel() for p in twin.parameters()) <= student.parameters
    torch.manual_seed(1)
    inputs = dummy_inputs(student.module, student.signature, batch=3, length=9)
    inputs["input_ids"] = inputs["input_ids"] % 40 + 5  # no padding token among real ones
    with torch.no_grad():
        expected = student.module(**inputs).logits
        real = inputs["attention_mask"].bool().all(1)  # positions of padding differ, and count for nothing
        torch.testing.assert_close(twin(**inputs)[real], expected[real], atol=2e-6, rtol=0)


def test_a_sentence_encoder_keeps_the_size_of_its_embedding(teacher: Model) -> None:
    from edgekit.models.families import export_module
    from edgekit.models.families.sentence import SentenceEncoder

    signature = replace(teacher.signature, task="sentence-embedding", labels=())
    module = SentenceEncoder(teacher.module.config, teacher.module.bert).eval()
    parent = replace(teacher, module=module, signature=signature)
    student = make_student(parent, Student(layers=2, heads=2, embedding_rank=8), name="s", rows=ROWS)
    assert student.module.config.hidden_size == 16
    before, after = logits(parent), logits(student)
    assert after.shape == before.shape == (3, 32)
    twin = export_module(student.module, max_length=16, task="sentence-embedding")
    inputs = dummy_inputs(student.module, signature, batch=2, length=9)
    inputs["input_ids"] %= 45
    with torch.no_grad():
        torch.testing.assert_close(twin(**inputs), student.module(**inputs).logits, atol=2e-6, rtol=0)
