"""Every mode learns, does what its paper says, and continues after a kill to the same bits."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.data.batching import length_buckets
from edgekit.data.tokens import tokenise
from edgekit.distill.collate import Collator
from edgekit.distill.device import Placement, autocast
from edgekit.distill.distiller import Distiller
from edgekit.distill.judge import make_judge
from edgekit.distill.loop import Job, train
from edgekit.distill.modes import LABELS_ONLY, SILENT, make_distiller
from edgekit.distill.teacher import LiveTeacher
from edgekit.errors import TrainingError
from edgekit.models.load import load_model
from edgekit.models.student import build_student
from edgekit.recipe.schema import Adversarial, Distill, HardSamples, LossWeights, Snapshot
from edgekit.tasks import get_task
from edgekit.types import Model, Source
from tests.conftest import reviews

TASK = get_task("text-classification")
PLACE = Placement("cpu", "fp32")
SOFT = LossWeights(**{**SILENT, "labels": 0.5, "soft_targets": 1.0})
EPOCHS = 6


class Lab:
    """A taught teacher, its rows, and jobs on them."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.teacher = load_model(Source("tiny", "0", folder), name="teacher", dropout=0.0)
        texts, names = zip(*reviews(), strict=True)
        self.labels = [int(name == "positive") for name in names]
        self.rows = tokenise(self.teacher.processor, texts, 64)
        self.work = work
        alone = self.distiller(self.teacher, Distill(weights=LABELS_ONLY, epochs=8))
        train(self.job(alone, self.teacher, Distill(epochs=8), "teacher"))
        assert self.score(self.teacher) > 0.95

    def student(self, layers: int = 2, select: str = "uniform", name: str = "student") -> Model:
        """Layers of the teacher, shaken so that there is something to learn."""
        made = build_student(self.teacher, layers=layers, select=select, name=name)
        torch.manual_seed(0)
        for parameter in made.module.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        return made

    def distiller(self, model: Model, config: Distill, **more: Any) -> Distiller:
        return make_distiller(config, task=TASK, student=model.module, classes=2, **more)

    def taught(self, model: Model, config: Distill, **more: Any) -> Distiller:
        return self.distiller(model, config, teacher=self.teacher.module, ask=self.ask, **more)

    def ask(self, needs: Any) -> LiveTeacher:
        return LiveTeacher(self.teacher.module, needs, autocast=autocast(PLACE))

    @property
    def collator(self) -> Collator:
        model = self.teacher
        return Collator(
            self.rows,
            self.labels,
            TASK,
            signature=model.signature,
            pad_id=model.processor.pad_token_id,
            device="cpu",
        )

    def judge(self) -> Any:
        return make_judge("text-classification", self.rows, self.labels, model=self.teacher)

    def score(self, model: Model) -> float:
        return self.judge()(model.module, autocast(PLACE), "cpu")

    def job(self, distiller: Distiller, model: Model, config: Distill, name: str, *, key: str = "k") -> Job:
        lengths = [len(row["input_ids"]) for row in self.rows]
        config = config.model_copy(update={"learning_rate": 3e-3, "checkpoint_every_s": 1e-9})
        return Job(
            title=name,
            model=model,
            distiller=distiller,
            collate=self.collator,
            batches=lambda epoch: length_buckets(lengths, 32, seed=0, epoch=epoch),
            judge=self.judge(),
            config=config,
            seed=0,
            placement=PLACE,
            checkpoint_folder=self.work / name / "checkpoints",
            log_folder=self.work / name / "logs",
            key=key,
        )


