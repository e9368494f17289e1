"""A recipe from plain arguments: what `edgekit distill` runs on a user's own teacher and file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.recipe.schema import Asset, Recipe
from edgekit.types import LabelledFile

FINETUNE_EPOCHS = 3


def adhoc_recipe(
    teacher: str,
    data: LabelledFile,
    *,
    name: str = "",
    layers: int = 3,
    epochs: int = 3,
    finetune_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    temperature: float = 2.0,
    max_length: int = 128,
    seed: int = 0,
    device: str = "auto",
    exports: Sequence[str] = (),
    baselines: bool = True,
    drop_empty: bool = False,
    spelled: Mapping[str, str] | None = None,
) -> Recipe:
    """The recipe that distils `teacher` on a labelled file.

    Args:
        teacher: a folder, `hub:ORGANISATION/NAME@REVISION`, or a file inside a pinned package.
        name: of the results folder; the data file's when empty.
        finetune_epochs: epochs of teacher training; None: 3 for an encoder without a head, else 0.
        exports: targets, each as its plain precision and int8.
        spelled: dotted recipe key → what the user typed for it, for error messages.

    Raises:
        AssetError: `teacher` is no path and no reference, or can't be had.
        RecipeError: a value doesn't fit; every problem is named.
    """
    from edgekit.assets.reference import parse_asset
    from edgekit.recipe.mapping import recipe_from_mapping

    asset = parse_asset(teacher)
    if finetune_epochs is None:
        finetune_epochs = 0 if _has_head(asset) else FINETUNE_EPOCHS
    mapping = {
        "name": name or _plain_name(data.path),
        "seed": seed,
        "device": device,
        "data": {
            "source": {"path": str(data.path)},
            "text": data.text,
            "text_pair": data.text_pair,
            "label": data.label,
            "max_length": max_length,
            "drop_empty": drop_empty,
        },
        "teacher": {
            "model": {k: str(v) if isinstance(v, Path) else v for k, v in asset.items()},
            "finetune": {"batch_size": batch_size, "epochs": finetune_epochs} if finetune_epochs else None,
        },
        "student": {"layers": layers},
        "distill": {
            "batch_size": batch_size,
            "epochs": epochs,
            "learning_rate": learning_rate,
            "temperature": temperature,
        },
        "baselines": {"label_only": baselines, "tfidf": baselines},
        "exports": [_export(target) for target in exports],
    }
    return recipe_from_mapping(mapping, origin="command line", labels=spelled)


def _export(target: str) -> dict[str, Any]:
    return {"target": target, "precisions": ["fp16" if target == "coreml" else "fp32", "int8"]}


def _plain_name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "distilled"


def _has_head(asset: Mapping[str, Any]) -> bool:
    """Whether the teacher brings a classification head, told by its config.json alone."""
    from edgekit.assets.fetch import fetch

    config = fetch(Asset.model_validate(asset), kind="model").path / "config.json"
    if not config.is_file():
        return False
    architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures") or []
    return any("ForSequenceClassification" in name for name in architectures)
