"""The results of llm_decode.py as Markdown, and where they go in their page."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from edgekit.files import atomic

START, END = "<!-- measured -->", "<!-- /measured -->"


def write(page: Path, told: dict[str, Any]) -> None:
    """Puts the results between the page's marks."""
    before, after = (page.read_text(encoding="utf-8").split(mark)[i] for i, mark in enumerate((START, END)))
    text = "\n\n".join([_measured_on(told), *(page_text(told, threads) for threads in told["threads"])])
    with atomic(page) as temporary:
        temporary.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def rates(found: dict[str, Any], part: str, count: int, clock: str = "wall_s") -> list[float]:
    """Tokens per second of each repeat; `part` is "decode" or a prompt's length."""
    samples = [s["decode"] if part == "decode" else s["prefill"][part] for s in found["samples"]]
    return [count / sample[clock] for sample in samples]


def page_text(told: dict[str, Any], threads: str) -> str:
    """The results on so many threads as Markdown."""
    settings, result = told["settings"], told["threads"][threads]
    prompts = settings["prompts"]
    lines = [
        f"**{threads} thread{'s' if threads != '1' else ''}**, memory read at "
        f"{result['bandwidth'] / 1e9:.1f} GB/s. "
        f"Tokens per second of wall clock, median ± sd of {settings['repeats']}; in brackets per second of "
        "CPU time of all threads.",
        "",
        f"| | MB | peak MB | {' | '.join(f'prefill {n}' for n in prompts)} | decode | of bound |",
        f"|---|---:|---:|{'---:|' * len(prompts)}---:|---:|",
    ]
    for name, found in result["contestants"].items():
        if not found["samples"]:
            continue
        cells = [_cell(found, str(n), n) for n in prompts] + [_cell(found, "decode", settings["tokens"])]
        share = (
            statistics.median(rates(found, "decode", settings["tokens"]))
            * found["size_bytes"]
            / result["bandwidth"]
        )
        lines.append(
            f"| {name} | {found['size_bytes'] / 1e6:.0f} | {(found['peak_bytes'] or 0) / 1e6:.0f} | "
            f"{' | '.join(cells)} | {100 * share:.0f} % |"
        )
    lines += ["", *_verdicts(told, result)]
    return "\n".join(lines)


def _cell(found: dict[str, Any], part: str, count: int) -> str:
    wall, cpu = (rates(found, part, count, clock) for clock in ("wall_s", "cpu_s"))
    sd = statistics.stdev(wall) if len(wall) > 1 else 0.0
    return f"{statistics.median(wall):.0f} ± {sd:.0f} ({statistics.median(cpu):.0f})"


def _verdicts(told: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Ours against the best peer at 4 bits, in each column, by the wall clock."""
    settings = told["settings"]
    lines = []
    for part, count in (*((str(n), n) for n in settings["prompts"]), ("decode", settings["tokens"])):
        medians = {
            name: statistics.median(rates(found, part, count))
            for name, found in result["contestants"].items()
            if found["samples"] and name in told["four_bits"]
        }
        ours = {name: value for name, value in medians.items() if name in told["ours"]}
        peers = {name: value for name, value in medians.items() if name not in told["ours"]}
        if ours and peers:
            mine, best = max(ours, key=ours.__getitem__), max(peers, key=peers.__getitem__)
            what = part if part == "decode" else f"prefill {part}"
            lines.append(f"- {what}: {mine} ÷ {best} = {ours[mine] / peers[best]:.2f} (target 1.0)")
    return lines


def _measured_on(told: dict[str, Any]) -> str:
    environment, lines = told["environment"], []
    cpu = environment["cpu"]
    lines.append(
        f"Measured {environment['date_utc'][:10]} on {cpu['model']}, {cpu['usable_cores']} cores, load "
        f"before {environment['load_average'][0]}: `{told['command']}`."
    )
    runtimes = {found["runtime"] for r in told["threads"].values() for found in r["contestants"].values()}
    lines += ["", *(f"- {runtime}" for runtime in sorted(runtimes))]
    lines += [f"- {name}: not measured: {why}" for name, why in told["not_measured"].items()]
    return "\n".join(lines)
