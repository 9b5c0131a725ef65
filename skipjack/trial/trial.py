"""The trial that an objective is given."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, final

from skipjack import _optional
from skipjack.distributions import BaseDistribution, check_distribution_compatibility, intern
from skipjack.errors import InvalidValueError, StorageInternalError
from skipjack.pruners.base import BasePruner, Contender, decides, judged
from skipjack.records.attributes import (
    CONSTRAINT,
    FIXED,
    RETRIED,
    attribute_key,
    constraint_value,
    constraints_of,
    plain,
    step_value,
    told_float,
    warn_user,
)
from skipjack.records.curves import copied
from skipjack.records.draft import Draft
from skipjack.records.history import History
from skipjack.records.replay import StudyState, finished
from skipjack.records.space import Space
from skipjack.records.states import TrialState
from skipjack.records.suggest import BaseTrial, check_again, check_name
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.records.times import local_time
from skipjack.rng import Stream
from skipjack.samplers.base import ModelSampler, proposal
from skipjack.storages.ledger import Ledger

reporting = _optional.lazy("skipjack.trial.reporting")
standing = _optional.lazy("skipjack.records.still")

_RUNNING = TrialState.RUNNING
_NOTHING: dict[str, Any] = {}


def stream_of(study: Any, sampler: ModelSampler, state: StudyState, number: int) -> Stream:
    """The random numbers of a trial; a retry has those of the trial that it repeats."""
    draft = state.open.get(number)
    if draft is None or not draft.system:
        return sampler.stream(study, number)
    stream = sampler.stream(study, draft.system.get(RETRIED, number))
    stream.trial = number
    return stream


def hides(pruner: Any) -> bool:
    """Whether a pruner lets samplers of ours see a part of the past only."""
    return getattr(type(pruner), "shown", None) not in (None, BasePruner.shown)


def shown(study: Any, history: History, number: int) -> History:
    """What a sampler of ours may see of the past when it draws for a trial."""
    if not study._hides:
        return history
    found: History = study.pruner.shown(history, number, study.study_name)
    return found


@final
class Trial(BaseTrial):
    """A trial that runs: suggests values, takes reports, and says whether to stop.

    What is suggested, reported or attached is seen at once through every handle in this process;
    other processes see it when it has been written to the storage.

    A trial that has ended can be read only.

    Args:
        study: The study it belongs to.
        trial_id: Its id in the study's storage.

    Raises:
        KeyError: If there is no such trial.
    """

    _ledger: Ledger
    _state: StudyState
    _number: int
    _draft: Draft
    _fixed: Mapping[str, Any] = _NOTHING
    _dists: Mapping[str, BaseDistribution] = _NOTHING
    _proposed: Mapping[str, float] = _NOTHING
    _relative: dict[str, Any] | None = None
    _relative_space: dict[str, BaseDistribution] | None = None

    def __init__(self, study: Any, trial_id: int) -> None:
        self.study = study
        self.storage = study._storage
        self._trial_id = trial_id
        self._ledger = study._ledger
        self._state, self._number = study._ledger.find(trial_id)
        self._ledger.sync(self._state.study_id)
        self._draft = self._state.any_draft(self._number)
        self._begin(None, None)

    def __reduce__(self) -> Any:
        return Trial, (self.study, self._trial_id)

    @classmethod
    def _started(
        cls,
        study: Any,
        ledger: Any,
        state: Any,
        number: int,
        space: Any,
        stream: Any,
        made: Mapping[str, float] | None = None,
    ) -> Trial:
        """The trial that was just started, with the space and the stream of its proposal.

        `made` is the proposal, if the log says nothing of it.
        """
        trial = cls.__new__(cls)
        trial.study = study
        trial.storage = study._storage
        trial._trial_id = state.study_id * TRIALS_PER_STUDY + number
        trial._ledger = ledger
        trial._state = state
        trial._number = number
        trial._draft = state.open.get(number) or state.any_draft(number)
        trial._begin(space, stream)
        if made and not trial._proposed and trial._dists:
            trial._proposed = made
        return trial

    def _begin(self, space: Space | None, stream: Any) -> None:
        self._space = space
        self._stream = stream
        draft = self._draft
        if draft.system:
            self._fixed = draft.system.get(FIXED) or _NOTHING
        self._shared = self._ledger.shared
        # What may be used as it is, and what it was drawn from; nothing where more is to be asked.
        if space is not None and space.distributions and not self._fixed:
            self._dists, self._proposed = space.distributions, draft.proposal

    # ------------------------------------------------------------------------------- suggest

    def _suggest(self, name: str, dist: BaseDistribution) -> Any:
        draft = self._draft
        if draft.state is not _RUNNING:
            raise finished(self._number)
        internal = draft.internal
        if name in internal:
            check_again(name, draft.dists[name], dist)
            return draft.dists[name].to_external_repr(internal[name])
        value = self._proposed.get(name)
        if value is None or self._dists[name] is not dist:
            if self._state.kinds.get(name) is not dist:
                self._check_kind(name, dist)
            value = self._draw(name, dist)
        if self._shared:
            with self._ledger.lock:
                draft.suggest(name, dist, value)
                self._ledger.wrote(self._state, draft)
        else:
            draft.dists[name] = dist
            internal[name] = value
        return dist.to_external_repr(value)

    def _check_kind(self, name: str, dist: BaseDistribution) -> None:
        """Check that the study knows `name` as the same kind of parameter, or not yet."""
        self._state.admit(check_name(name), dist)
        self._state.kinds[name] = dist

    def _draw(self, name: str, dist: BaseDistribution) -> float:
        """A value that no proposal covers: enqueued, the only one, or the sampler's."""
        if name in self._fixed:
            value = self._fixed_value(name, dist)
            if value is not None:
                return value
        if dist.single():
            return dist.at(0.5)
        if not self.study._proposes:
            return self._draw_by_user(name, dist)
        proposed = self._draft.proposal.get(name)
        if proposed is not None and self._covers(name, dist, proposed):
            return proposed
        sampler, ledger = self.study.sampler, self._ledger
        looks_back = self.study._looks_back
        with ledger.proposing if looks_back else ledger.lock:
            with ledger.lock:
                history = self._state.history
                if looks_back:
                    history = standing.still(self._state, ledger.shared)
                history = shown(self.study, history, self._number)
            if self._stream is None:
                self._stream = stream_of(self.study, sampler, self._state, self._number)
            space, given = Space({name: dist}), self._draft.internal
            return float(proposal(sampler, history, space, self._stream, given)[name])

    def _covers(self, name: str, dist: BaseDistribution, proposed: float) -> bool:
        if self._space is not None:
            return self._space.get(name) == dist
        known = self._draft.proposed_from.get(name)  # another handle made the proposal
        return known is not None and known.family == dist.family and dist._contains(proposed)

    def _fixed_value(self, name: str, dist: BaseDistribution) -> float | None:
        """The enqueued value, or None with a warning if the distribution has no such value."""
        value = self._fixed[name]
        try:
            internal = dist.to_internal_repr(value)
        except (ValueError, TypeError):
            internal = None
        if internal is not None and dist._contains(internal):
            return internal
        warn_user(
            f"The enqueued value {value!r} of parameter {name!r} lies outside {dist!r}; a value "
            f"is sampled instead."
        )
        return None

    def _draw_by_user(self, name: str, dist: BaseDistribution) -> float:
        """A value by Optuna's methods of a sampler."""
        relative = self.relative_params
        sampler, study = self.study.sampler, self.study
        if name in relative:
            space = self.relative_search_space
            if name not in space:
                raise InvalidValueError(
                    f"{sampler} drew {name!r}, which its relative search space does not have."
                )
            check_distribution_compatibility(space[name], dist)
            internal = dist.to_internal_repr(relative[name])
            if dist._contains(internal):
                return internal
        frozen = self.storage.get_trial(self._trial_id)
        value = sampler.sample_independent(study, frozen, name, dist)
        return dist.to_internal_repr(value)

    @property
    def relative_params(self) -> dict[str, Any]:
        """Values that the sampler drew together for this trial, whether asked for or not."""
        if self._relative is None:
            sampler = self.study.sampler
            if self.study._proposes:
                space = self._space or _NOTHING
                self._relative = {
                    name: space[name].to_external_repr(value)
                    for name, value in (self._proposed or self._draft.proposal).items()
                    if name in space
                }
            else:
                frozen = self.storage.get_trial(self._trial_id)
                self._relative = sampler.sample_relative(
                    self.study, frozen, self.relative_search_space
                )
        return self._relative

    @property
    def relative_search_space(self) -> dict[str, BaseDistribution]:
        """What `relative_params` were drawn from."""
        if self._relative_space is None:
            sampler = self.study.sampler
            if self.study._proposes:
                self._relative_space = dict(self._space or {})
            else:
                frozen = self.storage.get_trial(self._trial_id)
                found = sampler.infer_relative_search_space(self.study, frozen)
                self._relative_space = {name: intern(dist) for name, dist in found.items()}
        return self._relative_space

    @property
    def _relative_params(self) -> dict[str, Any]:
        return self.relative_params

    # ---------------------------------------------------------------------------- write, stop

    def report(self, value: float | Sequence[float], step: int, *, fold: int | None = None) -> None:
        """Tell the objective value after `step` steps, for pruners and figures.

        Args:
            value: The value; NaN and infinities are kept as they are. With several objectives a
                list of them, in their order.
            step: A whole number of at least 0. Of two reports for one step the first counts.
            fold: Which fold of a cross-validation the value is of, from 0 on. Each fold has steps
                of its own, kept as the metric "fold 0", "fold 1", ... Pruners compare the mean
                over the folds up to this one with that of other trials at the same step.

        Raises:
            TypeError: If a value, `step` or `fold` is no number.
            ValueError: If `step` or `fold` is negative, or the list has not one number for each
                objective.
            NotImplementedError: If the study has several objectives and `value` is one number.
        """
        if fold is not None:
            value, step = told_float("value", value), step_value(step)
            reporting.log(self, {reporting.fold_name(self, fold): value}, step)
            return
        if len(self._state.directions) > 1:
            reporting.report_several(self, value, step)
            return
        value = told_float("value", value)
        step = step_value(step)
        if self._draft.state is not _RUNNING:
            raise finished(self._number)
        if step in self._draft.reports:
            warn_user(f"Step {step} was reported already; the first value is kept.")
            return
        self._note("reports", step, value)

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Tell any metrics, whatever the objective is, for figures, frames and `MetricPruner`.

        Args:
            metrics: Values by name; NaN and infinities are kept as they are.
            step: A whole number of at least 0; None: 1 more than the last one that a metric of the
                trial has, at first 0. Of two values of a metric for one step the first counts.

        Raises:
            TypeError: If a value or `step` is no number, or a name no text.
            ValueError: If `step` is negative, or a name is empty.
            NotImplementedError: If the study was made by a Skipjack that knew no metrics.
        """
        reporting.log(self, metrics, step)

    def should_prune(self) -> bool:
        """Whether the pruner would stop the trial now; then raise `TrialPruned`.

        False as well, with a warning in the log, if the storage cannot be reached: the trial goes
        on, and what it has reported is written when that is possible again.

        Raises:
            NotImplementedError: If the study has several objectives, and the trial has neither
                reported lists of them nor logged anything.
        """
        draft = self._draft
        if len(self._state.directions) > 1:
            reporting.check_reported(draft)
        try:
            return self._is_hopeless(draft)
        except StorageInternalError as error:
            reporting.warn_unreachable(self._number, error)
            return False

    def _is_hopeless(self, draft: Draft) -> bool:
        """Whether the pruner would stop the trial."""
        study, ledger, state = self.study, self._ledger, self._state
        pruner = study.pruner
        if ledger.shared and getattr(pruner, "reads_running", True):
            ledger.flush(state, draft)
        if decides(pruner):
            metrics = draft.metrics.by_name
            contender = Contender(self._number, draft.reports, study.study_name, metrics)
            with ledger.lock:
                return judged(pruner, ledger.sync(state.study_id).history, contender)
        return bool(pruner.prune(study, self.storage.get_trial(self._trial_id)))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach something to the trial.

        Args:
            key: Its name.
            value: None, bool, int, float, str, or lists and dicts of them; NumPy scalars and
                tuples are converted. A study in memory keeps any object.

        Raises:
            TypeError: If the storage cannot keep it.
        """
        self._note("user", attribute_key(key), plain(value))

    def set_constraint(self, key: str, value: float) -> None:
        """Tell how much a constraint is violated.

        Args:
            key: The constraint's name. Of two values for one key the first counts.
            value: At most 0 if the constraint is kept.

        Raises:
            TypeError: If the value is no number.
            ValueError: If it is NaN.
        """
        number = constraint_value(key, value)
        if self._draft.state is not _RUNNING:
            raise finished(self._number)
        if CONSTRAINT + key in self._draft.system:
            warn_user(f"Constraint {key!r} was set already; the first value is kept.")
            return
        self._note("system", CONSTRAINT + key, number)

    def _note(self, kind: str, key: Any, value: Any) -> None:
        draft = self._draft
        if draft.state is not _RUNNING:
            raise finished(self._number)
        self._ledger.check(value)
        with self._ledger.lock:
            draft.note(kind, key, value)
            self._ledger.wrote(self._state, draft)

    # ---------------------------------------------------------------------------------- read

    @property
    def number(self) -> int:
        """The trial's place in its study, from 0."""
        return self._number

    @property
    def params(self) -> dict[str, Any]:
        """The values suggested so far, in order."""
        return self._draft.params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were drawn from."""
        return dict(self._draft.dists)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was attached, a copy."""
        attrs: dict[str, Any] = plain(self._draft.user)
        return attrs

    @property
    def intermediate_values(self) -> dict[int, Any]:
        """What the trial has reported so far, by step; a copy."""
        return copied(self._draft.reports)

    @property
    def metrics(self) -> dict[str, dict[int, float]]:
        """What the trial has logged so far: values by step, by name; a copy."""
        return self._draft.metrics.copy().by_name

    @property
    def constraints(self) -> dict[str, float]:
        """The constraint values set so far."""
        return constraints_of(self._draft.system)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When the trial started, in local time."""
        return local_time(self._draft.start)
