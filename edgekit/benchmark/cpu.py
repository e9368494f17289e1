"""Which CPU this is, and which of its instructions decide how fast a model runs."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What the system calls it → what is recorded. One name per feature, whatever the system.
_FEATURES = {
    "avx2": "avx2",
    "fma": "fma",
    "f16c": "f16c",
    "avx_vnni": "avx_vnni",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx512vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "avx512_fp16": "avx512_fp16",
    "amx_tile": "amx_tile",
    "amx_int8": "amx_int8",
    "amx_bf16": "amx_bf16",
    "asimd": "neon",
    "neon": "neon",
    "advsimd": "neon",
    "asimdhp": "fp16",
    "feat_fp16": "fp16",
    "asimddp": "dotprod",
    "feat_dotprod": "dotprod",
    "i8mm": "i8mm",
    "feat_i8mm": "i8mm",
    "bf16": "bf16",
    "feat_bf16": "bf16",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
    "feat_sme": "sme",
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU, as far as a benchmark's reader needs to know it."""

    model: str | None
    features: tuple[str, ...]  # sorted


def read_cpu() -> Cpu:
    """The CPU of this machine; a field that the system does not tell is None or empty."""
    if sys.platform == "linux":
        return parse_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    if sys.platform == "darwin":
        told = subprocess.run(
            ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"], capture_output=True, text=True, check=False
        )
        return parse_sysctl(told.stdout)
    return _from_package()


def machine(threads: int) -> str:
    """Where a time was measured, in a few words: `AMD EPYC (avx2, avx512_vnni), 1 thread`."""
    cpu = read_cpu()
    features = f" ({', '.join(cpu.features)})" if cpu.features else ""
    return f"{cpu.model or platform.machine()}{features}, {threads} thread{'s' if threads > 1 else ''}"


def parse_cpuinfo(text: str) -> Cpu:
    """Reads Linux's /proc/cpuinfo, x86 (`flags`) or Arm (`Features`)."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip().lower(), value.strip())
    model = fields.get("model name") or fields.get("hardware")
    if model is None and "cpu part" in fields:
        model = f"Arm implementer {fields.get('cpu implementer', '?')} part {fields['cpu part']}"
    flags = fields.get("flags") or fields.get("features") or ""
    return Cpu(model, _known(flags.split()))


def parse_sysctl(text: str) -> Cpu:
    """Reads macOS's `sysctl machdep.cpu hw.optional`: `hw.optional.arm.FEAT_I8MM: 1`."""
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    present = [
        key.rsplit(".", 1)[1]
        for key, value in fields.items()
        if key.startswith("hw.optional.") and value.strip() == "1"
    ]
    for key in ("machdep.cpu.features", "machdep.cpu.leaf7_features"):
        present += fields.get(key, "").split()
    return Cpu(fields.get("machdep.cpu.brand_string"), _known(present))


def _known(flags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_FEATURES[f.lower()] for f in flags if f.lower() in _FEATURES}))


def _from_package() -> Cpu:
    try:
        import cpuinfo
    except ImportError:  # an extra; the model's name is then all that the standard library knows
        return Cpu(platform.processor() or None, ())
    told = cpuinfo.get_cpu_info()
    return Cpu(told.get("brand_raw"), _known(told.get("flags", ())))
