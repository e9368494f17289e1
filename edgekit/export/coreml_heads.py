"""What each task's package answers: the output's name, and what turns the model's output into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.tasks import get_task
from edgekit.types import Signature, TensorSpec

if TYPE_CHECKING:
    from edgekit.export.exportable import Exportable

PROBABILITIES = "probabilities"
LABEL_OUTPUT = "label"  # coremltools names the dictionary after it: `label_probs`


def predicts_a_label(signature: Signature) -> bool:
    """Whether the package names one class, and gives its probabilities as a dictionary."""
    return get_task(signature.task).truth == "class"


def coreml_signature(signature: Signature) -> Signature:
    """The same interface as Core ML states it: int32 ids or float32 pixels, batch 1, probabilities of labels.

    | task | output |
    |---|---|
    | text- and image-classification | `probabilities [1, C]`; the package says `label` and a dictionary |
    | multi-label-classification | `probabilities [1, C]`, each of its own (sigmoid) |
    | token-classification | `probabilities [1, L, C]` |
    | text-regression, sentence-embedding, masked-lm | what the model gives, under its own name |
    """
    output = signature.outputs[0]
    name = PROBABILITIES if get_task(signature.task).named else output.name
    return Signature(
        task=signature.task,
        inputs=tuple(
            TensorSpec(s.name, (1, *s.shape[1:]), "int32" if s.dtype == "int64" else s.dtype)
            for s in signature.inputs
        ),
        outputs=(TensorSpec(name, (1, *output.shape[1:]), "float32"),),
        labels=signature.labels,
        max_length=signature.max_length,
    )


def answering(model: Exportable) -> Any:
    """The model's module with a softmax over classes or tags, or a sigmoid of several labels, after it."""
    import torch

    truth = get_task(model.signature.task).truth

    class Answer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model.module

        def forward(self, *inputs: Any) -> Any:
            output = self.model(*inputs)
            if truth in ("class", "tags"):
                return torch.softmax(output, dim=-1)
            return torch.sigmoid(output) if truth == "classes" else output

    return Answer().eval()
