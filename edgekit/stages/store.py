"""Keeps what each stage made, and skips a stage whose inputs have not changed.

A stage's key is a hash of the *contents* it reads (weights, rows, settings), never of names or dates. Its
record is written after its outputs, so a kill in between only repeats that stage. Of several processes of one
run, all make a stage together, and the main one alone keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edgekit import __version__, progress
from edgekit.codec import to_json
from edgekit.files import read_json, sha256_json, sha256_path, write_json


@dataclass(frozen=True, slots=True)
class StageRun:
    """What happened to one stage in this run."""

    name: str
    seconds: float  # of the run that made it
    reused: bool


@dataclass
class Store:
    """Stage records below `<folder>/.edgekit/`."""

    folder: Path
    device: str = "cpu"  # over which several processes of one run talk
    runs: list[StageRun] = field(default_factory=list)

    @property
    def private(self) -> Path:
        """Folder for records, checkpoints and intermediate arrays."""
        return self.folder / ".edgekit"

    def run(
        self,
        name: str,
        *,
        inputs: Mapping[str, Any],
        outputs: Sequence[Path] = (),
        make: Callable[[str], Any],
        title: str = "",
    ) -> Any:
        """The stage's result (JSON values), made anew only if its inputs or outputs changed.

        Args:
            inputs: everything the result depends on, as JSON values; hashes stand for files.
            outputs: files and folders that `make` writes.
            make: called with the stage's key; returns a result that `to_json` takes. Where a run has several
                processes all of them call it, and it must write in the main one alone.
        """
        from edgekit.distill import processes

        key = sha256_json({"stage": name, "version": __version__, "inputs": to_json(inputs)})
        record = self.private / "stages" / f"{name}.json"
        told = processes.from_main(partial(self._kept, record, key), device=self.device)
        if told:
            self.runs.append(StageRun(name, told["seconds"], True))
            progress.say(f"{title or name}: unchanged, reused")
            return told["result"]
        if processes.is_main():
            record.unlink(missing_ok=True)
        started = time.perf_counter()
        result = to_json(make(key))
        seconds = time.perf_counter() - started

        def keep() -> Any:
            hashes = {str(p.relative_to(self.folder)): sha256_path(p) for p in outputs}
            write_json(record, {"key": key, "seconds": seconds, "outputs": hashes, "result": result})
            return result

        result = processes.from_main(keep, device=self.device)
        self.runs.append(StageRun(name, seconds, False))
        progress.say(f"{title or name}: done in {seconds:.1f} s")
        return result

    def _kept(self, record: Path, key: str) -> Any:
        """The record of this key, if its outputs are still what it says; else None."""
        told = self._read(record)
        return told if told and told["key"] == key and self._intact(told["outputs"]) else None

    def _read(self, record: Path) -> Any:
        if not record.is_file():
            return None
        try:
            told = read_json(record)
        except ValueError:
            return None  # damaged: the stage runs again
        return (
            told if isinstance(told, dict) and {"key", "outputs", "result", "seconds"} <= set(told) else None
        )

    def _intact(self, outputs: Mapping[str, str]) -> bool:
        return all(
            (self.folder / name).exists() and sha256_path(self.folder / name) == digest
            for name, digest in outputs.items()
        )
