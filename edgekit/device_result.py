"""What an app kit measures on a device, as its benchmark writes it: the input of `edgekit bench import`.

docs/device-result.schema.json is made from these classes: `python -m edgekit.device_result docs`. The kits in
Swift, Kotlin and TypeScript write this layout; a change here is a change there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = "edgekit device result 1.0"

# How a decoder is measured, as every kit's benchmark says it; another way gets another number.
LLM_PROTOCOL = "llm 1.0: a prompt, then 64 tokens one by one, each the likeliest"

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Figure = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

_MODEL_MS = "Milliseconds a sample, preparing it (tokenization, resizing) excluded."
_ANSWER_MS = "Milliseconds a sample, from the text or the decoded pixels to the answer."


class _Part(BaseModel):
    # Strict: a device that writes "12" for 12 has a mistake in its benchmark.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Artifact(_Part):
    """What was run, as the kit's manifest names it."""

    name: str = Field(description="Name of the artifact.")
    target: Literal["coreml", "onnx", "onnxruntime"] = Field(description="What it was exported for.")
    precision: str = Field(description="How its weights are stored.")
    task: str = Field(description="What it does: text-classification …")
    sha256: Sha256 = Field(
        description="Of the exported file, or of the package's names and contents; an import must match it."
    )
    size_bytes: Count = Field(description="Bytes of the file or package.")
    parameters: Count = Field(description="Number of weights.")


class Kit(_Part):
    """The kit that measured."""

    platform: Literal["swift", "android", "web"] = Field(description="What the kit is for.")
    edgekit_version: str = Field(description="Version that wrote the kit.")


class Device(_Part):
    """Nothing in it names a person or a network."""

    model: str = Field(description="The maker's name of it: iPhone16,1; Pixel 9; a browser's platform.")
    chip: str | None = Field(None, description="The processor, where the system tells.")
    os: str = Field(description="Name and version; for a web page also the browser's.")
    logical_cores: Positive = Field(description="Cores that the system shows.")
    memory_bytes: Count | None = Field(None, description="Of the device.")
    simulated: bool = Field(
        description="A simulator, an emulator or a stand-in: its figures say nothing of a device."
    )
    low_power: bool | None = Field(None, description="Whether the system was saving power.")


class Answers(_Part):
    """The device's answers beside the verified ones."""

    samples: Positive = Field(description="Texts or images compared.")
    max_abs_error: Figure | None = Field(
        None, description="Of the output's numbers: probabilities, or what the task gives; null: it writes."
    )
    label_agreement: Share | None = Field(
        None, description="Share of samples with the same first label, 0–1; null: the task has none."
    )
    token_agreement: Share | None = Field(
        None,
        description="Of a decoder: share of the verified continuations' tokens that it wrote too, each time "
        "the likeliest, up to where two are as good as equal; null: it is none.",
    )


class Generation(_Part):
    """How quickly a decoder goes on after a prompt of one length, each time with the likeliest token."""

    prompt_tokens: Positive = Field(description="Tokens of the prompt; nothing of it was read before.")
    new_tokens: Count = Field(description="Tokens written after the first.")
    runs: Positive = Field(description="Timed texts.")
    first_token_p50_ms: Figure = Field(description="Milliseconds until the first token is known.")
    first_token_p90_ms: Figure = Field(description="Milliseconds until the first token is known.")
    tokens_per_second: Figure = Field(description="Of the tokens after the first; median over texts.")
    tokens_per_second_sd: Figure | None = Field(
        None,
        description="Sample standard deviation of that over texts; null: not recorded.",
    )
    next_token_p50_ms: Figure = Field(description="Milliseconds a token after the first.")
    next_token_p99_ms: Figure = Field(description="Milliseconds a token after the first.")


class Row(_Part):
    """One way of running the model; null: not measured, and `not_measured` says why."""

    protocol: str = Field(description=f"How it was measured; of a decoder “{LLM_PROTOCOL}”.")
    runtime: str = Field(description="What ran it, with its version.")
    compute_units: str | None = Field(
        None,
        description="What it was allowed to use: Core ML's units (all, cpuOnly, cpuAndGPU, "
        "cpuAndNeuralEngine), or an ONNX Runtime provider.",
    )
    threads: Positive | None = Field(
        None, description="Threads of one answer, where the runtime lets them be chosen."
    )
    texts: Positive = Field(description="Different texts, or images, that were run.")
    warmup: Count = Field(description="Untimed runs before the first timed one.")
    runs: Count = Field(description="Timed runs of prepared samples, and as many that prepare them.")
    minimum_seconds: Figure = Field(description="How long was measured at least.")
    load_ms: Figure | None = Field(
        None, description="Milliseconds to open the model and its tokenizer, on-device compilation left out."
    )
    pass_seconds: Figure | None = Field(
        None,
        description="Seconds of one full pass over the samples at batch 1, preparing them excluded; median "
        "over passes.",
    )
    p50_ms: Figure | None = Field(None, description=_MODEL_MS)
    p90_ms: Figure | None = Field(None, description=_MODEL_MS)
    p99_ms: Figure | None = Field(None, description=_MODEL_MS)
    end_to_end_p50_ms: Figure | None = Field(None, description=_ANSWER_MS)
    end_to_end_p90_ms: Figure | None = Field(None, description=_ANSWER_MS)
    end_to_end_p99_ms: Figure | None = Field(None, description=_ANSWER_MS)
    peak_bytes: Count | None = Field(
        None, description="Resident memory at its highest, of a process that ran only this row."
    )
    thermal_before: str | None = Field(
        None,
        description="The system's word for its thermal state: nominal, fair, serious, critical on Apple's "
        "systems; none, light, moderate, severe, critical, emergency, shutdown on Android.",
    )
    thermal_after: str | None = Field(None, description="The same, after the last run.")
    answers: Answers | None = Field(None, description="null: no sample had a verified answer.")
    generation: Annotated[tuple[Generation, ...], Field(min_length=1, strict=False)] | None = Field(
        None, description="Of a decoder, for each length of prompt; null: it is none."
    )
    not_measured: str = Field(description="Why a field is null; empty when none is.")


class DeviceResult(_Part):
    """What a kit measured on a device: the input of `edgekit bench import`."""

    format: Literal["edgekit device result 1.0"] = Field(description="This layout.")
    date_utc: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")] = Field(
        description="When it was written."
    )
    artifact: Artifact = Field(description="What was run.")
    kit: Kit = Field(description="What ran it.")
    device: Device = Field(description="Where it ran.")
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)] = Field(
        description="One for each way of running it."
    )


def device_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a result file."""
    made = DeviceResult.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        **{key: value for key, value in _untitled(made).items()},
    }


def _untitled(value: Any) -> Any:
    """Without the titles that pydantic makes of field names: they say nothing new."""
    if isinstance(value, dict):
        return {k: _untitled(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_untitled(v) for v in value] if isinstance(value, list) else value


if __name__ == "__main__":
    from edgekit.files import write_json

    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs") / "device-result.schema.json"
    write_json(path, device_schema())
    print(path)
