"""Loads a decoder from a folder of safetensors or a GGUF file, with its tokenizer and what ends a text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import EdgekitError, MissingExtra, ModelError, first_line
from edgekit.models.decoders.build import build, read_config
from edgekit.models.decoders.config import DecoderConfig
from edgekit.models.decoders.module import Decoder
from edgekit.models.gguf import locate
from edgekit.quiet import hush, quiet

CONTEXT = 2048  # tokens, unless asked for otherwise
_SAFE = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, slots=True)
class LoadedDecoder:
    """A decoder, ready to export or to run."""

    decoder: Decoder
    processor: Any  # the tokenizer
    stop_ids: tuple[int, ...]  # tokens that end a text, the tokenizer's own first


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A decoder as transformers has it: fp32, on the CPU, in evaluation mode."""

    model: Any  # transformers' `…ForCausalLM`
    made: DecoderConfig
    processor: Any  # the tokenizer
    stop_ids: tuple[int, ...]  # tokens that end a text, the tokenizer's own first


def load_decoder(path: Path, *, context: int | None = None) -> LoadedDecoder:
    """Loads the export-ready twin of a decoder, in fp32, on the CPU.

    Args:
        path: a Hub-layout folder with safetensors, a `.gguf` file, or a folder with one.
        context: tokens that the caches hold; None: 2,048, or as many as the model was made for.

    Raises:
        ModelError: no such model, or damaged.
        ExportError: a family or a setting that can't be expressed, or a context that is too long.
        MissingExtra: GGUF needs a package.
    """
    loaded = load_causal_lm(path)
    tokens = context or min(CONTEXT, loaded.made.positions)
    decoder = build(loaded.model.config, loaded.model.state_dict(), tokens)
    return LoadedDecoder(decoder, loaded.processor, loaded.stop_ids)


def load_causal_lm(path: Path) -> LoadedModel:
    """Loads with transformers.

    Raises:
        As `load_decoder`.
    """
    hush()
    from transformers import AutoModelForCausalLM

    made, _ = read_hub_config(path)  # before the weights are read
    folder, extra = locate(path)
    with loading(path):
        import torch

        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=None if extra else True, **_SAFE, **extra
        )
    processor = load_text_tokenizer(folder, **extra)
    ends = stop_ids(processor, model.generation_config, model.config)
    return LoadedModel(model.eval(), made, processor, ends)


def read_hub_config(path: Path) -> tuple[DecoderConfig, Any]:
    """A decoder's configuration, as the export module and as transformers have it; no weight is read.

    Raises:
        As `load_decoder`.
    """
    hush()
    from transformers import AutoConfig

    folder, extra = locate(path)
    with loading(path):
        config = AutoConfig.from_pretrained(folder, **_SAFE, **extra)
    return read_config(config), config


@contextmanager
def loading(path: Path) -> Iterator[None]:
    """Quiet, and what transformers raises as edgekit's errors.

    Raises:
        ModelError: what is at `path` can't be read.
        MissingExtra: GGUF needs a package.
    """
    from safetensors import SafetensorError

    try:
        with quiet():
            yield
    except EdgekitError:
        raise
    except ImportError as error:
        raise MissingExtra("gguf", extra="gguf", needed_for="Reading a GGUF model") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{path} can't be loaded as a decoder: {first_line(error)}",
            remedy="Give a folder with config.json and model.safetensors, or a .gguf file.",
        ) from error


def load_text_tokenizer(folder: Path, **extra: Any) -> Any:
    """The fast tokenizer of a folder, which needs no padding token.

    Raises:
        ModelError: there is none.
    """
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_fast=True, **extra
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(
            f"{folder} has no readable tokenizer: {first_line(error)}",
            remedy="Put tokenizer.json and tokenizer_config.json beside the model.",
        ) from error


def stop_ids(processor: Any, *configs: Any) -> tuple[int, ...]:
    """Every token that one of them names as the end, once each."""
    named: list[int] = []
    for told in (processor.eos_token_id, *(getattr(config, "eos_token_id", None) for config in configs)):
        named += told if isinstance(told, list) else [] if told is None else [told]
    return tuple(dict.fromkeys(int(one) for one in named if one is not None and one < len(processor)))
