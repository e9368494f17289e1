"""The process behind decoders' exports: loads one model, then does one conversion for each line it reads.

    python -m edgekit.stages.decoder_worker MODEL

A line is `{"target", "precision", "path", "name", "options", "provenance"}`, the options being those of
`edgekit.export.decoder_targets.DecoderOptions` that the target has a use for; each is answered by a line of
JSON, the artifact with seconds and peak memory, or what went wrong. It is a process of its own so that the
peak is the conversion's, and so that its memory is free again before anything is verified.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.benchmark.peak_worker import peak_resident_bytes
from edgekit.codec import dumps
from edgekit.errors import EdgekitError
from edgekit.files import write_json
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact

if TYPE_CHECKING:
    from edgekit.models.decoders.load import LoadedDecoder

_FORGET_PEAK = Path("/proc/self/clear_refs")


def main(arguments: list[str] | None = None) -> int:
    """Runs the worker until its input ends."""
    parser = argparse.ArgumentParser(prog="python -m edgekit.stages.decoder_worker")
    parser.add_argument("model", type=Path)
    given = parser.parse_args(arguments)
    hush()
    loaded: LoadedDecoder | None = None
    context: int | None = None
    for line in sys.stdin:
        job = json.loads(line)
        wanted = job["options"].pop("context", None)
        try:
            if loaded is None or wanted != context:
                from edgekit.models.decoders.load import load_decoder

                loaded, context = load_decoder(given.model, context=wanted), wanted
            told = _carried_out(loaded, {**job, "model": given.model})
        except EdgekitError as error:
            told = dumps({"fact": error.fact, "remedy": error.remedy, "type": type(error).__name__})
        print(told, flush=True)
    return 0


def _carried_out(loaded: LoadedDecoder, job: dict[str, Any]) -> str:
    _import(job["target"])  # whose seconds are not the conversion's
    before = peak_resident_bytes()
    with contextlib.suppress(OSError):  # not Linux: the peak is of all jobs so far
        _FORGET_PEAK.write_text("5", encoding="utf-8")
    started = time.perf_counter()
    made = _export(loaded, job)
    seconds = time.perf_counter() - started
    return dumps(
        {"artifact": made, "seconds": seconds, "peak_bytes": peak_resident_bytes(), "loading_bytes": before}
    )


def _import(target: str) -> None:
    with quiet():
        if target == "coreml":
            import coremltools.optimize.coreml  # noqa: F401
        elif target == "coreai":
            import coreai_opt.coreai_utils  # noqa: F401
            import coreai_torch  # noqa: F401
        else:
            import onnx_ir  # noqa: F401


def _export(loaded: LoadedDecoder, job: dict[str, Any]) -> Artifact:
    path = Path(job["path"])
    shared: dict[str, Any] = {key: job[key] for key in ("name", "precision", "provenance")} | job["options"]
    if job["target"] == "coreml":
        from edgekit.export.coreml_decoder import export_decoder

        _front_end(loaded, job["model"], path.parent)
        return export_decoder(loaded.decoder, path, **shared)
    if job["target"] == "coreai":
        from edgekit.export.coreai_decoder import export_coreai_decoder

        _front_end(loaded, job["model"], path.parent)
        return export_coreai_decoder(loaded.decoder, path, **shared)
    from edgekit.export.onnx_decoder import export_onnx_decoder

    return export_onnx_decoder(
        loaded.decoder,
        path,
        processor=loaded.processor,
        stop_ids=loaded.stop_ids,
        **shared,
    )


def _front_end(loaded: LoadedDecoder, model: Path, folder: Path) -> None:
    """Tokenizer, stop tokens and configuration beside a package, which has no room for them."""
    folder.mkdir(parents=True, exist_ok=True)
    loaded.processor.save_pretrained(folder)
    write_json(folder / "generation_config.json", {"eos_token_id": list(loaded.stop_ids)})
    if (model / "config.json").is_file():
        shutil.copy(model / "config.json", folder)


if __name__ == "__main__":
    sys.exit(main())
