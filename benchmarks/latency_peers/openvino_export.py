"""OpenVINO's own conversion of the student, and NNCF's int8 of it, as documented for transformers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nncf
import numpy as np
import openvino as ov
import torch
from transformers import AutoModelForSequenceClassification


def main() -> None:
    student, out, rows = map(Path, sys.argv[1:4])
    module = AutoModelForSequenceClassification.from_pretrained(student).eval()
    module.config.return_dict = False
    given = json.loads(rows.read_text(encoding="utf-8"))["calibration"]
    example = {name: torch.ones(2, 16, dtype=torch.long) for name in given[0]}
    with torch.no_grad():
        model = ov.convert_model(module, example_input=example)
    model.reshape({tensor: [-1, -1] for tensor in model.inputs})
    ov.save_model(model, out / "fp32.xml", compress_to_fp16=False)
    calibration = nncf.Dataset([{k: np.array([v], dtype=np.int64) for k, v in row.items()} for row in given])
    quantized = nncf.quantize(
        model, calibration, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(given)
    )
    ov.save_model(quantized, out / "int8.xml", compress_to_fp16=False)


if __name__ == "__main__":
    main()
