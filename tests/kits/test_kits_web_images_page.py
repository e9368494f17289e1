"""The page of a web kit for images in headless Chromium: keyboard, files, drops, screen reader, offline."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import onnxruntime
import pytest
from image_kits import EDGE, LABELS, image_files, image_kit, image_onnx
from PIL import Image
from web_kits import node_modules, ready, served, visit

from edgekit.models.images.front_end import ImageFrontEnd
from tests.image_examples import SIDE

pytestmark = pytest.mark.kits
SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
DRIVER = Path(__file__).parent / "image_page_driver.mjs"
NAME = "stripes <img src=x onerror=alert(1)>"


def test_the_page_answers_files_drops_and_examples_and_outlives_its_server(tmp_path: Path) -> None:
    node_modules()
    artifact = image_onnx(tmp_path / "onnx")
    kit = ready(image_kit(artifact, image_files(tmp_path / "files"), tmp_path / "kit", name=NAME))
    chosen, none = tmp_path / "chosen.png", tmp_path / "none.png"
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (90, 61, 3), dtype=np.uint8))
    image.save(chosen)
    none.write_text("no image")
    with served(kit) as (url, process):
        seen = visit(url, driver=DRIVER, file=str(chosen), notImage=str(none), stopServer=process)
    assert seen["heading"] == NAME and seen["foreign"] == [] and seen["errors"] == []
    assert seen["tabOrder"] == ["file", "example", "seconds", "measure"]
    jsonschema.validate(seen["result"], json.loads(SCHEMA.read_text()))
    for row in seen["result"]["rows"]:
        assert row["runtime"].startswith("onnxruntime-web") and row["answers"]["label_agreement"] == 1
        assert row["answers"]["max_abs_error"] < 1e-4 and row["end_to_end_p50_ms"] > 0
    assert "Milliseconds for each image, 6 images in turn" in seen["rows"]
    assert seen["canvas"] == [False, SIDE, SIDE, "Example 1"]
    assert any(label in seen["example"] for label in LABELS) and "milliseconds" in seen["example"]
    assert set(LABELS) <= set(seen["shown"].split("\n"))
    assert seen["dropped"].split(":")[1].split(".")[0] == seen["chosen"].split(":")[1].split(".")[0]
    assert "can't be read as an image" in seen["problem"] and "Choose a PNG" in seen["problem"]
    assert seen["offline"].startswith("Example 1: ")

    pixels = ImageFrontEnd(SIDE, EDGE).pixels(image)[None].astype(np.float32)
    (logits,) = onnxruntime.InferenceSession(str(artifact.path)).run(None, {"pixel_values": pixels})
    powers = np.exp(logits[0] - logits[0].max())
    right = dict(zip(LABELS, (powers / powers.sum()).tolist(), strict=True))
    assert set(seen["sources"]) == {"bitmap", "element", "data", "raw"}
    for found in seen["sources"].values():
        assert found == pytest.approx(right, abs=1e-4)
