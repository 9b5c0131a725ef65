"""Where candidates come from: a list that is known before, or a sampler."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol, final

from skipjack.errors import InvalidValueError, TrialPruned, invalid
from skipjack.model_selection.folds import KEPT, Candidate, unpacked
from skipjack.model_selection.space import Params, Space
from skipjack.records.attributes import FIXED
from skipjack.records.history import History
from skipjack.records.space import Space as RecordedSpace
from skipjack.records.states import TrialState
from skipjack.rng import Stream
from skipjack.samplers import RandomSampler
from skipjack.samplers.base import ModelSampler
from skipjack.study import asking, telling
from skipjack.trial import FixedTrial

INDEX = "candidate"  # the attribute of a trial that says where on the list it stands
TEXT = "candidate params"  # and that which says what it was there
_REPEATS = 10  # so many repeated proposals in a row, and the next one is random
_ALL_TRIED = 100  # so many, and everything has been tried
_HELD = asking.Start(held=True)
_COMPLETE, _PRUNED, _FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def kept(study: Any, space: Space) -> list[Candidate]:
    """The candidates that a study knows, with their results, in the order of their trials."""
    return [
        _restored(index, space.suggest(FixedTrial(trial.params, trial.number)), trial)
        for index, trial in enumerate(_with_results(study))
    ]


class Source(Protocol):
    """Gives candidates one after the other, each with its trial."""

    @property
    def total(self) -> int | None:
        """How many there will be; None if that is not known."""

    def restored(self) -> list[Candidate]:
        """Those that the study knows already, with their results."""

    def next(self) -> Candidate | None:
        """The next one; None if there is none left."""


@final
class Told(ModelSampler):
    """Proposes just what it is told.

    Args:
        params: A value for each parameter that is going to be asked for.
    """

    purpose = "list"
    reads_history = False

    def __init__(self, params: Params) -> None:
        super().__init__(seed=0)
        self._params = params

    def propose(
        self, history: History, space: RecordedSpace, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """The internal values of what it is told; see `ModelSampler.propose`."""
        told = self._params
        return {n: space[n].to_internal_repr(told[n]) for n in space.names if n in told}


@final
class Listed:
    """Candidates that are known before.

    Args:
        study: Keeps their trials.
        candidates: The parameters of each.
        space: What they are from, as far as the study can know it; None if it cannot.
    """

    def __init__(self, study: Any, candidates: Sequence[Params], space: Space | None) -> None:
        self._study, self._candidates, self._space = study, candidates, space
        self._todo = list(range(len(candidates)))[::-1]

    @property
    def total(self) -> int:
        """How many there will be."""
        return len(self._candidates)

    def restored(self) -> list[Candidate]:
        """Those that the study knows already, with their results."""
        found: dict[int, Candidate] = {}
        for trial in _with_results(self._study):
            index = trial.user_attrs.get(INDEX)
            if isinstance(index, int) and index < len(self._candidates):
                params = self._candidates[index]
                if trial.user_attrs.get(TEXT) != stable_text(params):
                    raise _of_another_space(self._study, trial)
                found.setdefault(index, _restored(index, params, trial))
        self._todo = [index for index in self._todo if index not in found]
        return list(found.values())

    def next(self) -> Candidate | None:
        """The next one on the list; None after the last."""
        study = self._study
        if not self._todo:
            return None
        index = self._todo.pop()
        params = self._candidates[index]
        drawn = None if self._space is None else self._space.drawn(params, exactly=True)
        usual, study.sampler = study.sampler, Told(drawn or {})
        try:
            trial = self._begin()
            trial.set_user_attr(INDEX, index)
            trial.set_user_attr(TEXT, stable_text(params))
            if drawn is not None and self._space is not None:
                self._space.suggest(trial)
        finally:
            study.sampler = usual
        return Candidate(index, params, trial.number, trial)

    def _begin(self) -> Any:
        """A trial that is told what to try."""
        study = self._study
        while True:
            trial = asking.begin(study, _HELD)
            assert trial is not None  # who is told has always something left
            if FIXED not in study._storage.get_trial_system_attrs(trial._trial_id):
                return trial
            study.tell(trial, state=_FAIL)  # it was queued, or repeats one that was lost


@final
class Sampled:
    """Candidates that the study's sampler proposes, none of them twice.

    Args:
        study: Keeps their trials.
        space: What may be tried.
        first: What to try first, as the study draws it; None if there is no such wish.
        total: How many there will be; None if that is not known.
    """

    def __init__(self, study: Any, space: Space, first: Params | None, total: int | None) -> None:
        self._study, self._space, self._first, self._total = study, space, first, total
        self._known: dict[Hashable, Candidate] = {}
        self._random = RandomSampler(seed=getattr(study.sampler, "_seed", None))

    @property
    def total(self) -> int | None:
        """How many there will be; None if that is not known."""
        return self._total

    def restored(self) -> list[Candidate]:
        """Those that the study knows already, with their results."""
        for trial in _with_results(self._study):
            try:
                params = self._space.suggest(FixedTrial(trial.params, trial.number))
            except InvalidValueError as error:
                raise _of_another_space(self._study, trial) from error
            key = _key(trial.params)
            if key not in self._known:
                self._known[key] = _restored(len(self._known), params, trial)
        return list(self._known.values())

    def next(self) -> Candidate | None:
        """What is proposed next; None if all has been tried."""
        study = self._study
        if self._first is not None and not self._known:
            study.enqueue_trial(self._first)
        for repeats in range(_ALL_TRIED):
            if len(self._known) >= self._space.size:
                return None
            trial = self._begin(repeats >= _REPEATS)
            if trial is None:
                return None
            try:
                params = self._space.suggest(trial)
            except TrialPruned as error:  # the user's function does not want these
                telling.give_up(study, trial.number, error)
                continue
            except BaseException as error:
                telling.give_up(study, trial.number, error)
                raise
            key = _key(trial.params)
            twin = self._known.get(key)
            if twin is None:
                made = Candidate(len(self._known), params, trial.number, trial)
                self._known[key] = made
                return made
            trial.set_user_attr("same_as", twin.number)
            study.tell(trial, state=_FAIL)
        return None

    def _begin(self, at_random: bool) -> Any:
        if not at_random:
            return asking.begin(self._study, _HELD)
        usual = self._study.sampler
        self._study.sampler = self._random
        try:
            return asking.begin(self._study, _HELD)
        finally:
            self._study.sampler = usual


def _with_results(study: Any) -> list[Any]:
    """The trials of a study that ended with results of folds."""
    trials = study.get_trials(deepcopy=False, states=(_COMPLETE, _PRUNED, _FAIL))
    return [trial for trial in trials if KEPT in trial.user_attrs]


def stable_text(value: Any) -> str:
    """A text for a value that is the same in every process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _of_another_space(study: Any, trial: Any) -> InvalidValueError:
    must = f"be of a study with the same candidates; its trial {trial.number} is none of them"
    hint = "Take another one, or give a fixed `random_state`."
    return invalid("study_name", must, study.study_name, hint)


def _restored(index: int, params: Params, trial: Any) -> Candidate:
    kept = trial.user_attrs[KEPT]
    return Candidate(
        *(index, params, trial.number, None, unpacked(kept), kept["rung"], trial.state)
    )


def _key(drawn: Mapping[str, Any]) -> Hashable:
    return tuple(sorted((name, repr(value)) for name, value in drawn.items()))
