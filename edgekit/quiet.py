"""The one place that silences what other libraries print to a user who can't act on it."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path


def hush() -> None:
    """Sets other libraries' own switches. Called once, before they are imported."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    # coremltools names the versions it was tested with and the macOS-only proxies it can't load.
    for name in (
        "coremltools",
        "torch.onnx",
        "onnxscript",
        "transformers",
        "optimum",
        "accelerate",
        "bitsandbytes",
        "torch.utils._pytree",
        "torchao",
        "coreai_opt",
    ):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides warnings, and what Python code prints to stdout, while a noisy converter runs."""
    with (
        warnings.catch_warnings(),
        Path(os.devnull).open("w", encoding="utf-8") as sink,
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def quiet_natively() -> Iterator[None]:
    """Hides what native code writes to stderr; for short calls that raise when they fail."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
