"""Files of a hub repository at a pinned revision, through huggingface_hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgekit import files, progress
from edgekit.assets import cache
from edgekit.assets.hub_progress import tqdm_class
from edgekit.errors import AssetError, first_line

if TYPE_CHECKING:
    from edgekit.recipe.schema import Asset

Kind = Literal["model", "data"]

# Weights as safetensors, the tokenizer, the configuration; no pickles and no Python files.
_MODEL_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",  # SentencePiece
    "chat_template.jinja",
    "preprocessor_config.json",
    "modules.json",  # sentence-transformers: which pooling the model was trained with
    "sentence_bert_config.json",
    "*_Pooling/config.json",
)
_DATA_FILES = ("*.csv", "*.tsv", "*.txt", "*.json", "*.jsonl", "*.parquet", "*.arrow")


def snapshot_arguments(asset: Asset, kind: Kind) -> dict[str, Any]:
    """Keyword arguments for `huggingface_hub.snapshot_download`; `member[0]` picks a file or folder."""
    patterns = list(_MODEL_FILES if kind == "model" else _DATA_FILES)
    if asset.member:
        inside = asset.member[0].rstrip("/")
        patterns = [inside, f"{inside}/*"]
    return {
        "repo_id": asset.hub,
        "repo_type": "model" if kind == "model" else "dataset",
        "revision": asset.revision,
        "cache_dir": str(cache.hub_folder()),
        "allow_patterns": patterns,
    }


def _receipt(asset: Asset, kind: Kind) -> Path:
    """Says that a snapshot arrived whole: huggingface_hub's folder exists from the first file on."""
    wanted = snapshot_arguments(asset, kind)
    del wanted["cache_dir"]
    return cache.hub_folder() / "receipts" / f"{files.sha256_json(wanted)}.json"


def cached_snapshot(asset: Asset, kind: Kind) -> Path | None:
    """Folder of a snapshot that was fetched whole, or None."""
    receipt = _receipt(asset, kind)
    if not receipt.is_file():
        return None
    folder = cache.hub_folder() / files.read_json(receipt)["folder"]
    return folder if folder.is_dir() else None


def fetch_snapshot(asset: Asset, kind: Kind, *, offline: bool) -> Path:
    """Folder with the files of a hub repository, as huggingface_hub lays it out; reused without a network.

    Raises:
        AssetError: no network, no such repository or revision, or no access.
    """
    from huggingface_hub import snapshot_download

    # Its HTTP client's base error comes from there too: httpx in version 1, httpx2 in version 2.
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    if found := cached_snapshot(asset, kind):
        return found
    if offline:
        raise AssetError(
            f"{uri(asset)} is not in the cache {cache.cache_dir()}, and --offline is set.",
            remedy="Run once without --offline, set EDGEKIT_CACHE to the cache of a machine that has it, "
            "or give a local folder with `path`.",
        )
    arguments = snapshot_arguments(asset, kind)
    cache.hub_folder().mkdir(parents=True, exist_ok=True)
    try:
        with files.disk_errors(cache.hub_folder()):
            # The dry run also fails without a network, where the real one may return half a snapshot.
            planned = snapshot_download(**arguments, dry_run=True, tqdm_class=tqdm_class(None))
            total = sum(file.file_size or 0 for file in planned if file.will_download)
            files.require_space(cache.hub_folder(), total, purpose=f"Downloading {uri(asset)}")
            with progress.bar(f"Downloading {uri(asset)}", total, "bytes") as bar:
                folder = Path(snapshot_download(**arguments, tqdm_class=tqdm_class(bar)))
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError) as error:
        raise AssetError(
            f"{uri(asset)} could not be fetched from the hub: {_reason(error)}",
            remedy="Check the id, the revision and the network (HF_ENDPOINT names a mirror, HF_TOKEN gives "
            "access). Without a network: set EDGEKIT_CACHE to the cache of a machine that has it, or give a "
            "local folder with `path`.",
        ) from error
    files.write_json(_receipt(asset, kind), {"folder": folder.relative_to(cache.hub_folder()).as_posix()})
    return folder


def _reason(error: BaseException) -> str:
    """The first line of the error, and of the one that started it."""
    first = cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [first_line(e) for e in (first, cause)]
    return " ".join(dict.fromkeys(lines))


def uri(asset: Asset) -> str:
    """`hub:org/name@revision`."""
    return f"hub:{asset.hub}@{asset.revision}"
