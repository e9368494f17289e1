"""Each task with a tiny real model: load → export → run and compare → score → predict → time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit import api
from edgekit.benchmark.latency import run_protocol
from edgekit.errors import DataError
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.files import read_json, write_json
from edgekit.models import families, tasks
from edgekit.models.load import load_model, load_tokenizer
from edgekit.models.save import save_front_end, save_model
from edgekit.recipe.schema import Gates
from edgekit.report.usage import USAGE, onnx_code
from edgekit.runtimes import open_runner
from edgekit.runtimes.describe import describe_artifact
from edgekit.runtimes.pytorch import PyTorchRunner
from edgekit.stages.measuring import Entry, _contestants
from edgekit.tasks import TASKS, get_task
from edgekit.types import LabelledFile, Model, Source, Split
from edgekit.verify.parity import compare
from edgekit.verify.probe import probe_rows

NAMES = {
    "multi-label-classification": ("about film", "about cast", "sad"),
    "token-classification": ("O", "B-THING", "I-THING"),
}
# One class a text is tested wherever there is a model; its graph is not exported once more here.
HERE = [task for task in TASKS if task != "text-classification"]
TEXTS = [f"a {a} and {b} film , sadly" for a in ("warm", "dull", "clever") for b in ("superb", "lazy")]


def labels(task: str) -> list:
    """One for each of TEXTS."""
    made = {
        "multi-label-classification": [["about film"], ["about film", "sad"], []] * 2,
        "text-regression": [0.5, -1.25, 3, 2.0, -4, 0],
        "token-classification": [["O", "B-THING", "O", "B-THING", "I-THING", "O", "O"]] * 6,
    }
    return made.get(task, [None] * 6)


def loaded(folder: Path, task: str, **more) -> Model:
    source = Source(uri=folder.name, sha256="0" * 64, path=folder)
    return load_model(source, name=folder.name, task=task, **more)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> dict[str, Path]:
    """task → a saved model of one layer with a random head, large enough that its answers differ."""
    short = tmp_path_factory.mktemp("tiny") / "one-layer"
    shutil.copytree(tiny_encoder, short)
    write_json(short / "config.json", {**read_json(short / "config.json"), "num_hidden_layers": 1})
    made = {}
    for task in HERE:
        torch.manual_seed(1)
        model = loaded(short, task, labels=NAMES.get(task, ()), max_length=32, fresh_head=True)
        with torch.no_grad():
            for name, weight in model.module.named_parameters():
                if "embeddings" not in name and weight.ndim == 2:
                    weight.mul_(4.0)
        made[task] = save_model(model, tmp_path_factory.mktemp(task) / "model", provenance={})
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LabelledFile]:
    """task → its labelled rows."""
    made = {}
    for task in HERE:
        path = tmp_path_factory.mktemp("rows") / f"{task}.jsonl"
        rows = ({"text": t, "label": label} for t, label in zip(TEXTS, labels(task), strict=True))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        made[task] = LabelledFile(path)
    return made


@pytest.fixture(scope="module")
def exported(folders: dict[str, Path]) -> dict[str, Path]:
    """task → its ONNX file."""
    made = {}
    for task, folder in folders.items():
        model = api.load(folder)
        path = folder / "onnx" / "model.onnx"
        save_front_end(model.processor, path.parent, max_length=model.signature.max_length)
        module = families.export_module(model.module, max_length=32, task=task)
        export_onnx(
            Exportable(
                name="tiny",
                module=module,
                signature=model.signature,
                processor=model.processor,
                example=tasks.dummy_inputs(model.module, model.signature, batch=2, length=9),
                provenance={},
                parameters=model.parameters,
            ),
            path,
        )
        made[task] = path
    return made


@pytest.mark.parametrize("task", HERE)
def test_a_folder_says_its_task_and_its_interface(folders: dict[str, Path], task: str) -> None:
    signature = api.load(folders[task]).signature
    width = {"text-regression": 1, "sentence-embedding": 32}.get(task, len(NAMES.get(task, ())))
    if task == "masked-lm":
        width = api.load(folders[task]).module.config.vocab_size
    sequence = ("sequence",) if get_task(task).per_token else ()
    assert (signature.task, signature.labels) == (task, NAMES.get(task, ()))
    assert signature.outputs[0].shape == ("batch", *sequence, width)
    assert signature.outputs[0].name == get_task(task).output


@pytest.mark.parametrize("task", HERE)
def test_an_export_is_run_compared_and_scored(
    folders: dict[str, Path], files: dict[str, LabelledFile], exported: dict[str, Path], task: str
) -> None:
    _, parity = api.verify_artifact(exported[task], against=folders[task], data=files[task])
    assert parity.executed and parity.passed and parity.samples == 6
    assert parity.max_abs_error < 1e-4 and parity.cosine > 0.9999
    assert {(s.batch, s.length) for s in parity.shapes} == {(b, n) for b in (1, 3, 6) for n in (4, 16)}
    assert all(s.max_abs_error < 1e-4 and s.cosine > 0.9999 for s in parity.shapes)
    assert parity.label_agreement == (None if task in ("text-regression", "sentence-embedding") else 1.0)
    if task == "sentence-embedding":  # without a teacher nothing says what is true
        assert parity.metric is None and parity.metric_name is None
    else:
        assert parity.metric_name == get_task(task).metric
        assert 0 <= parity.metric <= 1 and abs(parity.metric_drop) < 1e-6
        assert any("lost" in gate.name for gate in parity.gates)


@pytest.mark.parametrize("task", HERE)
def test_an_export_is_compared_without_data(
    folders: dict[str, Path], exported: dict[str, Path], task: str
) -> None:
    _, parity = api.verify_artifact(exported[task], against=folders[task])
    assert parity.passed and parity.samples == 64 and parity.metric is None


def test_a_wrong_token_head_is_refused(folders: dict[str, Path], exported: dict[str, Path]) -> None:
    artifact = describe_artifact(exported["token-classification"])
    model = api.load(folders["token-classification"])
    with torch.no_grad():
        model.module.classifier.bias[1] += 5.0  # the reference is what is wrong here; neither knows
    parity = compare(
        artifact,
        open_runner(artifact.path),
        PyTorchRunner(model.module, model.signature),
        rows=probe_rows(model.processor, model.signature, count=8),
        labels=(),
        pad_id=0,
        gates=Gates(),
        reference_name="wrong",
    )
    assert not parity.passed and parity.max_abs_error == pytest.approx(5.0, abs=1e-3)
    assert parity.label_agreement < 1.0


@pytest.mark.parametrize("task", HERE)
def test_the_folder_and_the_file_predict_the_same(
    folders: dict[str, Path], exported: dict[str, Path], task: str
) -> None:
    text = "a warm [MASK] and a [MASK]" if task == "masked-lm" else "a  warm film , sadly"
    (a,), (b,) = (api.predict(path, [text]) for path in (folders[task], exported[task]))
    assert (a.input, a.label, a.labels, a.tags) == (b.input, b.label, b.labels, b.tags)
    if task == "multi-label-classification":
        assert a.labels == tuple(n for n, p in a.probabilities.items() if p > 0.5)
        assert list(a.probabilities) == list(NAMES[task])
    if task == "text-regression":
        assert a.value == pytest.approx(b.value, abs=1e-4) and a.probabilities is None
    if task == "token-classification":
        assert [word for word, _ in a.tags] == text.split()
        assert {tag for _, tag in a.tags} <= set(NAMES[task])
    if task == "sentence-embedding":
        assert np.linalg.norm(a.embedding) == pytest.approx(1, abs=1e-5)
        assert a.embedding == pytest.approx(b.embedding, abs=1e-5)
    if task == "masked-lm":
        assert [len(fill) for fill in a.fills] == [5, 5]
        assert [list(f) for f in a.fills] == [list(f) for f in b.fills]


def test_words_beyond_the_length_have_no_tag(folders: dict[str, Path]) -> None:
    (found,) = api.predict(folders["token-classification"], ["warm " * 40])
    assert [tag is None for _, tag in found.tags] == [False] * 30 + [True] * 10


def test_a_text_without_a_mask_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="no \\[MASK\\] in 'a warm film'") as caught:
        api.predict(folders["masked-lm"], ["a warm film"])
    assert "[MASK]" in caught.value.remedy


def test_a_pair_for_a_model_of_words_is_refused(folders: dict[str, Path]) -> None:
    for task in ("token-classification", "masked-lm"):
        with pytest.raises(DataError, match="one text"):
            api.predict(folders[task], [("a warm film", "a dull one")])


@pytest.mark.parametrize("task", ["token-classification", "sentence-embedding", "masked-lm"])
def test_models_are_timed_and_scored(folders: dict[str, Path], exported: dict[str, Path], task: str) -> None:
    """The same model twice: what one scores, the other keeps; an embedding is judged by the first's."""
    ids = tuple(NAMES["token-classification"].index(tag) for tag in labels("token-classification")[0])
    split = Split(tuple(TEXTS), (ids,) * 6 if task == "token-classification" else ())
    contestants = []
    for path in (exported[task], folders[task]):
        processor = load_tokenizer(path.parent if path.suffix else path, uri="tiny")
        entry = Entry(path.name, path, processor, None, None, None, None)
        contestants += _contestants(entry, split, threads=1)
    first, second = run_protocol(contestants, split.inputs, (), warmup=0, passes=1, bootstrap=200, seed=0)
    assert first.score.value == pytest.approx(second.score.value, abs=1e-6)
    assert first.score.low <= first.score.value <= first.score.high <= 1
    if task == "sentence-embedding":
        assert first.score.value == pytest.approx(1.0)
    else:
        assert 0 <= first.score.value < 1, "random weights are not right everywhere"
    if first.score.value:
        assert second.retained.value == pytest.approx(1.0)
    batch = contestants[0].encode(TEXTS[0])["input_ids"]
    masked = (batch == processor.mask_token_id).sum()
    assert masked == (1 if task == "masked-lm" else 0)


@pytest.mark.parametrize("task", HERE)
def test_the_model_cards_code_runs(
    folders: dict[str, Path],
    exported: dict[str, Path],
    task: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage, cut = USAGE[task], "truncation=True, max_length=32"
    monkeypatch.chdir(folders[task])
    exec(compile(onnx_code(usage, "onnx/model.onnx", cut), "card", "exec"), {})
    assert capsys.readouterr().out.strip()
    if usage.library == "transformers":
        exec(compile(usage.python.replace("{cut}", cut), "card", "exec"), {})
        assert "score" in capsys.readouterr().out
