"""What a Swift package can carry."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from edgekit.errors import ExportError
from edgekit.tasks import get_task
from edgekit.types import Artifact


def require_coreml(artifact: Artifact, *, tasks: Iterable[str]) -> None:
    """Lets a Core ML package pass whose labels Swift can tell apart.

    Args:
        tasks: for which there is such a package.

    Raises:
        ExportError: the target or the task is another, or two labels are one text to Swift.
    """
    signature = artifact.signature
    if artifact.target != "coreml":
        raise ExportError(
            f"{artifact.name} is for {artifact.target}; a Swift package carries Core ML.",
            remedy="Export the model with --target coreml and give that artifact.",
        )
    if signature.task not in tasks:
        raise ExportError(
            f"There is no Swift package for {signature.task}.", remedy=f"It exists for {', '.join(tasks)}."
        )
    # Swift compares strings as people read them, and a dictionary of two such labels would be refused.
    forms: dict[str, str] = {}
    for label in signature.labels if get_task(signature.task).truth == "class" else ():
        form = unicodedata.normalize("NFC", label)
        if form in forms:
            raise ExportError(
                f"The labels {forms[form]!a} and {label!a} are the same text to Swift.",
                remedy="Rename one of them in the training data's labels, and export again.",
            )
        forms[form] = label
