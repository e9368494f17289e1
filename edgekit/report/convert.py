"""One seam → one record of `report.json`."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.ort_format import OrtFile
from edgekit.report.document import (
    ArtifactRecord,
    BaselineRecord,
    CurvePointRecord,
    GateRecord,
    IntervalRecord,
    ModelRecord,
    OrtRecord,
    ParityRecord,
    QuantizationRecord,
    ShapeRecord,
    SkippedLayer,
    TimingRecord,
    UnroundedRecord,
    WeightRecord,
)
from edgekit.report.results import ArtifactResult, BaselineResult, ModelResult
from edgekit.types import CurvePoint, Interval, Parity, Quantized, Timing, Unrounded


def interval_record(interval: Interval | None) -> IntervalRecord | None:
    """An interval, or nothing."""
    if interval is None:
        return None
    return IntervalRecord(value=interval.value, low=interval.low, high=interval.high)


def _scored(interval: Interval | None) -> dict[str, float | None]:
    if interval is None:
        return {"score": None, "score_low": None, "score_high": None}
    return {"score": interval.value, "score_low": interval.low, "score_high": interval.high}


def model_record(result: ModelResult | None) -> ModelRecord | None:
    """A teacher or a student; what it did not train itself stays null."""
    if result is None:
        return None
    trained = result.trained
    parameters = result.parameters
    return ModelRecord(
        name=result.name,
        **_scored(result.score),
        rmse=result.rmse,
        parameters=trained.parameters if parameters is None and trained else parameters,
        size_bytes=result.size_bytes,
        sha256=trained.sha256 if trained else None,
        seconds=trained.seconds if trained else None,
        samples_per_second=trained.samples_per_second if trained else None,
        device=trained.device if trained else None,
        precision=trained.precision if trained else None,
    )


def baseline_record(result: BaselineResult) -> BaselineRecord:
    """A baseline with its score or, always, with the reason why there is none."""
    missing = result.not_measured or "No reason was recorded."
    return BaselineRecord(
        **_scored(result.score), rmse=result.rmse, not_measured="" if result.score else missing
    )


def point_record(point: CurvePoint) -> CurvePointRecord:
    """One evaluation; a loss that is not finite becomes null."""
    return CurvePointRecord(
        step=point.step,
        epoch=point.epoch,
        train_loss=_finite(point.train_loss),
        validation_score=point.validation_score,
    )


def artifact_record(result: ArtifactResult, folder: Path) -> ArtifactRecord:
    """One file, its path written relative to `folder`; its score is the benchmark's or else parity's."""
    artifact, parity, timing = result.artifact, result.parity, result.timing
    score = _scored(timing.score if timing else None)
    if score["score"] is None and parity is not None:
        score["score"] = _finite(parity.metric)
    relative = os.path.relpath(artifact.path, folder)  # Path.relative_to can't walk up before Python 3.12
    return ArtifactRecord(
        name=artifact.name,
        model=result.model,
        target=artifact.target,
        precision=artifact.precision,
        path=Path(relative).as_posix(),
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        parameters=artifact.parameters,
        **score,
        parity=_parity(parity) if parity else None,
        timing=timing_record(timing) if timing else None,
        quantization=_quantization(result.quantized) if result.quantized else None,
        rejected=bool(result.rejected_because),
        rejected_because=result.rejected_because,
        ort=_ort(result.ort, folder) if result.ort else None,
    )


def _ort(file: OrtFile, folder: Path) -> OrtRecord:
    return OrtRecord(
        path=Path(os.path.relpath(file.path, folder)).as_posix(),
        operators=Path(os.path.relpath(file.operators, folder)).as_posix(),
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        difference=file.difference,
    )


def _parity(parity: Parity) -> ParityRecord:
    return ParityRecord(
        reference=parity.reference,
        executed=parity.executed,
        passed=parity.passed,
        runtime=parity.runtime,
        samples=parity.samples,
        max_abs_error=_finite(parity.max_abs_error),
        cosine=_finite(parity.cosine),
        label_agreement=_finite(parity.label_agreement),
        metric_drop=_finite(parity.metric_drop),
        shapes=tuple(
            ShapeRecord(
                batch=s.batch,
                length=s.length,
                max_abs_error=_finite(s.max_abs_error),
                cosine=_finite(s.cosine),
            )
            for s in parity.shapes
        ),
        gates=tuple(
            GateRecord(
                name=g.name,
                limit=g.limit,
                value=_finite(g.value),
                passed=g.passed,
                interval=interval_record(g.interval),
                measured_on=g.measured_on,
            )
            for g in parity.gates
        ),
        checks=parity.checks,
        failures=parity.failures,
        unrounded=_unrounded(parity.unrounded) if parity.unrounded else None,
        meaning=parity.meaning,
    )


def _unrounded(found: Unrounded) -> UnroundedRecord:
    return UnroundedRecord(
        samples=found.samples,
        max_abs_error=_finite(found.max_abs_error),
        cosine=_finite(found.cosine),
        label_agreement=_finite(found.label_agreement),
        metric=_finite(found.metric),
        metric_drop=_finite(found.metric_drop),
    )


def timing_record(timing: Timing) -> TimingRecord:
    """One benchmark row."""
    return TimingRecord(
        name=timing.artifact,
        protocol=timing.protocol,
        runtime=timing.runtime,
        compute_units=timing.compute_units,
        warmup=timing.warmup,
        runs=timing.runs,
        p50_ms=timing.p50_ms,
        p90_ms=timing.p90_ms,
        p99_ms=timing.p99_ms,
        end_to_end_p50_ms=timing.end_to_end_p50_ms,
        end_to_end_p90_ms=timing.end_to_end_p90_ms,
        end_to_end_p99_ms=timing.end_to_end_p99_ms,
        pass_seconds=timing.pass_seconds,
        peak_bytes=timing.peak_bytes,
        speedup=interval_record(timing.speedup),
        retained=interval_record(timing.retained),
        not_measured=timing.not_measured,
    )


def _quantization(quantized: Quantized) -> QuantizationRecord:
    bits = Counter(layer.bits for layer in quantized.layers)
    return QuantizationRecord(
        scheme=_scheme(quantized),
        weights_by_bits={str(width): bits[width] for width in sorted(bits)},
        skipped=tuple(
            SkippedLayer(name=layer.name, bits=layer.bits, reason=layer.skipped_because)
            for layer in quantized.layers
            if layer.skipped_because
        ),
        weights=tuple(
            WeightRecord(
                name=layer.name,
                bits=layer.bits,
                scheme=layer.scheme,
                effects={scheme: _finite(e) for scheme, e in quantized.measured[layer.name].items()},
            )
            for layer in quantized.layers
            if layer.name in quantized.measured
        ),
    )


def _scheme(quantized: Quantized) -> str:
    """The scheme's name; of a mixed plan also how many weights have which."""
    counts = Counter(layer.scheme for layer in quantized.layers if layer.scheme)
    if len(counts) < 2:
        return quantized.scheme
    return f"{quantized.scheme}: {', '.join(f'{n} {name}' for name, n in counts.most_common())}"


def _finite(value: float | None) -> float | None:
    """An artifact that overflows measures NaN: the report must still be written, and say so."""
    return value if value is not None and math.isfinite(value) else None


def environment_record(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The environment as JSON values: paths and versions become text."""
    from pydantic_core import to_jsonable_python

    return {str(key): to_jsonable_python(value, fallback=str) for key, value in environment.items()}
