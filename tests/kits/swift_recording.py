"""Texts that a real package writes in Python, with the logits of every step, for Swift to replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgekit.kits.generation.interface import Generation, to_hex
from edgekit.kits.generation.random import KitRandom
from edgekit.kits.generation.text import PieceStream
from edgekit.runtimes.decoder import open_decoder
from edgekit.runtimes.decoder_sampling import Sampling, choose


@dataclass
class Recording:
    """Writes as `edgekit.runtimes.decoder_generate` does, with the random numbers and the text of kits."""

    package: Path
    generation: Generation
    lines: list[str] = field(default_factory=list)
    held: list[int] = field(default_factory=list)  # what the kit's caches hold

    def __post_init__(self) -> None:
        self._opened = open_decoder(self.package)
        self.lines += [f"vocabulary {self.generation.vocabulary}", f"context {self.generation.context}"]

    def write(
        self, prompt: Sequence[int], most: int, sampling: Sampling, stop: Sequence[str] = ()
    ) -> list[int]:
        """Adds the lines of one text; the kit's next text finds this one in its caches."""
        runner, generation = self._opened.runner, self.generation
        room = generation.context - len(prompt)
        draws, written, text = KitRandom(sampling.seed or 0), list[int](), ""
        stream = PieceStream(generation.pieces, strip=generation.strip, stop=stop)
        ending = "length" if most <= room else "context"
        runner.begin(len(prompt) + min(most, room))
        logits = runner.extend(prompt)[-1]
        while True:
            so_far = [*prompt, *written]
            self.lines.append(f"logits {_list(so_far)} {_list(map(repr, map(float, logits)))}")
            written.append(choose(logits, sampling, so_far, draws))  # type: ignore[arg-type]
            if written[-1] in generation.stop_ids:
                ending = "stopToken"
                break
            text += stream.add(written[-1])
            if stream.stopped or len(written) == min(most, room):
                break
            logits = runner.extend(written[-1:])[-1]
        text += stream.end()
        s = sampling
        options = (most, s.repetition_penalty, s.temperature, s.top_k, s.top_p, s.min_p, s.seed or 0)
        reused = next(
            (i for i, (a, b) in enumerate(zip(self.held, prompt[:-1], strict=False)) if a != b),
            min(len(self.held), len(prompt) - 1),
        )
        self.held = [*prompt, *written[:-1]]
        told = [_list(options), _list(map(to_hex, stop)), _list(prompt), _list(written), to_hex(text)]
        self.lines.append(" ".join(["expect", *told, "stopText" if stream.stopped else ending, str(reused)]))
        return written


def record(package: Path, generation: Generation, path: Path) -> int:
    """Records every way of choosing, a prompt that is read in parts, a conversation, and every ending.

    Returns:
        How many texts.
    """
    made = Recording(package, generation)
    words = np.random.default_rng(0).integers(1, generation.vocabulary, size=generation.context).tolist()
    for number, sampling in enumerate(
        (
            Sampling(),
            Sampling(repetition_penalty=1.3),
            Sampling(temperature=1.0, seed=1),
            Sampling(temperature=0.7, top_k=7, seed=2),
            Sampling(temperature=2.0, top_p=0.8, seed=3),
            Sampling(
                repetition_penalty=0.8, temperature=1.5, top_k=40, top_p=0.95, min_p=0.02, seed=2**53 - 1
            ),
        )
    ):
        made.write(words[number : number + 9], 12, sampling)
    # In two parts, and then what was said goes on.
    first = made.write(words[:140], 5, Sampling(temperature=1.0, seed=4))
    second = [*words[:140], *first, *words[140:150]]
    written = made.write(second, 6, Sampling())
    made.write(second[:150], 4, Sampling(temperature=1.0, seed=5))
    made.write(words[: generation.context - 3], 9, Sampling())
    # A stop text in the middle of what comes.
    text = b"".join(generation.pieces[i] or b"" for i in written).decode("utf-8", "ignore")
    made.write(second, 6, Sampling(), stop=("never", text[1:3]))
    path.write_text("".join(f"{line}\n" for line in made.lines), encoding="ascii")
    return sum(line.startswith("expect") for line in made.lines)


def _list(items: object) -> str:
    return ",".join(map(str, items)) or "-"  # type: ignore[call-overload]