@pytest.fixture(scope="module")
def lab(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    torch.set_num_threads(1)
    return Lab(tiny_classifier, tmp_path_factory.mktemp("modes"))


def plain(weights: LossWeights = SOFT, **more: Any) -> Distill:
    return Distill(weights=weights, epochs=EPOCHS, **more)


ALONE = LABELS_ONLY  # the self-teaching modes need no teacher
CASES: dict[str, Callable[[], Distill]] = {
    "supervised": lambda: plain(ALONE),
    "offline": plain,
    "online": lambda: plain(mode="online"),
    "mutual": lambda: plain(ALONE, mode="mutual"),
    "early exits": lambda: plain(ALONE, mode="early_exits"),
    "snapshot, ema": lambda: plain(ALONE, mode="snapshot"),
    "snapshot, epoch": lambda: plain(ALONE, mode="snapshot", snapshot=Snapshot(kind="epoch")),
    "adversarial": lambda: plain(adversarial=Adversarial()),
    "hard samples": lambda: plain(hard_samples=HardSamples()),
    "contrastive": lambda: plain(LossWeights(**{**SILENT, "labels": 1.0, "contrastive": 0.1})),
}


def build(lab: Lab, config: Distill) -> tuple[Model, Distiller]:
    student = lab.student()
    peers = [lab.student(select="last").module] if config.mode == "mutual" else []
    if config.weights == ALONE:
        return student, lab.distiller(student, config, peers=peers)
    if config.mode == "online":
        return student, lab.distiller(student, config, teacher=copy.deepcopy(lab.teacher.module))
    return student, lab.taught(student, config)


@pytest.mark.parametrize("case", CASES)
def test_it_learns_and_continues_after_a_kill_to_the_same_bits(lab: Lab, case: str) -> None:
    config = CASES[case]()
    student, distiller = build(lab, config)
    train(lab.job(distiller, student, config, f"{case} whole"))
    assert lab.score(student) > 0.9

    again, first = build(lab, config)
    original = first.stepped

    def stepped(step: int) -> None:
        original(step)
        if step == 25:
            raise KeyboardInterrupt

    first.stepped = stepped  # type: ignore[method-assign]
    job = lab.job(first, again, config, f"{case} killed")
    with pytest.raises(KeyboardInterrupt):
        train(job)
    assert (job.checkpoint_folder / "state.json").exists()
    resumed, second = build(lab, config)
    train(replace(job, model=resumed, distiller=second))
    whole, continued = distiller.state_dict(), second.state_dict()
    assert whole.keys() == continued.keys()
    for name, value in whole.items():
        assert torch.equal(value, continued[name]), name


def test_a_frozen_teacher_is_neither_trained_nor_saved(lab: Lab) -> None:
    before = copy.deepcopy(lab.teacher.module.state_dict())
    student = lab.student()
    config = plain(adversarial=Adversarial(), hard_samples=HardSamples()).model_copy(update={"epochs": 1})
    distiller = lab.taught(student, config)
    train(lab.job(distiller, student, config, "frozen"))
    for name, value in lab.teacher.module.state_dict().items():
        assert torch.equal(value, before[name]), name
    own = sum(p.numel() for p in student.module.parameters())
    beside = sum(p.numel() for n, p in distiller.named_parameters() if not n.startswith("student."))
    assert sum(p.numel() for p in distiller.parameters()) == own + beside < own + lab.teacher.parameters


def test_the_online_teacher_learns_from_labels_alone(lab: Lab, tiny_classifier: Path) -> None:
    """It ends where it would have ended without a student: no gradient reaches it from there."""
    config = plain(mode="online").model_copy(update={"epochs": 1, "max_grad_norm": 1e9})

    def fresh() -> Model:
        return load_model(Source("tiny", "0", tiny_classifier), name="teacher", dropout=0.0)

    teacher, lone, student = fresh(), fresh(), lab.student()
    distiller = lab.distiller(student, config, teacher=teacher.module)
    train(lab.job(distiller, student, config, "with a student"))
    alone = lab.distiller(lone, Distill(weights=LABELS_ONLY))
    train(lab.job(alone, lone, config.model_copy(update={"keep_best": False}), "without one"))
    for name, value in teacher.module.state_dict().items():
        torch.testing.assert_close(value, lone.module.state_dict()[name], rtol=1e-3, atol=1e-5)


def test_mutual_peers_differ_and_both_learn(lab: Lab) -> None:
    config = CASES["mutual"]()
    student, distiller = build(lab, config)
    start = lab.student().module.state_dict()
    train(lab.job(distiller, student, config, "peers"))
    peer = replace(student, module=distiller.peers[0])
    assert lab.score(peer) > 0.9 and lab.score(student) > 0.9
    ours, theirs = student.module.state_dict(), peer.module.state_dict()
    assert any(not torch.allclose(ours[n], theirs[n], atol=1e-2) for n in ours)
    assert any(not torch.equal(ours[n], start[n]) for n in ours)


def test_mutual_losses_approach_the_others_present_answers(lab: Lab) -> None:
    student, peer = lab.student(), lab.student(select="last")
    distiller = lab.distiller(student, plain(ALONE, mode="mutual"), peers=[peer.module]).eval()
    batch = lab.collator(range(8))
    losses = distiller(batch)
    with torch.no_grad():
        ours, theirs = (m.module.eval()(**batch.inputs).logits / 2 for m in (student, peer))
    kl = (theirs.softmax(-1) * (theirs.log_softmax(-1) - ours.log_softmax(-1))).sum(-1).mean() * 4
    torch.testing.assert_close(losses["peers"], kl, rtol=1e-4, atol=1e-6)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in peer.module.bert.encoder.parameters())


