"""What `edgekit doctor` finds out: packages, processor, memory, disk, GPU, targets, cache."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import edgekit
from edgekit.files import size_bytes
from edgekit.quiet import quiet

CPU_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx", "asimddp", "i8mm", "bf16")
_NOT_FOR_USERS = ("all", "dev")


@dataclass(frozen=True, slots=True)
class Package:
    """One dependency, as it is and as it should be."""

    name: str
    extra: str | None  # None: the core needs it
    installed: str | None
    allowed: str  # ">=2.8"
    tested: str | None  # the exact version that edgekit is tested with, where that is known

    @property
    def state(self) -> str:
        """`ok`, `untested` (allowed, but not the tested version), `not allowed` or `missing`."""
        from packaging.specifiers import SpecifierSet
        from packaging.version import Version

        if self.installed is None:
            return "missing"
        version = Version(self.installed)
        if not SpecifierSet(self.allowed).contains(version, prereleases=True):
            return "not allowed"
        # A local label ("2.13.0+cu130") names a build, not a version.
        if self.tested and version.public != Version(self.tested).public:
            return "untested"
        return "ok"

    @property
    def usable(self) -> bool:
        """Installed, in a version that edgekit takes."""
        return self.state in ("ok", "untested")


@dataclass(frozen=True, slots=True)
class Target:
    """What one export target can do on this machine."""

    name: str
    write: bool
    run: bool
    note: str
    install: str  # a command, or empty when nothing is missing


def packages() -> tuple[Package, ...]:
    """Every dependency, from edgekit's own metadata; nothing is imported.

    Raises:
        importlib.metadata.PackageNotFoundError: edgekit runs from a folder without being installed.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    extras: list[str | None] = [None, *(e for e in _extras() if e not in _NOT_FOR_USERS)]
    tested = tested_versions()
    found: list[Package] = []
    for requirement in map(Requirement, metadata.requires("edgekit") or ()):
        name = canonicalize_name(requirement.name)
        if name == "edgekit":
            continue
        for extra in extras:
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra or ""})
            if wanted and not any(p.name == name and p.extra in (None, extra) for p in found):
                allowed = str(requirement.specifier)
                found.append(Package(name, extra, _installed(name), allowed, tested.get(name)))
    return tuple(sorted(found, key=lambda p: extras.index(p.extra)))


def _extras() -> list[str]:
    return metadata.metadata("edgekit").get_all("Provides-Extra") or []


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def tested_versions() -> dict[str, str]:
    """Package → version, from the constraints.txt in the wheel or the checkout; empty without one."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    package = Path(edgekit.__file__).resolve().parent
    for file in (package / "constraints.txt", package.parent / "constraints.txt"):
        if file.is_file():
            lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
            pins = [Requirement(line) for line in lines if "==" in line]
            return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
    return {}


def processor() -> dict[str, Any]:
    """Model, cores, and those of the features that decide how fast int8 and bf16 run."""
    names = _cpu_words()
    present = {name: name in names for name in CPU_FEATURES}
    present["amx"] = any(name.startswith("amx") for name in names)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": usable,
        "features": [name for name, there in present.items() if there],
    }


def _cpu_words() -> set[str]:
    """The processor's features, in Linux's spelling."""
    if sys.platform == "linux":
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        lines = [line.partition(":") for line in text.splitlines()]
        return {
            word for key, _, words in lines if key.strip() in ("flags", "Features") for word in words.split()
        }
    if sys.platform == "darwin":
        import subprocess

        told = subprocess.run(
            ["/usr/sbin/sysctl", "hw.optional"], capture_output=True, text=True, check=False
        )
        on = {
            line.partition(":")[0].rpartition(".")[2].lower()
            for line in told.stdout.splitlines()
            if ": 1" in line
        }
        spelled = {"avx2_0": "avx2", "feat_dotprod": "asimddp", "feat_i8mm": "i8mm", "feat_bf16": "bf16"}
        return {spelled.get(name, name) for name in on}
    return set()


def memory() -> dict[str, int | None]:
    """Bytes of main memory; None without psutil."""
    try:
        import psutil
    except ModuleNotFoundError:  # listed as missing among the packages
        return {"total_bytes": None, "available_bytes": None}
    told = psutil.virtual_memory()
    return {"total_bytes": told.total, "available_bytes": told.available}


def gpu() -> dict[str, Any]:
    """What PyTorch can compute on. `error` says why PyTorch could not even be imported."""
    try:
        with quiet():
            import torch
    except (ImportError, OSError) as error:  # OSError: a shared library of its own won't load
        return {"torch": None, "error": str(error), "cuda": [], "mps": False}
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            told = torch.cuda.get_device_properties(index)
            devices.append(
                {
                    "name": told.name,
                    "memory_bytes": told.total_memory,
                    "capability": f"{told.major}.{told.minor}",
                    "bf16": told.major >= 8,
                }
            )
    return {
        "torch": torch.__version__,
        "error": None,
        "cuda": devices,
        "mps": torch.backends.mps.is_available(),
    }


def targets(found: tuple[Package, ...]) -> tuple[Target, ...]:
    """What each export target needs here."""
    lacking = {extra: _lacking(found, extra) for extra in ("onnx", "coreml", "coreai")}
    onnx, coreml, coreai = (not missing for missing in lacking.values())
    converts = sys.platform in ("linux", "darwin")
    mac = sys.platform == "darwin"
    if mac:
        note = "runs natively, by compute unit"
    elif converts:
        note = "converts here and is executed by reference semantics; runs natively on macOS only"
    else:
        note = "coremltools converts on Linux and macOS only"
    return (
        Target("onnx", onnx, onnx, "runs in ONNX Runtime", _install("onnx", lacking["onnx"])),
        Target("coreml", coreml and converts, coreml and mac, note, _install("coreml", lacking["coreml"])),
        Target("coreai", coreai, coreai, "runs here as well, slowly", _install("coreai", lacking["coreai"])),
    )


def _lacking(found: tuple[Package, ...], extra: str) -> list[str]:
    """What an extra needs and can't use; the extra itself where the installed edgekit is older than it."""
    own = [p for p in found if p.extra == extra]
    return [p.name for p in own if not p.usable] if own else [extra]


def _install(extra: str, lacking: list[str]) -> str:
    return f'pip install "edgekit[{extra}]"' if lacking else ""


def cache_folder() -> Path:
    """Where downloads are kept: EDGEKIT_CACHE, else `edgekit` in XDG_CACHE_HOME, else in ~/.cache."""
    if chosen := os.environ.get("EDGEKIT_CACHE"):
        return Path(chosen).expanduser()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say to ignore a relative path.
    home = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return home / "edgekit"


def disk() -> dict[str, Any]:
    """The cache, its size, and the space left beside it and in the current folder."""
    cache = cache_folder()
    return {
        "cache": str(cache),
        "cache_bytes": size_bytes(cache) if cache.is_dir() else 0,
        "cache_free_bytes": _free(cache),
        "here_free_bytes": _free(Path.cwd()),
    }


def _free(folder: Path) -> int:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free
