"""How long `edgekit --help` takes, against the floor of starting Python with click.

Limit: the interpreter's own start plus importing click; nothing edgekit does can be below that.
Run: python benchmarks/command_start.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 15
COMMANDS = {
    "edgekit --help": [sys.executable, "-m", "edgekit", "--help"],
    "floor: python + click": [sys.executable, "-c", "import click"],
    "transformers: import": [sys.executable, "-c", "import transformers"],
}


def main() -> None:
    print("Limit: the start of Python plus `import click` (second row). Whole processes, interleaved.\n")
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_ in range(ROUNDS + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if round_:  # the first is a warm-up
                seconds[name].append(time.perf_counter() - started)
    print(f"{'command':<24}{'median s':>10}{'min':>8}{'max':>8}")
    for name, values in seconds.items():
        print(f"{name:<24}{statistics.median(values):>10.3f}{min(values):>8.3f}{max(values):>8.3f}")
    figures = {name: {"median_s": statistics.median(v), "min_s": min(v)} for name, v in seconds.items()}
    print(json.dumps({"benchmark": "command_start", "rounds": ROUNDS, "target_s": 0.3, "figures": figures}))


if __name__ == "__main__":
    main()
