import textwrap

import pytest

SMALL = """\
name: small
data:
  source:
    path: reviews.csv
  split: {train: 0.8, validation: 0.1, test: 0.1}
teacher:
  model:
    path: ../teacher
distill:
  epochs: 2
exports:
  - target: onnx
    precisions: [fp32, int8]
  - target: coreml
    precisions: [fp16]
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """`small()` writes a valid recipe, `small(text)` any other, as small.yaml in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(text=SMALL, name="small.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return name

    return write


@pytest.fixture
def small_text():
    return SMALL
