"""Kits of a tiny real model, and the toolchain that builds them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_kits import LABELS, LIMIT, TEXTS, passed

from edgekit.data.token_labels import word_starts
from edgekit.export.coreml import export_coreml
from edgekit.export.exportable import Exportable
from edgekit.kits.answers import Answer
from edgekit.kits.manifest import Bundle
from edgekit.kits.swift import write_swift
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.models import families
from edgekit.models.load import load_model, load_tokenizer
from edgekit.models.tasks import dummy_inputs
from edgekit.tasks import get_task
from edgekit.types import Artifact, Signature, Source

TOOLCHAIN = Path(__file__).parents[1] / "toolchains" / "swift.sh"
FLAGS = "-Xswiftc -warnings-as-errors -Xswiftc -strict-concurrency=complete"


def tiny_package(model: Path, path: Path, *, task: str, **settings: Any) -> Artifact:
    """A Core ML package of a tiny encoder with a random head; its answers are never asked for here."""
    source = Source(uri="tiny", sha256="0" * 64, path=model)
    loaded = load_model(
        source, name="tiny", task=task, labels=LABELS.get(task, ()), max_length=LIMIT, fresh_head=True
    )
    given = Exportable(
        name="tiny",
        module=families.export_module(loaded.module, max_length=LIMIT, task=task),
        signature=loaded.signature,
        processor=loaded.processor,
        example=dummy_inputs(loaded.module, loaded.signature, batch=2, length=9),
        provenance={},
        parameters=loaded.parameters,
    )
    return export_coreml(given, path, **settings)


def with_labels(artifact: Artifact, labels: Sequence[str]) -> Artifact:
    """The same package under other labels, as if it had been trained with them."""
    (output,) = artifact.signature.outputs
    output = replace(output, shape=(*output.shape[:-1], len(labels)))
    return replace(artifact, signature=replace(artifact.signature, labels=tuple(labels), outputs=(output,)))


def answers(signature: Signature, model: Path) -> list[Answer]:
    """Invented outputs of the right shape: the stand-in for Core ML replays whatever was recorded."""
    processor = load_tokenizer(model, uri="tiny")
    task, width = get_task(signature.task), int(signature.outputs[0].shape[-1])
    random = np.random.default_rng(0)
    made = []
    for text in TEXTS:
        given = " ".join(text.split()) if task.truth == "tags" else text
        [row], [starts] = word_starts(processor, [given], signature.max_length or LIMIT)
        shape = (len(row["input_ids"]), width) if task.per_token else (width,)
        output = random.standard_normal(shape).astype(np.float32)
        if task.named:
            output = np.exp(output) / np.exp(output).sum(-1, keepdims=True)
        if task.metric == "cosine":
            output = output / np.linalg.norm(output)
        tags = None
        if task.truth == "tags":
            tags = [None if at is None else int(output[at].argmax()) for at in starts]
        tokens = {spec.name: row[spec.name] for spec in signature.inputs}
        made.append(Answer(given, tokens, output.ravel().tolist(), tags=tags))
    return made


def swift_kit(
    artifact: Artifact, model: Path, folder: Path, *, name: str = "tiny films", golden: int = 300
) -> Bundle:
    limit = artifact.signature.max_length
    return write_swift(
        artifact,
        passed(artifact),
        build_tables(model, max_length=limit, checked=50),
        folder,
        name=name,
        golden=golden_vectors(load(model, max_length=limit), count=golden),
        answers=answers(artifact.signature, model),
        licences={"student": "Apache-2.0"},
    )


def require_swift() -> None:
    """Skips, with the reason, where no Swift can be had."""
    if shutil.which("swift"):
        return
    done = subprocess.run([TOOLCHAIN, "where"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.strip())


def swift(folder: Path, command: str) -> str:
    """Runs a shell command with Swift on its PATH, in a folder; fails with what it printed."""
    words = ["bash", "-c", command] if shutil.which("swift") else [TOOLCHAIN, "run", folder, command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr
