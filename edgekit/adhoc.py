"""A recipe from plain arguments: what `edgekit distill` runs on a user's own teacher and file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.recipe.schema import Asset, LossWeights, Recipe
from edgekit.tasks import TEXT_GENERATION
from edgekit.types import LabelledFile

FINETUNE_EPOCHS = 3
# How the class names of models end that bring a head for a task; the others need none.
HEADS = {
    "text-classification": ("ForSequenceClassification",),
    "multi-label-classification": ("ForSequenceClassification",),
    "text-regression": ("ForSequenceClassification",),
    "token-classification": ("ForTokenClassification",),
    "masked-lm": ("ForMaskedLM", "ForPreTraining"),
}


def adhoc_recipe(
    teacher: str,
    data: LabelledFile,
    *,
    name: str = "",
    task: str = "text-classification",
    mode: str = "offline",
    losses: Mapping[str, float] | None = None,
    layers: int = 3,
    epochs: int = 3,
    finetune_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    temperature: float | None = None,
    max_length: int = 128,
    seed: int = 0,
    device: str = "auto",
    exports: Sequence[str] = (),
    baselines: bool = True,
    drop_empty: bool = False,
    overrides: Sequence[str] = (),
    spelled: Mapping[str, str] | None = None,
) -> Recipe:
    """The recipe that distils `teacher` on a labelled file.

    Args:
        teacher: a folder, `hub:ORGANISATION/NAME@REVISION`, or a file inside a pinned package.
        name: of the results folder; the data file's when empty.
        task: see `edgekit.tasks`.
        mode: who teaches, as `distill.mode`.
        losses: weight by name, as `distill.weights`, others are 0; None: what suits the task.
        finetune_epochs: epochs of teacher training; None: 3 for an encoder without a head, else 0.
        temperature: of soft targets; None: the recipe's default.
        exports: targets, each as its plain precision and int8.
        overrides: `KEY=VALUE` of any other recipe key, laid over all of these.
        spelled: dotted recipe key → what the user typed for it, for error messages.

    Raises:
        AssetError: `teacher` is no path and no reference, or can't be had.
        RecipeError: a value doesn't fit; every problem is named.
    """
    from edgekit.assets.reference import parse_asset
    from edgekit.recipe.mapping import recipe_from_mapping

    asset = parse_asset(teacher)
    if finetune_epochs is None:
        finetune_epochs = 0 if _has_head(asset, task) else FINETUNE_EPOCHS
    plain = task == TEXT_GENERATION.name and data.path.suffix == ".txt"
    typed = {f"distill.weights.{n}": f"--loss {n}={weight:g}" for n, weight in (losses or {}).items()}
    mapping = {
        "name": name or _plain_name(data.path),
        "seed": seed,
        "task": task,
        "device": device,
        "data": {
            "source": {"path": str(data.path)},
            "text": data.text,
            "text_pair": data.text_pair,
            "label": data.label,
            "label_separator": data.label_separator,
            "max_length": max_length,
            "drop_empty": drop_empty,
            **({"format": "text"} if plain else {}),
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
            "mode": mode,
            **({"temperature": temperature} if temperature is not None else {}),
            **({"weights": _only(losses)} if losses else {}),
        },
        "baselines": {"label_only": baselines, "tfidf": baselines},
        "exports": [_export(target) for target in exports],
    }
    return recipe_from_mapping(
        mapping, origin="command line", labels={**(spelled or {}), **typed}, overrides=overrides
    )


def _export(target: str) -> dict[str, Any]:
    return {"target": target, "precisions": ["fp16" if target == "coreml" else "fp32", "int8"]}


def _plain_name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "distilled"


def _only(losses: Mapping[str, float]) -> dict[str, float]:
    """These weights, and 0 for every other."""
    return {**dict.fromkeys(LossWeights.model_fields, 0.0), **losses}


def _has_head(asset: Mapping[str, Any], task: str) -> bool:
    """Whether the teacher brings the head that its task needs, told by its config.json alone."""
    from edgekit.assets.fetch import fetch

    if task not in HEADS:
        return True

    config = fetch(Asset.model_validate(asset), kind="model").path / "config.json"
    if not config.is_file():
        return False
    architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures") or []
    return any(name.endswith(HEADS[task]) for name in architectures)
