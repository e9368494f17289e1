"""optimum's exporter and quantizer by command line, and ONNX Runtime's transformer optimizer on its graph.

The optimizer is called once by itself and once at optimum's level O3, which approximates GELU: that is what
sentence-transformers calls for its optimized files.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model


def optimum(*arguments: str) -> None:
    subprocess.run([Path(sys.executable).with_name("optimum-cli"), *arguments], check=True)


def quantize_fused(path: Path, out: Path) -> None:
    """Dynamic int8 of a fused graph, at which optimum's own quantize stops: it sets no DefaultTensorType."""
    quantize_dynamic(
        path,
        out,
        per_channel=True,
        weight_type=QuantType.QInt8,
        # Its shape inference does not know the fused operators.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def main() -> None:
    student, out = map(Path, sys.argv[1:3])
    plain = out / "fp32"
    optimum("export", "onnx", "--model", str(student), "--task", "text-classification", str(plain))
    instructions = "--arm64" if platform.machine() in ("arm64", "aarch64") else "--avx512_vnni"
    quantize = ("onnxruntime", "quantize", "--onnx_model", str(plain), instructions)
    optimum(*quantize, "--per_channel", "--output", str(out / "int8"))

    config = json.loads((student / "config.json").read_text(encoding="utf-8"))
    fused = optimize_model(
        str(plain / "model.onnx"),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
    )
    print("fused:", fused.get_fused_operator_statistics())
    (out / "fused").mkdir()
    fused.save_model_to_file(str(out / "fused" / "model.onnx"))
    quantize_fused(out / "fused" / "model.onnx", out / "fused" / "model_int8.onnx")

    optimum("onnxruntime", "optimize", "--onnx_model", str(plain), "-O3", "--output", str(out / "O3"))
    quantize_fused(out / "O3" / "model_optimized.onnx", out / "O3" / "model_int8.onnx")


if __name__ == "__main__":
    main()
