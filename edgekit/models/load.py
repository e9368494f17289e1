"""Loads a pretrained model and its tokenizer, and refuses what would go wrong later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import MissingExtra, ModelError, first_line
from edgekit.models import tasks
from edgekit.quiet import hush, quiet
from edgekit.signatures import text_signature
from edgekit.types import Model, Source

# Embedding tables are padded up to a round size by many trainers (DeBERTa-v3: 99 rows).
SPARE_VOCABULARY = 128
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")


def load_model(
    source: Source,
    *,
    name: str,
    task: str = "text-classification",
    labels: tuple[str, ...] = (),
    max_length: int = 128,
    fresh_head: bool = False,
    dropout: float | None = None,
) -> Model:
    """Loads a Hub-layout folder (or a GGUF file) with transformers, in fp32, on the CPU.

    Args:
        labels: class names in id order; empty takes them from the model's own head.
        max_length: tokens; lowered to what the model's positions allow.
        fresh_head: whether a new head may be made when the model has none for these labels.
        dropout: replaces the model's hidden and attention dropout; None leaves them.

    Raises:
        ModelError: no head, a head for other labels, a tokenizer with another vocabulary, unreadable weights.
    """
    hush()
    from transformers import AutoConfig

    folder, extra = _location(source.path)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **extra
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{source.uri}: config.json can't be read: {first_line(error)}",
            remedy="Give a folder that plain transformers can load.",
        ) from error
    labels = _check_head(config, labels, fresh_head=fresh_head, uri=source.uri)
    settings: dict[str, Any] = {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    for field in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if dropout is not None and hasattr(config, field):
            settings[field] = dropout
    config.update(settings)
    processor = load_tokenizer(folder, uri=source.uri, **extra)
    check_vocabulary(processor, config, uri=source.uri)
    try:
        with quiet():
            module = tasks.model_class(task).from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True if not extra else None,
                trust_remote_code=False,
                # sdpa with dropout is much slower than the plain form on CPUs, and has no hidden traps.
                attn_implementation="eager",
                **extra,
            )
    except ImportError as error:
        raise MissingExtra("gguf", extra="gguf", needed_for="Reading a GGUF model") from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{source.uri}: the weights can't be loaded: {first_line(error)}",
            remedy="Check that config.json and model.safetensors belong together.",
        ) from error
    module = module.float().eval()
    module.config.pad_token_id = processor.pad_token_id
    limit = getattr(config, "max_position_embeddings", None) or max_length
    return Model(
        name=name,
        module=module,
        processor=processor,
        signature=text_signature(
            task=task,
            processor=processor,
            labels=labels,
            max_length=min(max_length, int(limit)),
            module=module,
        ),
        source=source,
    )


def load_tokenizer(folder: Path, *, uri: str, **extra: Any) -> Any:
    """The fast tokenizer of a model folder.

    Raises:
        ModelError: there is none, or it has no padding token.
    """
    from transformers import AutoTokenizer

    # transformers makes an empty tokenizer out of no files at all, which would map every word to [UNK].
    if not extra and not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(
            f"{uri} has no tokenizer file.",
            remedy="Put tokenizer.json and tokenizer_config.json beside the model.",
        )
    try:
        with quiet():
            processor = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_fast=True, **extra
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(
            f"{uri} has no readable tokenizer: {first_line(error)}",
            remedy="Put tokenizer.json and tokenizer_config.json beside the model.",
        ) from error
    if processor.pad_token_id is None:
        raise ModelError(
            f"{uri}: its tokenizer has no padding token.",
            remedy="Set pad_token in tokenizer_config.json to a token that texts never contain.",
        )
    return processor


def check_vocabulary(processor: Any, config: Any, *, uri: str) -> None:
    """Refuses a tokenizer that was made for another embedding table.

    Raises:
        ModelError: names both sizes.
    """
    rows = getattr(config, "vocab_size", None)
    tokens = len(processor)
    if rows is None or 0 <= rows - tokens <= SPARE_VOCABULARY:
        return
    raise ModelError(
        f"{uri}: the tokenizer has {tokens:,} tokens, but the model's embedding table has {rows:,} rows.",
        remedy="Use the tokenizer that this model was trained with.",
    )


def _check_head(config: Any, labels: tuple[str, ...], *, fresh_head: bool, uri: str) -> tuple[str, ...]:
    """The labels to use, after comparing the data's with the head's."""
    has_head = any("ForSequenceClassification" in a for a in (config.architectures or ()))
    if not has_head:
        if not labels:
            raise ModelError(
                f"{uri} has no classification head, so it has no labels.",
                remedy="Give a fine-tuned classifier, or a data set to fine-tune it on.",
            )
        if not fresh_head:
            raise ModelError(
                f"{uri} has no classification head.",
                remedy="Add teacher.finetune to the recipe, so that one is trained.",
            )
        return labels
    own = tuple(str(config.id2label[i]) for i in range(len(config.id2label)))
    if not labels or own == labels:
        return own
    if fresh_head and len(own) != len(labels):
        raise ModelError(
            f"{uri} has a head for {len(own)} labels, {_few(own)}; the data has {len(labels)}.",
            remedy="Use the encoder without its head, or data with the model's own labels.",
        )
    unnamed = all(label == f"LABEL_{i}" for i, label in enumerate(own))
    if unnamed and len(own) == len(labels):
        return labels
    if set(own) == set(labels):
        raise ModelError(
            f"{uri} orders its labels {_few(own)}; the data orders them {_few(labels)}.",
            remedy=f"Set data.labels to [{', '.join(own)}].",
        )
    raise ModelError(
        f"{uri} was trained for the labels {_few(own)}; the data has {_few(labels)}.",
        remedy="Rename the labels in the data, or use a teacher for these labels.",
    )


def _few(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:6])
    return f"[{shown}{', …' if len(labels) > 6 else ''}]"


def _location(path: Path) -> tuple[Path, dict[str, Any]]:
    if path.is_file() and path.suffix == ".gguf":
        return path.parent, {"gguf_file": path.name}
    ggufs = sorted(path.glob("*.gguf"))
    if ggufs and not (path / "config.json").is_file():
        return path, {"gguf_file": ggufs[0].name}
    return path, {}
