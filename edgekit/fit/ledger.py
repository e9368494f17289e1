"""The search's memory: one Optuna study in SQLite that several processes share and a killed one leaves whole.

A trial that is being worked on is held by a file lock, which the kernel drops with its process, however that
ends. So a running trial whose lock is free belongs to nobody: the next process takes it over, and training
continues from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingExtra

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

KEY, WHY, TRAINED, RESULT = "key", "why", "trained", "result"
_WAIT_S = 60.0  # for another process's transaction
_STEP = 100_003  # between the seeds of two searches


@dataclass(frozen=True, slots=True)
class Held:
    """A trial that this process works on."""

    trial: Trial
    lock: BaseFileLock


@dataclass
class Ledger:
    """One search."""

    folder: Path
    study: Study
    seed: int

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from drawing meanwhile."""
        from filelock import FileLock

        with FileLock(self.folder / ".locks" / "draw"):
            yield

    def trials(self) -> list[FrozenTrial]:
        """All that were drawn; what drew the same as another one and mere proposals are left out."""
        from optuna.trial import TrialState

        out = (TrialState.FAIL, TrialState.WAITING)
        return [t for t in self.study.get_trials(deepcopy=False) if t.state not in out]

    def draw(self, choose: Callable[[Trial], Mapping[str, Any]], key_of: Callable[..., str]) -> Held | None:
        """A new trial, held; None when it is a student that was drawn before. Call it `alone()`.

        Args:
            choose: draws the values.
            key_of: what the values train, as a hash; raises EdgekitError for those that don't go together.
        """
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        from edgekit.errors import EdgekitError

        # Seeded by the number of trials: a search that was stopped goes on as it would have.
        number = len(self.study.get_trials(deepcopy=False))
        self.study.sampler = TPESampler(seed=self.seed * _STEP + number, multivariate=True)
        trial = self.study.ask()
        try:
            key = key_of(choose(trial))
        except EdgekitError as error:
            self.close(trial, f"impossible: {error.fact}", excess={"impossible": 1.0})
            return None
        twin = next((t for t in self.trials() if t.user_attrs.get(KEY) == key), None)
        lock = self._lock(key)
        if twin is not None or not _taken(lock):
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_user_attr(KEY, key)
        return Held(trial, lock)

    def close(
        self, trial: Trial, why: str, *, excess: Mapping[str, float] = {}, values: float | None = None
    ) -> None:
        """Ends a trial: with a value, or pruned for a reason."""
        from optuna.trial import TrialState

        trial.set_user_attr(WHY, why)
        for name, amount in excess.items():
            if name not in trial.constraints:  # of one that was taken over
                trial.set_constraint(name, amount)
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        self.study.tell(trial, values, state=state)

    def orphan(self) -> Held | None:
        """A trial that a process which ended left behind, held as it is. Call it `alone()`."""
        from optuna.trial import Trial, TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if KEY not in trial.user_attrs:  # it ended while drawing
                self.study.tell(trial.number, state=TrialState.FAIL)
            elif _taken(lock := self._lock(trial.user_attrs[KEY])):
                return Held(Trial(self.study, trial._trial_id), lock)
        return None

    def last_step(self, trial: Trial) -> int:
        """The last step that a trial reported; -1 before any."""
        frozen = self.study.get_trials(deepcopy=False)[trial.number]
        return max(frozen.intermediate_values, default=-1)

    def busy(self) -> bool:
        """Whether another process works on a trial of this search."""
        from optuna.trial import TrialState

        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            lock = self._lock(trial.user_attrs.get(KEY, "none"))
            if not _taken(lock):
                return True
            lock.release()
        return False

    def _lock(self, key: str) -> BaseFileLock:
        from filelock import FileLock

        return FileLock(self.folder / ".locks" / key, timeout=0, is_singleton=False)


def open_ledger(folder: Path, *, name: str, origin: str, seed: int) -> Ledger:
    """Opens a search, or begins it with the proposals of `begin`.

    Args:
        folder: holds `study.db`.
        name: of the study: a hash of all that its values depend on.
        origin: hash of what its trials' results depend on, shared by searches under other bounds.

    Raises:
        MissingExtra: optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", extra="fit", needed_for="The search for a student") from error
    from filelock import FileLock

    from edgekit.fit.halving import FrontierHalving

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    (folder / ".locks").mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".locks" / "draw"):
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{(folder / 'study.db').absolute()}",
            engine_kwargs={"connect_args": {"timeout": _WAIT_S}},
        )
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            pruner=FrontierHalving(),  # type: ignore[arg-type]
            load_if_exists=True,
        )
        if "origin" not in study.user_attrs:
            study.set_user_attr("origin", origin)
    return Ledger(folder, study, seed)


def relatives(ledger: Ledger) -> list[FrozenTrial]:
    """Trained trials of searches for the same teacher, data and space under other bounds."""
    import optuna

    study = ledger.study
    found = []
    for other in optuna.get_all_study_names(study._storage):
        if other == study.study_name:
            continue
        relative = optuna.load_study(study_name=other, storage=study._storage)
        if relative.user_attrs.get("origin") == study.user_attrs["origin"]:
            found += [t for t in relative.get_trials(deepcopy=False) if t.user_attrs.get(RESULT)]
    return found


def _taken(lock: BaseFileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout:
        return False
    return True
