"""Loads a pretrained model and its tokenizer, and refuses what would go wrong later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.errors import MissingExtra, ModelError, first_line
from edgekit.models import tasks
from edgekit.models.gguf import locate
from edgekit.quiet import hush, quiet
from edgekit.signatures import text_signature
from edgekit.tasks import TEXT_GENERATION, Task, get_task
from edgekit.types import Model, Signature, Source

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
    sampling_rate: int = 16_000,
    fresh_head: bool = False,
    dropout: float | None = None,
    attention: str | None = "eager",
) -> Model:
    """Loads a Hub-layout folder (or a GGUF file) with transformers, in fp32, on the CPU.

    Args:
        task: decides the head, and what a label is.
        labels: class or tag names in id order; empty takes them from the model's own head.
        max_length: tokens, lowered to what the model's positions allow; of images, pixels of a side; of
            sounds, samples.
        sampling_rate: of sounds, in Hz, for a new model; one that is finished has its own.
        fresh_head: whether a new head may be made when the model has none for these labels.
        dropout: replaces the model's hidden and attention dropout; None leaves them.
        attention: transformers' implementation. "eager", because sdpa with dropout is much slower on CPUs and
            has hidden traps; None takes transformers' own choice, for running a model that is finished.

    Raises:
        ModelError: no head, a head for other labels, a tokenizer with another vocabulary, unreadable weights.
    """
    hush()
    from transformers import AutoConfig

    kind = get_task(task)
    if kind.reads != "text":
        from edgekit.models.load_network import load_network

        return load_network(
            source,
            name=name,
            task=kind,
            labels=labels,
            extent=max_length,
            rate=sampling_rate,
            fresh_head=fresh_head,
            dropout=dropout,
        )
    folder, extra = locate(source.path)
    _know_own(folder)
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
    labels = _check_head(config, labels, kind, fresh_head=fresh_head, uri=source.uri)
    settings: dict[str, Any] = {}
    if kind.named:
        settings["num_labels"] = len(labels)
        settings["id2label"] = dict(enumerate(labels))
        settings["label2id"] = {label: i for i, label in enumerate(labels)}
    elif kind.truth == "number":
        settings["num_labels"] = 1
    if kind.problem_type:
        settings["problem_type"] = kind.problem_type
    for field in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if dropout is not None and hasattr(config, field):
            settings[field] = dropout
    config.update(settings)
    decoder = kind is TEXT_GENERATION
    processor = load_tokenizer(folder, uri=source.uri, end_pads=decoder, **extra)
    check_vocabulary(processor, config, uri=source.uri)
    if kind.metric == "masked_accuracy" and processor.mask_token_id is None:
        raise ModelError(
            f"{source.uri}: its tokenizer has no mask token.",
            remedy="Use an encoder that was pretrained with masks, such as BERT.",
        )
    how: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True if not extra else None,
        "trust_remote_code": False,
        **({"attn_implementation": "sdpa" if decoder else attention} if attention else {}),
        **extra,
    }
    try:
        with quiet():
            module = tasks.load_module(kind, folder, config, uri=source.uri, **how)
    except ImportError as error:
        raise MissingExtra("gguf", extra="gguf", needed_for="Reading a GGUF model") from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{source.uri}: the weights can't be loaded: {first_line(error)}",
            remedy="Check that config.json and model.safetensors belong together.",
        ) from error
    if "gguf_file" in extra:
        # What came out of a GGUF file is plain numbers from here on, which transformers does not notice.
        module.hf_quantizer = None
        for told in ("is_quantized", "quantization_method"):
            module.__dict__.pop(told, None)
        vars(module.config).pop("quantization_config", None)
    module = module.float().eval()
    module.config.pad_token_id = processor.pad_token_id
    signature = text_signature(
        task=task,
        processor=processor,
        labels=labels,
        max_length=min(max_length, usable_length(module) or max_length),
        module=module,
    )
    return Model(
        name=name,
        module=module,
        processor=processor,
        signature=_without_types(signature) if _one_type(config) else signature,
        source=source,
    )


def _know_own(folder: Path) -> None:
    """Tells transformers about edgekit's own architectures, when the folder holds one of them."""
    config = folder / "config.json"
    # A config that can't be read is refused in a moment, by those who know why.
    if config.is_file() and b'"edgekit-' in config.read_bytes():
        from edgekit.models.small.register import register

        register()


def usable_length(module: Any) -> int | None:
    """Tokens that a model's positions allow; None when it sets no limit.

    RoBERTa and MPNet count positions from padding_idx + 1, so 514 rows hold 512 tokens.
    """
    limit = getattr(module.config, "max_position_embeddings", None)
    for name, table in module.named_modules():
        if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None:
            return int(table.num_embeddings) - int(table.padding_idx) - 1
    return int(limit) if limit else None


def _one_type(config: Any) -> bool:
    """Whether token types say nothing: RoBERTa has one, DeBERTa-v3 none, whatever their tokenizers make."""
    return getattr(config, "type_vocab_size", 2) < 2


def _without_types(signature: Signature) -> Signature:
    inputs = tuple(spec for spec in signature.inputs if spec.name != "token_type_ids")
    return replace(signature, inputs=inputs)


def load_processor(folder: Path, *, uri: str) -> Any:
    """What prepares the inputs of a model folder: its fast tokenizer, or its front end for arrays.

    Raises:
        ModelError: there is none, or it asks for what edgekit does not do.
    """
    from edgekit.models.front_ends import FILE, load_front_end

    texts = any((folder / name).is_file() for name in TOKENIZER_FILES)
    arrays = (folder / FILE).is_file() and not texts
    return load_front_end(folder, uri=uri) if arrays else load_tokenizer(folder, uri=uri)


def load_tokenizer(folder: Path, *, uri: str, end_pads: bool = False, **extra: Any) -> Any:
    """The fast tokenizer of a model folder.

    Args:
        end_pads: whether the end-of-text token may stand for a padding token that there is none of: a decoder
            never looks at what comes later.

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
    if end_pads and processor.pad_token_id is None:
        processor.pad_token = processor.eos_token
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


def _check_head(
    config: Any, labels: tuple[str, ...], task: Task, *, fresh_head: bool, uri: str
) -> tuple[str, ...]:
    """The labels to use, after comparing the data's with the head's; none for a task whose labels have no
    names."""
    what, endings = tasks.HEADS.get(task.optimum, ("", ("",)))
    if not any(ending in name for name in config.architectures or ("",) for ending in endings):
        if task.named and not labels:
            raise ModelError(
                f"{uri} has no {what} head, so it has no labels.",
                remedy="Give a fine-tuned classifier, or a data set to fine-tune it on.",
            )
        if not fresh_head:
            raise ModelError(
                f"{uri} has no {what} head.",
                remedy="Add teacher.finetune to the recipe, so that one is trained.",
            )
        return labels
    trained_for = getattr(config, "problem_type", None)
    if task.problem_type and trained_for not in (None, task.problem_type):
        raise ModelError(
            f"{uri} was trained for {trained_for.replace('_', ' ')}, not for {task.name}.",
            remedy="Use a teacher for this task, or an encoder without a head.",
        )
    if task.truth == "number" and config.num_labels != 1:
        raise ModelError(
            f"{uri} has a head for {config.num_labels} labels; {task.name} has one number.",
            remedy="Use the encoder without its head, or a regression model.",
        )
    if not task.named:
        return ()
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
