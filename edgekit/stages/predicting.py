"""One input in, one answer out, in the terms of each task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError, ModelError
from edgekit.files import PACKAGES
from edgekit.tasks import get_task
from edgekit.types import Prediction, Signature

if TYPE_CHECKING:
    import numpy as np

FILLS = 5  # tokens offered for each mask

Answer = Callable[[Any], Prediction]


def predictor(path: Path, *, threads: int = 1) -> Answer:
    """What answers inputs (texts, or pairs of them) with a model folder or an exported file.

    Raises:
        ModelError: not a model, or damaged. The function raises it too, where an answer is not finite.
        ExportError: the artifact can't be executed on this machine.
    """
    import numpy as np

    from edgekit.models.load import load_processor
    from edgekit.runtimes import open_runner
    from edgekit.stages.measuring import encoder

    runner = open_runner(path, threads=threads)
    folder = path if path.is_dir() and path.suffix not in PACKAGES else path.parent
    processor, signature = load_processor(folder, uri=str(folder)), runner.signature
    encode, name = encoder(processor, signature), signature.outputs[0].name

    def answer(value: Any) -> Prediction:
        given = _prepared(value, signature, processor)
        batch = encode(given)
        output = runner.run(batch)[name][0]
        if not np.isfinite(output).all():
            raise ModelError(
                f"{path.name} answers {value!r:.60} with numbers that are not finite.",
                remedy="See where they begin: edgekit verify FILE --against MODEL --explain.",
            )
        return _prediction(value, given, batch, output, signature, processor)

    return answer


def _prepared(value: Any, signature: Signature, processor: Any) -> Any:
    """The text as the model reads it: words one space apart, masks spelled as its tokenizer spells them."""
    task = get_task(signature.task)
    if task.per_token and not isinstance(value, str):
        raise DataError(f"{task.name} takes one text, not a pair.", remedy="Give each text by itself.")
    if task.truth == "tags":
        return " ".join(value.split())
    if task.metric != "masked_accuracy":
        return value
    text = value.replace("[MASK]", processor.mask_token)
    if processor.mask_token not in text:
        raise DataError(f"There is no [MASK] in {value!r}.", remedy="Write [MASK] where a word is missing.")
    return text


def _prediction(
    value: Any, given: Any, batch: Any, output: np.ndarray, signature: Signature, processor: Any
) -> Prediction:
    from scipy.special import expit, softmax

    task, labels = get_task(signature.task), signature.labels
    ready = signature.outputs[0].name == "probabilities"
    if task.metric == "cosine":
        return Prediction(value, embedding=tuple(float(x) for x in output))
    if task.truth == "number":
        return Prediction(value, value=float(output[0]))
    if task.metric == "masked_accuracy":
        return Prediction(value, fills=_fills(batch["input_ids"][0], output, processor))
    if task.truth == "tags":
        return Prediction(value, tags=_tags(given, output, signature, processor))
    if task.truth == "classes":
        shares = output if ready else expit(output)
        probabilities = {label: float(p) for label, p in zip(labels, shares, strict=True)}
        return Prediction(
            value,
            labels=tuple(label for label, p in probabilities.items() if p > 0.5),
            probabilities=probabilities,
        )
    shares = output if ready else softmax(output)
    return Prediction(
        value,
        label=labels[int(shares.argmax())],
        probabilities={label: float(p) for label, p in zip(labels, shares, strict=True)},
    )


def _tags(
    text: str, output: np.ndarray, signature: Signature, processor: Any
) -> tuple[tuple[str, str | None], ...]:
    from edgekit.data.token_labels import word_starts

    _, [starts] = word_starts(processor, [text], signature.max_length or processor.model_max_length)
    return tuple(
        (word, None if first is None else signature.labels[int(output[first].argmax())])
        for word, first in zip(text.split(" "), starts, strict=True)
    )


def _fills(ids: np.ndarray, output: np.ndarray, processor: Any) -> tuple[dict[str, float], ...]:
    import numpy as np
    from scipy.special import softmax

    found = []
    for place in np.flatnonzero(ids == processor.mask_token_id):
        shares = softmax(output[place])
        best = np.argsort(-shares)[:FILLS]
        found.append({processor.decode([int(i)]).strip(): float(shares[i]) for i in best})
    return tuple(found)
