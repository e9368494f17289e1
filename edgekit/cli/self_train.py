"""`edgekit self-train`: ReST-EM, a decoder trained on its own right answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgekit.cli import console
from edgekit.cli.options import device_option, json_option, out_option, quiet_option
from edgekit.cli.tune import tuning_options

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Train a language model on its own right answers.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--prompts", type=_FILE, required=True, help="JSON lines with prompt and what the reward needs."
)
@click.option("--held-out", type=_FILE, help="Prompts to judge by. [default: a share of --prompts]")
@click.option(
    "--reward", required=True, help="exact (needs answer), regex, unit-test (test), or your module:function."
)
@click.option("--iterations", type=click.IntRange(1), default=2, show_default=True)
@click.option("--samples", type=click.IntRange(1), default=8, show_default=True, help="Of each prompt.")
@click.option("--keep", type=click.IntRange(1), default=4, show_default=True, help="Right ones of a prompt.")
@click.option(
    "--held-out-samples", type=click.IntRange(1), default=8, show_default=True, help="The k of pass@k."
)
@click.option("--temperature", type=float, default=0.7, show_default=True)
@click.option(
    "--tokens", type=click.IntRange(1), default=128, show_default=True, help="Of a sample, at most."
)
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Samples drawn at once.")
@click.option("--stop", multiple=True, help="A text that ends a sample; \\n is a line end. Repeatable.")
@click.option("--chat", is_flag=True, help="Put prompts into the model's chat template.")
@tuning_options("lora")
@device_option
@out_option(help="Folder of samples, models and figures.")
@json_option
@quiet_option
def command(
    model: Path, prompts: Path, held_out: Path | None, reward: str, out: Path | None, as_json: bool,
    quiet: bool, iterations: int, samples: int, keep: int, held_out_samples: int, temperature: float,
    tokens: int, batch: int, stop: tuple[str, ...], chat: bool, **tuning: Any,
) -> None:  # fmt: skip
    """Train MODEL on its own samples that a reward calls right (ReST-EM).

    Every iteration starts from the base. Shows pass@1 and pass@k of every model on held-out prompts. A run
    that was stopped goes on when it is started again: no finished prompt is sampled twice.

    \b
    Examples:
      edgekit self-train my-model --prompts sums.jsonl --reward exact --stop '\\n' --tokens 8 -o better
      edgekit self-train my-model --prompts tasks.jsonl --reward unit-test --chat --iterations 3 -o better
      edgekit self-train my-model --prompts mine.jsonl --reward my_rewards:judge -o better
    """
    from edgekit.tuning import Plan, Settings, self_train

    if out is None:
        raise click.UsageError("Give --out.")
    console.start(quiet=quiet, as_json=as_json)
    plan = Plan(
        iterations=iterations,
        samples=samples,
        keep=keep,
        held_out_samples=held_out_samples,
        temperature=temperature,
        tokens=tokens,
        batch=batch,
        stop=tuple(text.replace("\\n", "\n") for text in stop),
        chat=chat,
        tuning=Settings(validation=0.0, **tuning),
    )
    result = self_train(model, prompts, out, reward=reward, plan=plan, held_out=held_out)
    if as_json:
        console.emit_json(result)
        return
    at = list(result.iterations[0].pass_at)
    console.table(
        ("model", *(f"pass@{k}" for k in at), "rows learned", "prompts solved"),
        [
            (
                str(one.number) if one.number else "base",
                *(f"{one.pass_at[k]:.3f}" for k in at),
                "–" if one.kept is None else str(one.kept),
                "–" if one.solved is None else f"{one.solved:.1%}",
            )
            for one in result.iterations
        ],
        right=range(1, len(at) + 3),
    )
    if result.best.number:
        console.say(f"Model: {out / f'iteration-{result.best.number}' / 'model'}")
    else:
        console.say("No model is better than the base.")
