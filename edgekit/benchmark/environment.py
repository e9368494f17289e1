"""What a figure was measured on and with. Nothing in it names a person, a host or a folder."""

from __future__ import annotations

import contextlib
import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from edgekit.benchmark.cpu import read_cpu

_PACKAGES = (
    "edgekit",
    "torch",
    "transformers",
    "tokenizers",
    "onnx",
    "onnxruntime",
    "coremltools",
    "numpy",
)
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TOKENIZERS_PARALLELISM",
)
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def record_environment(threads: int) -> dict[str, Any]:
    """The machine, the versions and the settings of a benchmark, as plain JSON values.

    Args:
        threads: CPU threads that the contestants were opened with.

    Returns:
        `date_utc`, `os`, `machine`, `cpu`, `memory_bytes`, `load_average`, `gpu`, `threads`,
        `versions`. What can't be told is None; a package that is not installed has version None.
    """
    import psutil

    cpu = read_cpu()
    return {
        "date_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "os": _operating_system(),
        "machine": platform.machine(),
        "cpu": {
            "model": cpu.model,
            "features": list(cpu.features),
            "physical_cores": psutil.cpu_count(logical=False),
            "logical_cores": psutil.cpu_count(),
            "usable_cores": _usable_cores(),
            "governor": _governor(),
        },
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": [round(load, 2) for load in psutil.getloadavg()],  # 1, 5 and 15 minutes
        "gpu": _gpus(),
        "threads": {
            "benchmark": threads,
            "variables": {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ},
        },
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def _operating_system() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, KeyError):  # not every Linux has the file, and Windows never does
        return kernel


def _usable_cores() -> int | None:
    """Cores that the scheduler lets this process use: a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _governor() -> str | None:
    with contextlib.suppress(OSError):  # virtual machines and macOS don't have it
        return _GOVERNOR.read_text(encoding="utf-8").strip()
    return None


def _gpus() -> list[str]:
    import torch

    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ["Apple GPU (Metal)"] if torch.backends.mps.is_available() else []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
