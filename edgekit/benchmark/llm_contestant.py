"""A decoder that takes part in a benchmark, opened with nothing but what running it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import ExportError
from edgekit.files import read_json, size_bytes
from edgekit.runtimes.decoder import DecoderRunner, open_decoder
from edgekit.runtimes.decoder_traffic import Traffic, decoder_traffic


@dataclass(frozen=True, slots=True)
class LlmContestant:
    """One row of the table."""

    name: str
    path: Path
    runner: DecoderRunner
    vocabulary: int
    traffic: Traffic | None  # None: what it reads can't be told
    size_bytes: int
    compute_units: str | None = None  # Core ML only


def open_timed(path: Path, *, threads: int, compute_units: str | None = None) -> DecoderRunner:
    """Opens a decoder without its tokenizer, whose libraries would be measured too.

    Args:
        path: as `edgekit.runtimes.decoder.open_decoder` takes it.
        threads: CPU threads.
        compute_units: Core ML only.

    Raises:
        ExportError: a package, and this is no Mac.
        ModelError: not a decoder, or damaged.
    """
    if path.suffix == ".mlpackage":
        from edgekit.runtimes.decoder_coreml_native import open_native_decoder

        return open_native_decoder(path, compute_units=compute_units or "ALL")
    if compute_units:
        raise ExportError(f"{path} has no compute units.", remedy="They are for a .mlpackage.")
    if (path / "genai_config.json").is_file():
        from edgekit.runtimes.decoder_onnx import OnnxDecoder

        told = read_json(path / "genai_config.json")["model"]
        return OnnxDecoder(
            path / told["decoder"]["filename"], context=told["context_length"], threads=threads
        )
    return open_decoder(path, threads=threads).runner


def enter(name: str, path: Path, *, threads: int, compute_units: str | None = None) -> LlmContestant:
    """Opens a decoder for the protocol, and reads one token to learn its vocabulary's size.

    Raises:
        As `open_timed`.
    """
    runner = open_timed(path, threads=threads, compute_units=compute_units)
    runner.begin(1)
    vocabulary = int(runner.extend([0]).shape[-1])
    return LlmContestant(
        name=name,
        path=path,
        runner=runner,
        vocabulary=vocabulary,
        traffic=decoder_traffic(path, runner),
        size_bytes=size_bytes(path),
        compute_units=compute_units,
    )
