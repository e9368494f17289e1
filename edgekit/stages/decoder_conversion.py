"""Decoders' conversions in a process of their own, which loads the model once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from edgekit.codec import dumps
from edgekit.errors import DiskFull, ExportError, ModelError

_KINDS = {kind.__name__: kind for kind in (DiskFull, ExportError, ModelError)}
_TAIL_LINES = 8


class Conversions:
    """Starts its process with the first job, and ends it with the `with` block."""

    def __init__(self, model: Path) -> None:
        self._command = [sys.executable, "-m", "edgekit.stages.decoder_worker", str(model.absolute())]
        self._process: subprocess.Popen[str] | None = None
        # A pipe could fill up; closed by __exit__.
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Conversions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            if error is not None:
                self._process.kill()
            self._process.communicate()
        self._errors.close()

    def run(self, **job: Any) -> dict[str, Any]:
        """Carries out one job of `decoder_worker`.

        Returns:
            The artifact, `seconds`, `peak_bytes` and `loading_bytes`, as JSON values.

        Raises:
            ExportError: it can't be exported so, or the process died.
            ModelError: the model can't be loaded.
            DiskFull: nothing was overwritten.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(dumps(job), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise self._died(job)
        answer = json.loads(line)
        if "fact" in answer:
            raise _KINDS.get(answer["type"], ExportError)(answer["fact"], remedy=answer["remedy"])
        return answer

    def _died(self, job: dict[str, Any]) -> ExportError:
        assert self._process is not None
        code = self._process.wait()
        self._errors.seek(0)
        tail = "\n".join(self._errors.read().strip().splitlines()[-_TAIL_LINES:])
        killed = " It was killed, which is what happens when memory runs out." if code == -9 else ""
        return ExportError(
            f"Exporting {job['name']} to {job['target']} {job['precision']} failed (code {code}): "
            f"{tail}{killed}",
            remedy="Check that enough memory is free; if it happens every time, report it with this message.",
        )
