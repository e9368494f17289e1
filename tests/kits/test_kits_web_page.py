"""The page of a web kit in headless Chromium: answers, what a screen reader hears, offline, measuring."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from tiny_kits import TEXTS
from web_kits import answers, node_modules, ready, served, served_plainly, small_onnx, visit, web_kit

from edgekit.types import Artifact

pytestmark = pytest.mark.kits
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
NAME = "films <img src=x onerror=alert(1)>"
LABELS = ("</script>", "<b>bold</b>", "__proto__", "\u202eright", "")


@pytest.fixture(scope="module")
def artifact(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("onnx") / "model"
    return small_onnx(folder, tiny_encoder, task="text-classification", labels=LABELS)


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    node_modules()
    folder = tmp_path_factory.mktemp("page") / "kit"
    return ready(web_kit(artifact, tiny_encoder, folder, name=NAME, golden=5))


def test_the_page_answers_measures_and_outlives_its_server(
    kit: Path, artifact: Artifact, tiny_encoder: Path
) -> None:
    with served(kit) as (url, process):
        seen = visit(url, texts=TEXTS, type="a superb film", measureSeconds=0, stopServer=process)
    assert seen["isolated"] and not seen["threadsOffShown"] and seen["foreign"] == []
    assert seen["title"] == seen["heading"] == NAME
    assert seen["tabOrder"] == ["text", "example", "seconds", "measure"]
    for made, answer in zip(seen["answers"]["made"], answers(artifact, tiny_encoder), strict=True):
        best = LABELS[max(range(len(LABELS)), key=lambda i: answer.output[i])]
        assert max(made["answer"], key=made["answer"].get) == best
    shown = seen["shown"].split("\n")[0] or "(no name)"
    assert seen["spoken"].startswith(shown) and "milliseconds" in seen["spoken"]
    jsonschema.validate(seen["result"], json.loads(SCHEMA.read_text()))
    for row in seen["result"]["rows"]:
        assert row["runtime"].startswith("onnxruntime-web") and row["answers"]["max_abs_error"] < 1e-5
    assert seen["result"]["rows"][0]["threads"] == 1 and seen["focus"] == "download"
    assert seen["offline"] == {"spoken": seen["offline"]["spoken"], "isolated": True}
    assert seen["offline"]["spoken"].startswith(shown)


def test_without_isolation_the_page_says_that_threads_are_off(kit: Path) -> None:
    with served_plainly(kit) as url:
        seen = visit(url, texts=TEXTS[:1], type="a film")
    assert not seen["isolated"] and seen["threadsOffShown"]
    assert seen["facts"]["Threads"] == "1" and seen["answers"]["threads"] == 1
    assert seen["console"] == []


def test_a_page_without_its_model_says_what_to_do(kit: Path) -> None:
    model = kit / "model" / "model.onnx"
    whole = model.read_bytes()
    try:
        model.write_bytes(whole[:-1] + b"x")  # another version's, say
        with served(kit) as (url, _):
            seen = visit(url)
    finally:
        model.write_bytes(whole)
    assert "model.onnx could not be read" in seen["problem"] and "Serve the kit's folder" in seen["problem"]
