"""All that the writer of one platform's kit is given of a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgekit.decoder_parity import DecoderParity
from edgekit.kits.generation.golden import GenerationGolden
from edgekit.kits.generation.interface import Generation
from edgekit.kits.manifest import checked_manifest
from edgekit.kits.tokenizer import Golden, TokenizerTables
from edgekit.types import Artifact


@dataclass(frozen=True, slots=True)
class GeneratorParts:
    """What `write_web_generator`, `write_android_generator` and `write_swift_generator` make a kit of."""

    artifact: Artifact  # its path is an ONNX folder, or a stateful package
    parity: DecoderParity  # of that artifact
    tables: TokenizerTables  # without a limit: what doesn't fit is refused when the kit runs, and not cut
    generation: Generation
    golden: Sequence[Golden]  # nasty texts with their ids
    generation_golden: GenerationGolden
    name: str  # of the product, in the author's words
    licences: Mapping[str, str | None] = field(default_factory=dict)  # name → SPDX; None: not known

    @property
    def files(self) -> dict[str, str]:
        """Name → content of every table that the kit reads."""
        return {**self.tables.files, **self.generation.files}

    def manifest(self, folder: Path, *, platform: str) -> dict[str, Any]:
        """As `edgekit.kits.manifest.checked_manifest`, with what is known of the text that it writes.

        Args:
            folder: becomes the kit.
        """
        made = checked_manifest(
            self.artifact,
            self.parity,
            self.tables,
            folder,
            platform=platform,
            golden=self.golden,
            answers=self.generation_golden.continued,
            licences=self.licences,
        )
        generation = self.generation
        made["generation"] = {
            "context": generation.context,
            "stop_ids": list(generation.stop_ids),
            "chat": generation.chat is not None,
            "no_chat": generation.no_chat or None,
            "tables": {name: sha256(text.encode()).hexdigest() for name, text in generation.files.items()},
        }
        return made
