"""Runs Python code that nobody has read, in a locked-down process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--")

# Runs before the code, in its process: what the limits are, and that they can't be raised again. The address
# space is limited first, so that nothing below can ask for more either.
_LOCK = """
import resource, sys
cpu, memory, size, processes = map(int, sys.argv[1:5])
for name, most in (
    ("RLIMIT_AS", memory), ("RLIMIT_CPU", cpu), ("RLIMIT_FSIZE", size), ("RLIMIT_NPROC", processes),
    ("RLIMIT_NOFILE", 32), ("RLIMIT_CORE", 0),
):
    if hasattr(resource, name):
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError):
            if name in ("RLIMIT_CPU", "RLIMIT_FSIZE"):
                raise
sys.argv = ["solution.py"]
with open("solution.py", encoding="utf-8") as file:
    source = file.read()
token = sys.stdin.readline()
exec(compile(source, "solution.py", "exec"), {"__name__": "__main__"})
sys.stderr.write("\\n" + token)
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run."""

    seconds: float = 5.0  # wall clock
    cpu_seconds: int = 5
    memory_bytes: int = 512 << 20  # of address space
    file_bytes: int = 1 << 20  # of each file it writes
    processes: int = 0  # it may start; the kernel counts the user's others too, and root is exempt


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended."""

    passed: bool  # ran to its last line, without an error
    why: str  # "" or the last line of what it complained of


def run_python(code: str, limits: Limits = Limits()) -> Ran:
    """Runs code in a fresh process.

    It has limits on CPU, memory, files and processes, an empty environment, an empty temporary folder,
    Python's isolated mode without site packages, and no network where the system lets a user take it away
    (`network_is_cut`).

    It can still read what this user may read. It is a fence around a model's mistakes, no wall against an
    enemy: put a container around it for those.
    """
    command = [sys.executable, "-I", "-S", "-B", "-c", _LOCK]
    command += [
        str(n) for n in (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, limits.processes)
    ]
    token = f"{secrets.token_hex(16)}\n"  # said at the end alone: code that exits early with 0 is not done
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "solution.py").write_text(code, encoding="utf-8", errors="replace")
        process = subprocess.Popen(
            [*(_UNSHARE if network_is_cut() else ()), *command],
            cwd=folder,
            env={"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, complaint = process.communicate(token.encode(), timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            return Ran(False, f"not finished after {limits.seconds:g} s")
        finally:
            _end(process)
    if process.returncode == 0:
        done = complaint.endswith(token.encode())
        return Ran(done, "" if done else "it exits before its end")
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return Ran(False, lines[-1][:300] if lines else f"ended with {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends it with everything that it started."""
    import contextlib
    import os
    import signal

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@cache
def network_is_cut() -> bool:
    """Whether this system lets a user start a process without a network (Linux user namespaces)."""
    if sys.platform != "linux":
        return False
    try:
        done = subprocess.run([*_UNSHARE, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
