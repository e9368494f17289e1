"""A small random decoder in ONNX, and everything that a kit is made of, really written on after prompts."""

from __future__ import annotations

from pathlib import Path

from edgekit.decoder_parity import DecoderParity
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.models.decoders.load import load_decoder
from edgekit.stages.decoder_bundling import generator_parts
from edgekit.types import Artifact
from tests.decoder_examples import save_decoder

NAME = "tiny talk"
PROMPTS = ("the cat sat", "naïve café", "日本語", "a 🦀 and", "Grüße aus")


def onnx_decoder(folder: Path, *, family: str = "llama", precision: str = "fp32") -> Artifact:
    """Exports one, with its tokenizer."""
    loaded = load_decoder(save_decoder(folder / "model", family), context=128)
    return export_onnx_decoder(
        loaded.decoder,
        folder / "onnxruntime",
        name="tiny",
        precision=precision,
        processor=loaded.processor,
        stop_ids=loaded.stop_ids,
    )


def passed(artifact: Artifact) -> DecoderParity:
    """What verifying it might have said."""
    return DecoderParity(
        artifact=artifact.name,
        reference="tiny, transformers",
        runtime="onnxruntime",
        precision=artifact.precision,
        texts=(),
        positions=1000,
        mean_kl=0.0,
        max_kl=0.0,
        top1=1.0,
        top5=1.0,
        perplexity=None,
        reference_perplexity=None,
        predicted=0,
        written=10,
        same=10,
        phases_kl=0.0,
        seconds=1.0,
    )


def tiny_parts(folder: Path, **settings: str) -> GeneratorParts:
    artifact = onnx_decoder(folder, **settings)
    return generator_parts(
        artifact, passed(artifact), name=NAME, texts=PROMPTS, licences={"model": "Apache-2.0"}
    )
