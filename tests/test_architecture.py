"""The house rules that a program can check: who may import whom, and what may be imported when."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit

ROOT = Path(edgekit.__file__).parent
BASE = {
    "types",
    "errors",
    "files",
    "progress",
    "quiet",
    "codec",
    "batches",
    "metadata",
    "signatures",
    "threads",
    "tasks",
    "scores",
    "device_result",
    "decoder_parity",
    "llm_timing",
    "ort_format",
}
ROOMS = {
    "recipe", "advice", "assets", "data", "models", "distill", "quantize", "export", "mil", "runtimes",
    "verify", "benchmark", "kits", "report", "stages", "tune", "cli",
}  # fmt: skip
TOP = {"pipeline", "api", "app", "adhoc", "fit", "generation", "tuning"}
EXTRA = {  # beyond the base, `recipe.schema` and itself
    "advice": {"mil"},
    "kits": {"mil"},
    "runtimes": {"mil", "models"},
    "tune": {"data", "models", "distill"},
    "verify": {"runtimes"},
    "benchmark": {"runtimes"},
    "stages": ROOMS - {"cli"},
    "pipeline": ROOMS - {"cli"},
    "api": (ROOMS | {"pipeline", "adhoc"}) - {"cli"},
    "app": (ROOMS | {"pipeline", "api"}) - {"cli"},
    "adhoc": {"recipe", "assets"},
    "fit": (ROOMS | {"pipeline"}) - {"cli"},
    "generation": {"runtimes"},
    "tuning": {"tune"},
    "cli": {"recipe", "pipeline", "api", "app", "adhoc", "fit", "generation", "tuning"},
    "__main__": {"cli"},
}
LIGHT = ("types", "errors", "files", "progress", "quiet", "recipe", "cli")
HEAVY = {
    "torch", "transformers", "onnx", "onnxruntime", "coremltools", "optimum", "sklearn",
    "scipy", "accelerate", "datasets", "matplotlib", "pyarrow", "huggingface_hub", "numpy",
    "optuna", "peft", "bitsandbytes",
}  # fmt: skip
MAX_LINES = 400


def files() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if "__pycache__" not in p.parts)


def room_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path, *, everywhere: bool) -> list[str]:
    """Modules imported anywhere in a file, or only at its top level; type-only imports left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found = []
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found += [
                f"{node.module}.{a.name}" if node.module == "edgekit" else node.module for a in node.names
            ]
    return found


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    for name in imports(path, everywhere=True):
        parts = name.split(".")
        if parts[0] != "edgekit" or len(parts) < 2 or parts[1].startswith("__"):
            continue
        other = parts[1]
        if room in ("types", "errors"):
            pytest.fail(f"{path.name} imports edgekit.{other}; types and errors import nothing internal")
        allowed = BASE | {room} | EXTRA.get(room, set())
        if other == "recipe" and parts[2:3] == ["schema"]:
            continue
        assert other in allowed, f"{path.relative_to(ROOT)} imports edgekit.{other}"
        assert other != "cli" or room in ("cli", "__main__")


def test_every_room_is_known() -> None:
    rooms = {room_of(p) for p in files()} - {"__init__", "__main__"}
    assert rooms <= BASE | ROOMS | TOP, rooms - (BASE | ROOMS | TOP)


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_light_rooms_import_nothing_heavy_at_the_top(path: Path) -> None:
    if room_of(path) in LIGHT:
        heavy = {n.split(".")[0] for n in imports(path, everywhere=False)} & HEAVY
        assert not heavy, f"{path.relative_to(ROOT)} imports {heavy} at module level"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_importing_edgekit_imports_nothing_heavy() -> None:
    code = "import sys, edgekit, edgekit.cli.main; print([m for m in sys.argv[1:] if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code, *sorted(HEAVY), "pydantic", "rich"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[]"
