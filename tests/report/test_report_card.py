import re
from pathlib import Path

import pytest
import report_examples as examples
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from edgekit.report.card import write_card
from edgekit.report.document import Report


def card(report: Report, folder: Path, **options: object) -> str:
    path = write_card(report, folder / "student", report_folder=folder, **options)  # type: ignore[arg-type]
    assert path == folder / "student/README.md"
    return path.read_text(encoding="utf-8")


def front_matter(text: str) -> dict[str, object]:
    return YAML(typ="safe").load(text.split("---\n")[1])


def test_the_front_matter_is_what_the_hub_reads(full_report: Report, tmp_path: Path) -> None:
    text = card(full_report, tmp_path, languages=["en"], base_model="org/teacher", datasets=["org/reviews"])
    front = front_matter(text)
    assert front["license"] == "apache-2.0"  # the teacher's: the student is cut from it
    assert (front["library_name"], front["pipeline_tag"]) == ("transformers", "text-classification")
    assert (front["language"], front["base_model"]) == (["en"], "org/teacher")
    result = ModelCard(text).data.eval_results[0]
    assert (result.metric_type, result.metric_value, result.dataset_type) == (
        "accuracy",
        0.861,
        "org/reviews",
    )


def test_what_is_not_known_is_left_out(bare_report: Report, tmp_path: Path) -> None:
    text = card(bare_report, tmp_path)
    front = front_matter(text)
    assert front["license"] == "unknown"
    assert not {"language", "base_model", "datasets", "metrics"} & set(front)
    assert "Language: not stated." in text and "ONNX Runtime" not in text
    assert 'edgekit predict . "A quiet triumph."' in text


def test_figures_and_licences_are_in_the_card(full_report: Report, tmp_path: Path) -> None:
    text = card(full_report, tmp_path).replace("\u202f", " ")
    assert "| `onnx/model_int8.onnx` | int8 | 17.6 MB | 85.9 (83.8 to 87.9) | 2.63 | verified |" in text
    assert "not executed (structure checked)" in text
    assert "teacher-onnx" not in text.split("## Exported files")[1].split("##")[0]
    assert "Apache-2.0" in text and "MIT" in text
    assert 'edgekit predict onnx/model_int8.onnx "A quiet triumph."' in text


def test_hostile_text_breaks_neither_front_matter_nor_body(hostile_report: Report, tmp_path: Path) -> None:
    text = card(hostile_report, tmp_path)
    front = front_matter(text)
    assert front["model-index"][0]["name"].startswith("<script>")  # type: ignore[index]
    page = MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])
    assert "<script" not in page and page.count("<h1>") == 1
    assert not set(text) & {"\u202e", "\u2066", "\x07"}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report folder with a student small enough for a test: two words decide its label."""
    import onnx
    from onnx import TensorProto, helper
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("run")
    words = folder / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "quiet", "triumph", "."]))
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=9,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            id2label={0: "negative", 1: "positive"},
            label2id={"negative": 0, "positive": 1},
        )
    )
    (folder / "student/onnx").mkdir(parents=True)
    model.save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")
    # logits = [0, number of tokens]: always the second label.
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask", "axis"], ["length"], keepdims=1),
        helper.make_node("Sub", ["length", "length"], ["zero"]),
        helper.make_node("Concat", ["zero", "length"], ["logits"], axis=1),
    ]
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"])
        for n in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 2])]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [axis])
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(built, folder / "student/onnx/model_int8.onnx")
    return folder


def test_the_snippets_run_as_they_stand(
    student: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snippets = re.findall(r"```python\n(.*?)```", card(examples.full(), student), re.DOTALL)
    assert len(snippets) == 2
    monkeypatch.chdir(student / "student")
    printed = []
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {"__name__": "__main__"})
        printed.append(capsys.readouterr().out)
    assert re.fullmatch(r"\[\{'label': '(negative|positive)', 'score': [\d.]+\}\]\n", printed[0])
    assert printed[1] == "['positive']\n"
