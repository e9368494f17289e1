"""The student as a user with PyTorch and ONNX Runtime alone would export and quantize it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import quantize_dynamic
from transformers import AutoModelForSequenceClassification


def main() -> None:
    student, out, rows = map(Path, sys.argv[1:4])
    model = AutoModelForSequenceClassification.from_pretrained(student).eval()
    names = list(json.loads(rows.read_text(encoding="utf-8"))["calibration"][0])
    batch, sequence = torch.export.Dim("batch", min=1, max=64), torch.export.Dim("sequence", min=2, max=512)
    program = torch.onnx.export(
        model,
        (),
        kwargs={name: torch.ones(2, 17, dtype=torch.long) for name in names},
        dynamo=True,
        dynamic_shapes={name: {0: batch, 1: sequence} for name in names},
        input_names=names,
        output_names=["logits"],
    )
    program.save(out / "model.onnx")
    graph = onnx.load(out / "model.onnx")
    del graph.graph.value_info[:]  # quantize_dynamic stops at the shapes that torch recorded
    quantize_dynamic(graph, out / "model_int8.onnx")


if __name__ == "__main__":
    main()
