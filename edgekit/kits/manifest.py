"""What every kit says of itself, and the refusal to make one of an artifact that was not proved right."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgekit.codec import to_json
from edgekit.decoder_parity import DecoderParity
from edgekit.errors import ExportError, GateFailed, ModelError
from edgekit.files import read_json, require_space, sha256_path
from edgekit.kits.audio import AudioInput
from edgekit.kits.images import ImageInput
from edgekit.kits.tokenizer import TokenizerTables
from edgekit.types import Artifact, Parity

FrontEnd = TokenizerTables | ImageInput | AudioInput

FORMAT = "edgekit kit 1.0"
FILE = "manifest.json"
# Task → the file of its API in the templates of Swift and Kotlin.
API = {
    "text-classification": "Classifier",
    "multi-label-classification": "MultiLabelClassifier",
    "text-regression": "Regressor",
    "token-classification": "Tagger",
    "sentence-embedding": "Embedder",
}
_INPUTS = {TokenizerTables: "texts", ImageInput: "images", AudioInput: "clips"}
_COMPARED = (  # of an encoder's parity
    "reference", "runtime", "samples", "max_abs_error", "cosine", "label_agreement",
    "metric_name", "metric", "metric_drop", "gates", "checks",
)  # fmt: skip
_DECODED = (
    "reference", "runtime", "positions", "mean_kl", "max_kl", "top1", "top5",
    "perplexity", "reference_perplexity", "written", "same", "phases_kl", "stored", "gates",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bundle:
    """A kit on disk, for one platform."""

    platform: str  # "swift" | "android" | "web"
    path: Path
    artifact: Artifact
    manifest: Mapping[str, Any]
    use: tuple[str, ...]  # lines for an app developer: how to add it, load it, call it


def require_parity(artifact: Artifact, parity: Parity | DecoderParity) -> None:
    """Lets only an artifact pass that was run, compared with its reference, and is still those bytes.

    Raises:
        GateFailed: it was not executed, or a check or a gate did not hold.
        ModelError: the parity is another artifact's, or the file was changed since.
    """
    if parity.artifact != artifact.name:
        raise ModelError(
            f"The parity is of {parity.artifact!r}, and the kit would carry {artifact.name!r}.",
            remedy="Verify the artifact itself, and give that result.",
        )
    if isinstance(parity, Parity) and not parity.executed:
        raise GateFailed(
            f"{artifact.name} was never run ({parity.runtime}), so nothing shows that it answers rightly.",
            remedy="Verify it where it can be executed, then make the kit.",
        )
    if not parity.passed:
        failed = [f"{g.name}: {g.value:g}, allowed {g.limit:g}" for g in parity.gates if not g.passed]
        reasons = "; ".join([*parity.failures, *failed])
        raise GateFailed(
            f"{artifact.name} did not pass against {parity.reference}: {reasons}.",
            remedy="Correct or relax what failed and verify it again; no kit is made of a rejected artifact.",
        )
    if sha256_path(artifact.path) != artifact.sha256:
        raise ModelError(
            f"{artifact.path.name} is not what was verified: its sha256 is another.",
            remedy="Export and verify it again, and leave the file as it is.",
        )


def require_replaceable(folder: Path) -> None:
    """Lets a kit replace an older kit, and nothing else.

    Raises:
        ExportError: the path is taken.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if read_json(folder / FILE).get("format", "").startswith("edgekit kit "):
            return
    raise ExportError(
        f"{folder} exists and is no kit; it would be replaced whole.",
        remedy="Choose a folder that is not there yet.",
    )


