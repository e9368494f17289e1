"""How decoders are exported and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edgekit.export.decoder_targets import DecoderOptions
from edgekit.recipe.schema.decoding import DECODER_PRECISIONS
from edgekit.stages.decoder_source import read_texts

# Tokens of a text that are read one by one, and that are written after it. `edgekit.mil` is slow, and Core
# AI's runtime off a Mac slower.
STEPS = {"onnxruntime": 32, "coreml": 4, "coreai": 2}


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """How decoders are exported and judged. A limit of None is that of `edgekit.verify.decoder_gates`."""

    options: Mapping[str, DecoderOptions] = field(default_factory=dict)  # target → how it is written
    texts: Sequence[str] = ()  # to compare on; empty: the built-in ones
    steps: int | None = None  # see `STEPS`
    max_kl: float | None = None  # mean, nats
    max_perplexity_ratio: float | None = None
    min_top1: float | None = None  # share of positions
    keep_rejected: bool = False
    force: bool = False  # export although memory will not suffice
    available_bytes: int | None = None  # of memory; None: as the machine says
    threads: int = 1

    def of(self, target: str) -> DecoderOptions:
        """How a target is written."""
        return self.options.get(target) or DecoderOptions()

    @property
    def limits(self) -> dict[str, float | None]:
        """The limits that a user may set."""
        return {
            "max_kl": self.max_kl,
            "max_perplexity_ratio": self.max_perplexity_ratio,
            "min_top1": self.min_top1,
        }


def decoder_settings(data: Path | None = None, *, column: str = "text", **given: Any) -> DecoderSettings:
    """Settings with a user's own texts, and the same options for every target.

    Args:
        data: lines of a `.txt` file, or a table with a text column; None: the built-in texts.
        given: fields of `DecoderOptions`, and the other fields of `DecoderSettings`.

    Raises:
        DataError: no such file or column, or no text in it.
    """
    written = {f.name: given.pop(f.name) for f in fields(DecoderOptions) if f.name in given}
    return DecoderSettings(
        options=dict.fromkeys(DECODER_PRECISIONS, DecoderOptions(**written)),
        texts=tuple(read_texts(data, column=column)) if data else (),
        **given,
    )