def test_the_running_mean_is_what_a_hand_computes(lab: Lab) -> None:
    student = lab.student()
    config = plain(ALONE, mode="snapshot", snapshot=Snapshot(decay=0.9))
    distiller = lab.distiller(student, config)
    weight = student.module.classifier.weight
    expected = weight.detach().clone()
    for step in range(1, 6):
        weight.data += torch.randn_like(weight)
        distiller.stepped(step)
        expected = 0.9 * expected + 0.1 * weight.detach()
    torch.testing.assert_close(distiller.past.classifier.weight.data, expected)
    assert not any(p.requires_grad for p in distiller.past.parameters())
    assert not distiller.train().past.training, "the past answers without dropout"


def test_the_last_epochs_snapshot_teaches_from_the_second_epoch_on(lab: Lab) -> None:
    student = lab.student()
    distiller = lab.distiller(student, plain(ALONE, mode="snapshot", snapshot=Snapshot(kind="epoch")))
    batch = lab.collator(range(8))
    assert set(distiller(batch)) == {"labels"}
    student.module.classifier.weight.data += 1.0
    distiller.stepped(1)
    assert not torch.equal(distiller.past.classifier.weight, student.module.classifier.weight)
    distiller.epoch_ended(1)
    assert torch.equal(distiller.past.classifier.weight, student.module.classifier.weight)
    assert set(distiller(batch)) == {"labels", "past"}


def test_early_exits_report_what_they_have_right(lab: Lab) -> None:
    student = lab.student(layers=3)
    config = plain(ALONE, mode="early_exits")
    distiller = lab.distiller(student, config)
    train(lab.job(distiller, student, config, "exits"))
    assert set(distiller.accuracy()) == {1, 2}
    assert all(share > 0.9 for share in distiller.accuracy().values())
    with torch.no_grad():  # the report is true: ask the exits themselves
        batch = lab.collator(range(len(lab.rows)))
        hidden = student.module(**batch.inputs, output_hidden_states=True).hidden_states
        said = {k: distiller.exits[str(k)](hidden[k], batch.mask)[1].argmax(-1) for k in (1, 2)}
    for answers in said.values():
        assert (answers == batch.labels).float().mean() > 0.9


def test_nothing_flows_into_the_last_layer_from_what_it_teaches(lab: Lab) -> None:
    student = lab.student(layers=2)
    distiller = lab.distiller(student, plain(ALONE, mode="early_exits"))
    distiller(lab.collator(range(8)))["exit_1"].backward()
    layers = student.module.bert.encoder.layer
    assert all(p.grad is None for p in layers[1].parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layers[0].output.dense.parameters())


def test_the_discriminator_tells_them_apart_until_the_student_learns(lab: Lab) -> None:
    student = lab.student()
    only = LossWeights(**{**SILENT, "labels": 1e-3})
    config = plain(only, adversarial=Adversarial(weight=1.0, hidden_size=32))
    distiller = lab.taught(student, config).eval()
    adversary = distiller.terms[-1]
    critic = torch.optim.Adam(adversary.parameters(), lr=1e-2)
    for step in range(60):  # the discriminator alone
        distiller(lab.collator(range(32 * (step % 9), 32 * (step % 9) + 32)))["adversarial"].backward()
        critic.step()
        distiller.zero_grad()
    apart = adversary.accuracy
    assert apart > 0.9
    both = torch.optim.Adam(distiller.parameters(), lr=1e-3)
    for step in range(120):
        distiller(lab.collator(range(32 * (step % 9), 32 * (step % 9) + 32)))["adversarial"].backward()
        both.step()
        distiller.zero_grad()
    assert adversary.accuracy < apart - 0.2