def checked_manifest(
    artifact: Artifact,
    parity: Parity | DecoderParity,
    tables: FrontEnd,
    folder: Path,
    *,
    platform: str,
    golden: Sequence[object],
    answers: Sequence[object],
    licences: Mapping[str, str | None] | None,
) -> dict[str, Any]:
    """What every platform checks before it writes anything; gives back the manifest.

    Raises:
        GateFailed, ModelError: as `require_parity`.
        ExportError: the tokenizer's tables are for another length, there is nothing to test the kit with, or
            `folder` holds something else.
        DiskFull: there is no room for it.
    """
    manifest = kit_manifest(artifact, parity, platform=platform, tables=tables, licences=licences or {})
    # A prompt that does not fit is refused, not cut.
    limit = artifact.signature.max_length if isinstance(parity, Parity) else None
    if isinstance(tables, TokenizerTables) and tables.max_length != limit:
        raise ExportError(
            f"The tokenizer's tables cut texts at {tables.max_length} tokens, and the model takes {limit}.",
            remedy="Build the tables with max_length as in the artifact's signature; a decoder's without.",
        )
    if not answers or not golden:
        raise ExportError(
            f"A kit needs {_INPUTS[type(tables)]} to be tested with.",
            remedy="Give golden vectors and answers.",
        )
    require_replaceable(folder)
    require_space(folder.parent, 2 * artifact.size_bytes, purpose=f"Writing {folder.name}")
    return manifest


def proof(parity: Parity | DecoderParity, *, inputs: str = "texts") -> str:
    """One sentence for a kit's README: what it was compared with, and how near it came."""
    if isinstance(parity, DecoderParity):
        same = f"{parity.same:,} of {parity.written:,} tokens were written as it writes them"
        return (
            f"Compared with {parity.reference} on {len(parity.texts)} texts by {parity.runtime}: over "
            f"{parity.positions:,} next tokens the mean KL divergence is {parity.mean_kl:.4f} nats, "
            f"{parity.top1:.1%} have the same likeliest one, and {same}."
        )
    compared = f"Compared with {parity.reference} on {parity.samples:,} {inputs} by {parity.runtime}"
    if parity.label_agreement is not None:
        return f"{compared}: {parity.label_agreement:.2%} of the labels agree."
    if parity.cosine is not None:
        return f"{compared}: the mean cosine is {parity.cosine:.6f}."
    return f"{compared}."


def write_text(path: Path, text: str) -> None:
    """A file of a kit: UTF-8, and the same line ends on every machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def kit_manifest(
    artifact: Artifact,
    parity: Parity | DecoderParity,
    *,
    platform: str,
    tables: FrontEnd,
    licences: Mapping[str, str | None],
) -> dict[str, Any]:
    """The manifest, as plain JSON values; every kit carries it under the same keys.

    Args:
        platform: "swift", "android" or "web".
        tables: of the tokenizer, or how images or clips are prepared.
        licences: of the model, its teacher, its data …: name → SPDX; None when it is not known.

    Raises:
        As `require_parity`.
    """
    from edgekit import __version__

    require_parity(artifact, parity)
    signature = artifact.signature
    return {
        "format": FORMAT,
        "edgekit_version": __version__,
        "platform": platform,
        "model": {
            "name": artifact.name,
            "target": artifact.target,
            "precision": artifact.precision,
            "task": signature.task,
            "max_length": signature.max_length,
            "labels": list(signature.labels),
            "parameters": artifact.parameters,
            "size_bytes": artifact.size_bytes,
            "sha256": artifact.sha256,
        },
        **front_end_json(tables),
        "parity": {
            name: to_json(getattr(parity, name))
            for name in (_COMPARED if isinstance(parity, Parity) else _DECODED)
        },
        "licences": {"kit code": "Apache-2.0", **licences},
    }


def front_end_json(tables: FrontEnd) -> dict[str, Any]:
    """What prepares the inputs, under its own key."""
    if isinstance(tables, ImageInput):
        return {"image": asdict(tables)}
    if isinstance(tables, AudioInput):
        return {"audio": asdict(tables)}
    files = sorted(tables.files.items())
    return {
        "tokenizer": {
            "kind": tables.kind,
            "sha256": tables.sha256,  # of the tokenizer.json they were probed from
            "tables": {name: sha256(text.encode()).hexdigest() for name, text in files},
        }
    }
