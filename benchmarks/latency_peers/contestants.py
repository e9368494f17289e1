"""Who takes part in exported_latency.py: edgekit's own files, and what other toolkits make of the student."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNTIMES = {"onnx_models": "", "openvino_models": "openvino", "torch_models": "torchao"}  # → environment


@dataclass(frozen=True)
class Contestant:
    """One way to run the student (or, for comparison, the teacher). An environment lies below .venv-peers; ""
    is edgekit's own."""

    name: str
    runtime: str  # one of RUNTIMES, a module of latency_peers
    path: Path  # of the model; with a maker, below what it made
    maker: str = ""  # a script of latency_peers
    made_in: str = ""  # the maker's environment
    settings: dict[str, Any] = field(default_factory=dict)
    model: str = "student"  # whose tokens it reads: also "teacher", or the name of another run
    own: bool = False

    @property
    def other_route(self) -> bool:
        """Whether it is what ours has to beat: the student on ONNX Runtime, by somebody else."""
        return self.runtime == "onnx_models" and self.model == "student" and not self.own


MADE: tuple[
    tuple[str, str, str, str, str, dict[str, Any]], ...
] = (  # maker, its environment, runtime, file, name, settings
    ("optimum_export.py", "optimum", "onnx_models", "fp32/model.onnx", "optimum fp32", {}),
    ("optimum_export.py", "optimum", "onnx_models", "int8/model_quantized.onnx", "optimum int8", {}),
    ("optimum_export.py", "optimum", "onnx_models", "fused/model.onnx", "ORT optimizer fp32", {}),
    ("optimum_export.py", "optimum", "onnx_models", "fused/model_int8.onnx", "ORT optimizer int8", {}),
    ("optimum_export.py", "optimum", "onnx_models", "O3/model_optimized.onnx", "optimum O3 fp32", {}),
    ("optimum_export.py", "optimum", "onnx_models", "O3/model_int8.onnx", "optimum O3 int8", {}),
    ("olive_export.py", "olive", "onnx_models", "model.onnx", "Olive int8", {}),
    ("plain_export.py", "", "onnx_models", "model.onnx", "torch.onnx fp32", {}),
    ("plain_export.py", "", "onnx_models", "model_int8.onnx", "torch.onnx + quantize_dynamic", {}),
    ("openvino_export.py", "openvino", "openvino_models", "fp32.xml", "OpenVINO fp32", {"precision": "f32"}),
    ("openvino_export.py", "openvino", "openvino_models", "fp32.xml", "OpenVINO bf16", {"precision": "bf16"}),
    (
        "openvino_export.py",
        "openvino",
        "openvino_models",
        "int8.xml",
        "OpenVINO NNCF int8",
        {"precision": "f32"},
    ),
    (
        *("openvino_export.py", "openvino", "openvino_models", "int8.xml", "OpenVINO NNCF int8 + bf16"),
        {"precision": "bf16"},
    ),
)
TORCH = {
    "PyTorch fp32": {"int8": False, "compile": False},
    "torch.compile fp32": {"int8": False, "compile": True},
    "torchao int8 + torch.compile": {"int8": True, "compile": True},
}


def contestants(models: dict[str, Path]) -> list[Contestant]:
    """The teacher and ours as they lie in the runs' folders, then the peers."""
    there = [
        Contestant(
            f"{'edgekit' if model == 'student' else model} {path.parent.name}/{path.stem}",
            "onnx_models",
            path,
            model=model,
            own=model == "student",
        )
        for model in sorted(models, key=lambda name: name != "teacher")
        for folder in ("onnx", "onnxruntime")
        for path in sorted((models[model] / folder).glob("*.onnx"))
    ]
    made = [
        Contestant(name, runtime, Path(file), maker, environment, settings)
        for maker, environment, runtime, file, name, settings in MADE
    ]
    torch = [
        Contestant(name, "torch_models", models["student"], settings=settings)
        for name, settings in TORCH.items()
    ]
    return [*there, *made, *torch]