def test_the_discriminators_two_gradients_stay_apart(lab: Lab) -> None:
    student = lab.student()
    distiller = lab.taught(student, plain(adversarial=Adversarial())).eval()
    adversary, batch = distiller.terms[-1], lab.collator(range(16))
    before = [p.detach().clone() for p in adversary.discriminator.parameters()]
    rate = 0.5
    loss = distiller(batch)["adversarial"]
    loss.backward()
    with torch.no_grad():  # a step of the student alone makes it look more like the teacher
        for p in student.module.parameters():
            if p.grad is not None:
                p -= rate * p.grad
    seen = student.module(**batch.inputs, output_hidden_states=True).hidden_states[-1]
    from edgekit.distill.objectives import mean_pool

    after = adversary.discriminator(mean_pool(seen, batch.mask)).mean()
    student_before = lab.student().module.eval()
    seen = student_before(**batch.inputs, output_hidden_states=True).hidden_states[-1]
    assert after > adversary.discriminator(mean_pool(seen, batch.mask)).mean()
    assert all(torch.equal(a, b) for a, b in zip(before, adversary.discriminator.parameters(), strict=True))


def test_a_narrower_student_is_projected_before_it_is_judged(lab: Lab) -> None:
    from edgekit.distill.modes.adversarial import Adversary
    from edgekit.distill.see import ModelShape

    narrow = ModelShape(layers=1, width=16, heads=None, classes=2)
    wide = ModelShape(layers=4, width=32, heads=4, classes=2)
    adversary = Adversary(student=narrow, teacher=wide, hidden_size=8, weight=1.0)
    assert adversary.project.weight.shape == (32, 16)


@pytest.mark.parametrize("steps", [1, 3])
def test_hard_samples_are_harder_than_random_ones_of_the_same_radius(lab: Lab, steps: int) -> None:
    student = lab.student()
    settings = HardSamples(radius=0.3, steps=steps)
    distiller = lab.taught(student, plain(hard_samples=settings)).eval()
    term, batch = distiller.terms[-1], lab.collator(range(0, 64, 2))
    step = term.find(batch)
    length = step.norm(dim=-1)
    assert not length[batch.mask == 0].any()
    if steps == 1:
        torch.testing.assert_close(length[batch.mask == 1], torch.full((int(batch.mask.sum()),), 0.3))
    assert length.max() <= 0.3 + 1e-5
    with torch.no_grad():
        torch.manual_seed(0)
        directions = [torch.nn.functional.normalize(torch.randn_like(step), dim=-1) for _ in range(8)]
        random = [float(term.disagreement(batch, d * length[..., None])) for d in directions]
        hard = float(term.disagreement(batch, step))
        here = float(term.disagreement(batch, torch.zeros_like(step)))
    assert hard > max(random) and hard > 1.1 * here


def test_hard_samples_teach_the_layers_but_not_the_token_table(lab: Lab) -> None:
    student = lab.student()
    distiller = lab.taught(student, plain(hard_samples=HardSamples()))
    distiller(lab.collator(range(8)))["hard_samples"].backward()
    assert student.module.bert.embeddings.word_embeddings.weight.grad is None
    assert student.module.bert.encoder.layer[0].output.dense.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in lab.teacher.module.parameters())


def test_what_is_new_depends_on_the_seed_alone(lab: Lab) -> None:
    config = plain(adversarial=Adversarial())
    torch.manual_seed(1)
    one = lab.taught(lab.student(), config, seed=5).terms.state_dict()
    torch.manual_seed(2)
    same = lab.taught(lab.student(), config, seed=5).terms.state_dict()
    other = lab.taught(lab.student(), config, seed=6).terms.state_dict()
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert any(not torch.equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize(
    ("config", "fact"),
    [
        (Distill(weights=LABELS_ONLY, mode="online"), "nobody teaches"),
        (Distill(weights=LABELS_ONLY, adversarial=Adversarial()), "nobody teaches"),
        (Distill(weights=LABELS_ONLY, hard_samples=HardSamples()), "nobody teaches"),
        (Distill(), "Nobody teaches"),
    ],
    ids=["online", "adversarial", "hard samples", "soft targets"],
)
def test_what_needs_a_teacher_says_so(lab: Lab, config: Distill, fact: str) -> None:
    with pytest.raises(TrainingError, match=fact) as error:
        lab.distiller(lab.student(), config)
    assert error.value.remedy


@pytest.mark.parametrize(("layers", "asked"), [(2, (2,)), (1, ())])
def test_exits_lie_before_the_last_layer(lab: Lab, layers: int, asked: tuple[int, ...]) -> None:
    config = Distill(weights=LABELS_ONLY, mode="early_exits", early_exits={"layers": asked})
    with pytest.raises(TrainingError, match="before the last"):
        lab.distiller(lab.student(layers=layers), config)
