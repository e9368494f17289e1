"""Front ends of models that read arrays: what prepares an input that is no text."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgekit.errors import DataError
from edgekit.files import read_json
from edgekit.tasks import Task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Signature

FILE = "preprocessor_config.json"
DATA_URI = "data:"


class FrontEnd(Protocol):
    """Stands where a tokenizer does: called with inputs it gives columns of rows, which are never padded."""

    pad_token_id: int

    @property
    def model_input_names(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def model_max_length(self) -> int:
        """The extent of an input, in its own unit; of a tokenizer it is tokens."""

    @property
    def identity(self) -> str:
        """Hash of all that rows depend on."""

    @property
    def settings(self) -> dict[str, Any]:
        """What a model's configuration says of it."""

    def __call__(self, inputs: Sequence[str], pairs: Any = None, **_: Any) -> dict[str, list[np.ndarray]]:
        """Rows of inputs: paths of files, or `data:` URIs (RFC 2397) that hold one."""

    def signature(self, task: Task, labels: tuple[str, ...]) -> Signature:
        """The interface of a classifier that reads its rows."""

    def at(self, wanted: FrontEnd) -> FrontEnd:
        """Itself, as it would be for inputs of the extent that `wanted` has."""

    def save_pretrained(self, folder: Path) -> None:
        """Writes `preprocessor_config.json`."""


def load_front_end(folder: Path, *, uri: str) -> FrontEnd:
    """Reads `preprocessor_config.json`.

    Raises:
        ModelError: it asks for what a front end of edgekit does not do.
    """
    from edgekit.models.audio.front_end import audio_front_end
    from edgekit.models.images.front_end import image_front_end

    told = read_json(folder / FILE)
    read = audio_front_end if "feature_extractor_type" in told else image_front_end
    return read(told, uri=uri)


def fresh_front_end(task: Task, *, extent: int, rate: int) -> FrontEnd:
    """The front end of a new model.

    Args:
        extent: of an input: pixels of a side, or samples.
        rate: of a sound, in Hz.
    """
    from edgekit.models.audio.front_end import AudioFrontEnd
    from edgekit.models.images.front_end import ImageFrontEnd

    return AudioFrontEnd(rate, extent) if task.reads == "audio" else ImageFrontEnd(extent, extent)


def refuse_pairs(pairs: Any, *, many: str, one: str) -> None:
    """A tokenizer takes second texts; nothing else does.

    Raises:
        DataError: there are some.
    """
    if pairs is not None:
        raise DataError(f"{many} come one by one, not in pairs.", remedy=f"Give each {one} by itself.")


def told_name(value: str) -> str:
    """A path, or the start of a `data:` URI: what a message calls it."""
    return value[:40] if value.startswith(DATA_URI) else value


def held_bytes(value: str) -> bytes:
    """The bytes of a file, or those that a `data:` URI holds.

    Raises:
        OSError, ValueError: no such file; not base64.
    """
    if not value.startswith(DATA_URI):
        return Path(value).read_bytes()
    return base64.b64decode(value.partition(",")[2], validate=True)
