"""Olive's `auto-opt` to int8 for the CPU, as its documentation has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> None:
    student, out = map(Path, sys.argv[1:3])
    work = out / "work"
    work.mkdir()
    subprocess.run(
        [
            *(Path(sys.executable).with_name("olive"), "auto-opt"),
            *("--model_name_or_path", str(student), "--task", "text-classification"),
            *("--device", "cpu", "--provider", "CPUExecutionProvider", "--precision", "int8"),
            *("--output_path", str(work / "model")),
        ],
        check=True,
        cwd=work,  # its cache
        env={**os.environ, "OLIVE_DISABLE_TELEMETRY": "1"},
    )
    made = sorted((work / "model").rglob("*.onnx"), key=lambda p: len(p.parts))
    if not made:
        sys.exit("Olive wrote no ONNX file.")
    for file in made[0].parent.glob(f"{made[0].name}*"):
        shutil.copy(file, out / file.name.replace(made[0].stem, "model", 1))
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
