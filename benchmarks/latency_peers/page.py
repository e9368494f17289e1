"""The results of exported_latency.py as Markdown, and where they go in its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.files import atomic

START, END = "<!-- measured -->", "<!-- /measured -->"


def limit_text(limits: dict[str, Any]) -> str:
    """Peaks and floors, one paragraph and one table per number of threads."""
    return "\n\n".join(_limit(told, threads) for threads, told in limits.items())


def _limit(told: dict[str, Any], threads: str) -> str:
    peaks, rates, weights = told["operations_per_s"], told["bytes_per_s"], told["product_weights"]
    shortest = min(told["ms"], key=int)
    smallest = told["ms"][shortest]
    lines = [
        f"Limit on {_threads(threads)}: {peaks['fp32'] / 1e9:,.0f} GFLOP/s in fp32 products and "
        f"{peaks['int8'] / 1e9:,.0f} GOP/s in int8 ones. The student's {weights / 1e6:.1f} M product weights "
        f"are read at {rates['fp32'] / 1e9:.0f} GB/s in fp32 and {rates['int8'] / 1e9:.0f} GB/s in int8, in "
        f"{smallest['reading_fp32']:.2f} and {smallest['reading_int8']:.2f} ms at any length; their products "
        f"at {shortest} tokens take {smallest['products_fp32']:.2f} and {smallest['products_int8']:.2f} ms.",
        "",
        "| ms at least, tokens | products fp32 | products int8 | attention | GELU | softmax | "
        "normalisation | quantization | sum fp32 | sum int8 |",
        "| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    columns = (
        *("products_fp32", "products_int8", "attention", "gelu", "softmax", "normalisation"),
        *("quantization", "floor_fp32", "floor_int8"),
    )
    for length, ms in told["ms"].items():
        lines.append(f"| {length} | {' | '.join(f'{ms[column]:.2f}' for column in columns)} |")
    return "\n".join(lines)


def _threads(threads: str) -> str:
    return f"{threads} thread" + ("" if threads == "1" else "s")


def text(told: dict[str, Any]) -> str:
    """Everything that was measured, as the page shows it."""
    environment = told["environment"]
    cpu = environment["cpu"]
    versions = {k: v for k, v in environment["versions"].items() if v} | told["peers"]
    parts = [
        f"`{told['command']}`, {environment['date_utc'][:10]}, on {cpu['usable_cores']} cores of an "
        f"{cpu['model']} ({', '.join(cpu['features'])}), load {environment['load_average'][0]:.1f} at the "
        "start; " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        limit_text(told["limit"]),
        *(times_text(told, threads) for threads in told["threads"]),
        ratios_text(told["ratios"], told["not_measured"]),
    ]
    return "\n\n".join(part for part in parts if part)


def times_text(told: dict[str, Any], threads: str) -> str:
    """Wall and CPU times on so many threads, with size and accuracy."""
    times = told["threads"][threads]["ms"]
    columns = list(next(iter(times.values()), {}))
    titles = [f"{c} tokens" if c != "test" else "a test row, mean" for c in columns]
    cores = "CPU ms" if threads == "1" else "CPU ms, calling thread + others"
    lines = [
        f"### {_threads(threads)}",
        "",
        f"Median ms [p10, p90] of {told['rounds']} calls.",
        "",
        f"| contestant | MB | accuracy % | same label % | {' | '.join(titles)} |",
        f"| :-- | --: | --: | --: |{' --: |' * len(columns)}",
    ]
    for name, cells in times.items():
        shown = [
            f"{cell['mean']:.2f}" if column == "test" else
            f"{cell['median']:.2f} [{cell['p10']:.2f}, {cell['p90']:.2f}]"
            for column, cell in cells.items()
        ]  # fmt: skip
        same = told["agreement"].get(name)
        lines.append(
            f"| {name} | {told['size_bytes'][name] / 1e6:.1f} | {100 * told['accuracy'][name]:.1f} | "
            f"{'' if same is None else f'{100 * same:.1f}'} | {' | '.join(shown)} |"
        )
    lines += ["", f"| {cores}, median | {' | '.join(titles).replace(', mean', '')} |"]
    lines.append(f"| :-- |{' --: |' * len(columns)}")
    for name, cells in times.items():
        shown = [
            f"{cell['cpu_own']:.2f}" + ("" if threads == "1" else f" + {cell['cpu_others']:.2f}")
            for cell in cells.values()
        ]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def ratios_text(told: dict[str, Any], missing: dict[str, str]) -> str:
    """Ours against the best other ONNX Runtime route and the teacher; then what was not measured, and why."""
    absent = [f"- Not measured: {name}: {why}" for name, why in missing.items()]
    if not told["rows"]:
        return "\n".join(absent)
    lines = [
        f"### {told['ours']} against the best other ONNX Runtime route",
        "",
        "How many times faster ours is: ratio of medians with its 95 % interval over resampled calls.",
        "",
        "| threads | tokens | best other route | times faster | by the calling thread's CPU | target | |",
        "| --: | --: | :-- | --: | --: | --: | :-- |",
    ]
    for row in told["rows"]:
        wall, own = ("{:.2f} [{:.2f}, {:.2f}]".format(*row[clock]) for clock in ("wall", "own"))
        lines.append(
            f"| {row['threads']} | {row['column']} | {row['best']} | {wall} | {own} | {row['target']:g} | "
            f"{'reached' if row['reached'] else 'missed'} |"
        )
    lines += [""] * bool(told["teacher"])
    for threads, than in told["teacher"].items():
        faster = ", ".join(f"{times:.1f} at {column}" for column, times in than["faster"].items())
        lines.append(
            f"- Than the teacher's fp32 file, on {_threads(threads)}: {than['smaller']:.1f} times smaller; "
            f"times faster: {faster}."
        )
    return "\n".join([*lines, *absent])


def write(page: Path, text: str) -> None:
    """Puts the text between the page's marks."""
    told = page.read_text(encoding="utf-8")
    before, after = told.split(START)[0], told.split(END)[1]
    with atomic(page) as temporary:
        temporary.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", encoding="utf-8")
