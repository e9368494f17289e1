"""A decoder's report: two verified files, one rejected, one timed, a kit and a kit that is missing."""

from __future__ import annotations

from edgekit.decoder_parity import DecoderParity, StoredParity, TextParity
from edgekit.llm_timing import Figure, FirstToken, LlmBench, LlmSettings, LlmTiming
from edgekit.report.document import KitRecord
from edgekit.report.language import DecoderFigures, ExportedDecoder, LanguageReport
from edgekit.types import CurvePoint, Gate, Interval

INT4 = "student-onnxruntime-int4"


def parity(artifact: str, mean_kl: float | None, *, passed: bool = True) -> DecoderParity:
    return DecoderParity(
        artifact=artifact,
        reference="student, transformers 5 (fp32)",
        runtime="edgekit.mil, reference semantics" if "coreml" in artifact else "onnxruntime 1.31 (CPU)",
        precision=artifact.rsplit("-", 1)[1],
        texts=(TextParity("Once upon a time", 5, 5, mean_kl, 0.8, 32, 7),),
        positions=283,
        mean_kl=mean_kl,
        max_kl=None if mean_kl is None else 4 * mean_kl,
        top1=0.58,
        top5=0.629,
        perplexity=23.4,
        reference_perplexity=17.6,
        predicted=242,
        written=320,
        same=14,
        phases_kl=0.0,
        seconds=1.0,
        gates=(Gate("mean KL", 0.75, mean_kl if mean_kl is not None else 9.0, passed),),
        stored=StoredParity(107, 77_873_472, 0.5),
    )


def exported(name: str, path: str, size: int, kl: float | None, why: str = "") -> ExportedDecoder:
    sha256 = {INT4: "a" * 64}.get(name, "c" * 64)
    return ExportedDecoder(name, path, size, parity(name, kl, passed=not why), why, sha256)


def model(name: str, perplexity: float, kl: float | None, scores: tuple[float, ...] = ()) -> DecoderFigures:
    return DecoderFigures(
        name=name,
        parameters=134_515_008 if name == "teacher" else 77_873_472,
        size_bytes=538_090_408 if name == "teacher" else 311_508_136,
        perplexity=Interval(perplexity, 0.9 * perplexity, 1.1 * perplexity),
        kl=None if kl is None else Interval(kl, kl - 0.05, kl + 0.05),
        same=None if kl is None else Interval(0.372, 0.364, 0.380),
        seconds=876.9 if scores else 0.0,
        curve=tuple(CurvePoint(7 * i, i / 2, 5.0 / i, score) for i, score in enumerate(scores, 1)),
    )


def speeds() -> LlmBench:
    """One row as measured, and one that says why it was not."""
    timed = LlmTiming(
        INT4,
        "onnxruntime 1.31 (CPU)",
        67_000_000,
        first_token=tuple(FirstToken(n, Figure(n * 1.2, 3.0, (1.0,))) for n in (128, 512)),
        decode=Figure(150.0, 22.0, (150.0,), bound=357.1, share=0.42),
        load_ms=Figure(344.5, 8.0, (344.5,)),
        peak_bytes=223_800_000,
    )
    silent = LlmTiming("student-coreml-int4", "none", 57_300_000, not_measured="Only on macOS.")
    return LlmBench((timed, silent), LlmSettings(), 35.5e9, {})


def decoder_report(description: str = "Half of the layers, distilled on stories.") -> LanguageReport:
    return LanguageReport(
        task="text-generation",
        name="stories",
        description=description,
        command="edgekit run stories",
        created="2026-03-01T10:00:00+00:00",
        recipe_yaml="name: stories",
        teacher=model("teacher", 35.1, None),
        student=model("student", 216.0, 2.46, (0.002, 0.004)),
        label_only=model("label-only", 155.7, 3.28, (0.002, 0.003)),
        kl_gain=Interval(0.822, 0.746, 0.892),
        documents={"train": 188, "validation": 4, "test": 8},
        tokens={"train": 27_922, "validation": 470, "test": 479},
        dropped={"over_limit": 3},
        sources=[{"name": "data", "uri": "stories.txt", "sha256": "d" * 64, "license": None}],
        artifacts=(
            exported(INT4, "student/onnxruntime-int4", 67_000_000, 0.432),
            exported("student-coreml-int4", "student/coreml/model_int4.mlpackage", 57_300_000, 0.447),
            exported("student-coreml-palette4", "rejected/p4.mlpackage", 52_000_000, None, "mean KL is 9"),
        ),
        stages=[{"name": "plan", "seconds": 1.5, "reused": False}],
        environment={"os": "Linux"},
        kits=(
            KitRecord(platform="web", path="kits/web", artifact=INT4, size_bytes=9, use=("npm install web",)),
            KitRecord(platform="swift", missing="No coreml artifact passed its gates."),
        ),
        speeds=speeds(),
        edgekit_version="0.1.0",
    )
