from __future__ import annotations

import getpass
import json
import os
import platform
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import edgekit
from edgekit.benchmark.cpu import Cpu, parse_cpuinfo, parse_sysctl, read_cpu
from edgekit.benchmark.environment import record_environment
from edgekit.benchmark.unmeasured import not_measured_row
from edgekit.types import Artifact, Signature

X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu sse2 ht fma f16c avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""
ARM = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd aes crc32 atomics fphp asimdhp asimddp sve i8mm bf16
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""
MAC = """\
machdep.cpu.core_count: 8
machdep.cpu.brand_string: Apple M2
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.AdvSIMD: 1
hw.optional.floatingpoint: 1
"""


def test_cpuinfo_of_x86() -> None:
    features = "amx_bf16 amx_int8 amx_tile avx2 avx512_bf16 avx512_vnni avx512f f16c fma"
    assert parse_cpuinfo(X86) == Cpu("Intel(R) Xeon(R) Platinum 8481C", tuple(features.split()))


def test_cpuinfo_of_arm() -> None:
    expected = Cpu("Arm implementer 0x41 part 0xd40", ("bf16", "dotprod", "fp16", "i8mm", "neon", "sve"))
    assert parse_cpuinfo(ARM) == expected


def test_sysctl_of_a_mac() -> None:
    assert parse_sysctl(MAC) == Cpu("Apple M2", ("bf16", "dotprod", "i8mm", "neon"))


def test_a_system_that_tells_nothing() -> None:
    assert parse_cpuinfo("") == parse_sysctl("") == Cpu(None, ())


def test_the_environment_of_this_machine() -> None:
    environment = record_environment(threads=3)
    assert json.loads(json.dumps(environment, allow_nan=False)) == environment
    assert environment["threads"]["benchmark"] == 3
    assert environment["machine"] == platform.machine()
    assert environment["cpu"]["features"] == list(read_cpu().features)
    assert 1 <= environment["cpu"]["usable_cores"] <= environment["cpu"]["logical_cores"]
    assert environment["memory_bytes"] > 2**28
    assert len(environment["load_average"]) == 3
    versions = environment["versions"]
    assert (versions["edgekit"], versions["python"]) == (edgekit.__version__, platform.python_version())
    assert {"torch", "transformers", "onnx", "onnxruntime", "coremltools", "numpy"} <= set(versions)
    taken = datetime.strptime(environment["date_utc"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - taken) < timedelta(minutes=5)


def test_the_environment_names_no_host_person_or_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = record_environment(threads=1)
    assert environment["threads"]["variables"]["OMP_NUM_THREADS"] == "7"
    words = json.dumps(environment).replace('"', " ").replace(",", " ").split()
    for private in (socket.gethostname(), getpass.getuser(), str(Path.home()), str(Path.cwd())):
        assert private not in words
    assert os.sep + "home" not in json.dumps(environment)


def test_a_row_that_was_not_measured_keeps_what_is_known() -> None:
    artifact = Artifact(
        name="student-coreml-fp16",
        path=Path("student.mlpackage"),
        target="coreml",
        precision="fp16",
        signature=Signature(task="text-classification", inputs=(), outputs=()),
        size_bytes=35_000_000,
        sha256="a" * 64,
        parameters=17_000_000,
    )
    row = not_measured_row(artifact, "Core ML runs on macOS only", compute_units="CPU_AND_NE")
    assert (row.artifact, row.size_bytes, row.sha256, row.parameters) == (
        "student-coreml-fp16",
        35_000_000,
        "a" * 64,
        17_000_000,
    )
    assert row.not_measured == "Core ML runs on macOS only"
    assert row.compute_units == "CPU_AND_NE"
    measured = ("pass_seconds", "p50_ms", "end_to_end_p50_ms", "peak_bytes", "score", "retained", "speedup")
    assert all(getattr(row, name) is None for name in measured)
