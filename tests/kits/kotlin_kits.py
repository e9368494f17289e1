"""Android kits of tiny real models, and a JVM that compiles and runs them.

ONNX Runtime's Java API is on Maven alone: `toolchains/onnxruntime_java` stands in for it, over the C library
of the Python wheel, so that kits run the very runtime that Python runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_kits import LABELS, LIMIT, TEXTS, passed

from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.kits.android import write_android
from edgekit.kits.answers import Answer
from edgekit.kits.manifest import Bundle
from edgekit.kits.tokenizer import build_tables, golden_vectors, load
from edgekit.models import families
from edgekit.models.load import load_model
from edgekit.models.tasks import dummy_inputs
from edgekit.runtimes import open_runner
from edgekit.stages.predicting import predictor
from edgekit.types import Artifact, Source

TOOLCHAINS = Path(__file__).parents[1] / "toolchains"


def tiny_onnx(model: Path, path: Path, *, task: str) -> Artifact:
    """An ONNX model of a tiny encoder with a random head, its tokenizer beside it."""
    loaded = load_model(
        Source(uri="tiny", sha256="0" * 64, path=model),
        name="tiny",
        task=task,
        labels=LABELS.get(task, ()),
        max_length=LIMIT,
        fresh_head=True,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    loaded.processor.save_pretrained(path.parent)
    return export_onnx(
        Exportable(
            name="tiny",
            module=families.export_module(loaded.module, max_length=LIMIT, task=task),
            signature=loaded.signature,
            processor=loaded.processor,
            example=dummy_inputs(loaded.module, loaded.signature, batch=2, length=9),
            provenance={},
            parameters=loaded.parameters,
        ),
        path,
    )


def answers(artifact: Artifact) -> list[Answer]:
    """What Python answers with the same file."""
    runner, answer = open_runner(artifact.path), predictor(artifact.path)
    tokenizer = load(artifact.path.parent, max_length=LIMIT).tokenizer
    labels = artifact.signature.labels
    made = []
    for text in TEXTS:
        tags = None
        if artifact.signature.task == "token-classification":
            tags = [None if tag is None else labels.index(tag) for _, tag in answer(text).tags or ()]
            text = " ".join(text.split())
        found = tokenizer.encode(text)
        every = {
            "input_ids": found.ids,
            "attention_mask": found.attention_mask,
            "token_type_ids": found.type_ids,
        }
        tokens = {spec.name: every[spec.name] for spec in artifact.signature.inputs}
        output = runner.run({key: np.array([row]) for key, row in tokens.items()})
        values = output[artifact.signature.outputs[0].name].ravel().tolist()
        made.append(Answer(text, tokens, values, tags=tags))
    return made


def android_kit(artifact: Artifact, folder: Path, *, name: str, golden: int = 300, **settings: Any) -> Bundle:
    model = artifact.path.parent
    return write_android(
        artifact,
        passed(artifact),
        build_tables(model, max_length=LIMIT, checked=50),
        folder,
        name=name,
        golden=golden_vectors(load(model, max_length=LIMIT), count=golden),
        answers=answers(artifact),
        licences={"student": "Apache-2.0"},
        **settings,
    )


@dataclass(frozen=True, slots=True)
class Jvm:
    """Kotlin's compiler and what compiled kits run with."""

    compiler: Path
    classes: Sequence[Path]  # coroutines, JUnit, ONNX Runtime's stand-in, Android's stubs
    properties: Sequence[str]

    def compile(self, sources: Sequence[Path], jar: Path) -> None:
        """Warnings are errors."""
        lib = self.compiler / "lib"
        words = [
            *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx2g", "-cp", f"{lib}/*"),
            *(
                "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
                "-no-reflect",
                "-kotlin-home",
                str(self.compiler),
            ),
            *("-jvm-target", "11", "-Werror", "-cp", self._path(), "-d", str(jar), *map(str, sources)),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=1800)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]

    def run(self, jar: Path, module: Path, *words: str, resources: Path | None = None) -> tuple[int, str]:
        """Runs a class in a module's folder. Returns its exit code and what it printed."""
        resources = resources or module / "src/shared/resources"
        command = [
            *("java", "-XX:+UseSerialGC", "-Xmx1g", *self.properties),
            *("-cp", self._path(jar, resources, self.compiler / "lib" / "kotlin-stdlib.jar"), *words),
        ]
        done = subprocess.run(command, cwd=module, capture_output=True, text=True, check=False, timeout=600)
        return done.returncode, done.stdout + done.stderr

    def junit(self, jar: Path, module: Path, *classes: str, resources: Path | None = None) -> tuple[int, str]:
        return self.run(jar, module, "org.junit.runner.JUnitCore", *classes, resources=resources)

    def _path(self, *more: Path) -> str:
        return os.pathsep.join(map(str, [*more, *self.classes]))


def make_jvm(folder: Path) -> Jvm:
    """The toolchain, with the stand-ins built into `folder`; skips, with the reason, without it."""
    done = subprocess.run([TOOLCHAINS / "kotlin.sh", "where"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.strip())
    import onnxruntime

    libraries = list((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
    if sys.platform != "linux" or not libraries:
        pytest.skip("The stand-in for ONNX Runtime's Java API needs the wheel's libonnxruntime.so, on Linux.")
    root = Path(done.stdout.strip())
    junit = sorted((root / "junit").glob("*.jar"))
    ort, stubs, shim = folder / "ort", folder / "stubs", folder / "libshim.so"
    _javac(TOOLCHAINS / "onnxruntime_java", ort, junit)
    _javac(TOOLCHAINS / "android_stubs", stubs, junit)
    java = Path(_printed("bash", "-c", 'readlink -f "$(command -v javac)"').strip()).parents[1]
    _printed(
        *(
            "gcc",
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wno-unused-parameter",
            "-Werror",
            "-O1",
            "-shared",
            "-fPIC",
        ),
        *(f"-I{java}/include", f"-I{java}/include/linux", f"-I{root}/include"),
        *(str(TOOLCHAINS / "onnxruntime_java" / "native.c"), "-o", str(shim), "-ldl"),
    )
    compiler = root / "compiler"
    coroutines = compiler / "lib" / "kotlinx-coroutines-core-jvm.jar"
    properties = [f"-Dedgekit.ort.shim={shim}", f"-Dedgekit.ort.library={libraries[0]}"]
    return Jvm(compiler, [coroutines, *junit, ort, stubs], properties)


def _javac(sources: Path, made: Path, jars: Sequence[Path]) -> None:
    files = sorted(map(str, sources.rglob("*.java")))
    _printed("javac", "-cp", os.pathsep.join(map(str, jars)), "-d", str(made), *files)


def _printed(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
