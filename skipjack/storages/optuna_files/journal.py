"""What the operations in a journal of Optuna's amount to, and a study as operations.

The rules are those of a process that only reads: what came too late, or for a study that was
deleted meanwhile, has no effect.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import Any, final

from skipjack.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
)
from skipjack.errors import DuplicatedStudyError, InvalidValueError
from skipjack.records.attributes import packed
from skipjack.records.frozen import FrozenTrial
from skipjack.records.states import StudyDirection, TrialState
from skipjack.records.times import epoch_seconds
from skipjack.storages.optuna_files.judging import (
    WRONG,
    Dists,
    Head,
    damaged,
    number,
    put_param,
    require,
    whole,
)
from skipjack.storages.whole import WholeStudy


class Do(IntEnum):
    """What an operation does, as numbered in the journal."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    STUDY_USER_ATTR = 2
    STUDY_SYSTEM_ATTR = 3
    CREATE_TRIAL = 4
    PARAM = 5
    STATE = 6
    REPORT = 7
    TRIAL_USER_ATTR = 8
    TRIAL_SYSTEM_ATTR = 9
    DISCARD = 10  # of another program; Optuna passes over it


@final
class _Study:
    def __init__(self, name: str, directions: list[StudyDirection]) -> None:
        self.name, self.directions = name, directions
        self.user: dict[str, Any] = {}
        self.system: dict[str, Any] = {}
        self.trials: list[FrozenTrial] = []
        self.kinds: dict[str, BaseDistribution] = {}


@final
class Journal:
    """The studies that operations make, replayed one after the other.

    Args:
        operations: Pairs of a place, for errors, and an operation.
        where: What to call the journal.

    Raises:
        StorageInternalError: If an operation is none that Optuna can have written there.
    """

    def __init__(self, operations: Iterable[tuple[str, Any]], where: str) -> None:
        self._where, self._dists = where, Dists()
        self._studies: dict[int, _Study] = {}
        self._names: dict[str, int] = {}
        self._trials: list[tuple[FrozenTrial, _Study]] = []
        self.n_studies = 0  # ever made; the next one's id
        for place, operation in operations:
            try:
                _RULES[Do(operation["op_code"])](self, operation)
            except WRONG as error:
                raise damaged(f"{place} of {where}", error) from error

    @property
    def next_trial_id(self) -> int:
        """The id that the next trial gets."""
        return len(self._trials)

    def heads(self) -> list[Head]:
        """All studies that were not deleted, in the order in which they were made."""
        return [Head(id_, s.name, s.directions) for id_, s in self._studies.items()]

    def n_trials(self) -> int:
        """A number that grows with every trial made in any study."""
        return len(self._trials)

    def study(self, head: Head) -> WholeStudy:
        """A study with all its trials."""
        study = self._studies[head.study_id]
        try:
            return whole(head, study.user, study.system, study.trials)
        except WRONG as error:
            raise damaged(f"Study {head.name!r} in {self._where}", error) from error

    # --------------------------------------------------------------------------------- rules

    def _create_study(self, o: dict[str, Any]) -> None:
        name, directions = o["study_name"], [StudyDirection(d) for d in o["directions"]]
        require(isinstance(name, str) and bool(directions), "study")
        if name in self._names:
            return
        self._names[name] = self.n_studies
        self._studies[self.n_studies] = _Study(name, directions)
        self.n_studies += 1

    def _study(self, o: dict[str, Any]) -> _Study | None:
        """The study that is meant; None if it was deleted."""
        require(o["study_id"] in range(self.n_studies), f"study {o['study_id']!r}")
        return self._studies.get(o["study_id"])

    def _delete_study(self, o: dict[str, Any]) -> None:
        study = self._study(o)
        if study is not None:
            del self._studies[o["study_id"]], self._names[study.name]

    def _study_attr(self, o: dict[str, Any]) -> None:
        study = self._study(o)
        if study is None:
            return
        if o["op_code"] == Do.STUDY_USER_ATTR:
            study.user.update(_one(o["user_attr"]))
        else:
            study.system.update(_one(o["system_attr"]))

    def _create_trial(self, o: dict[str, Any]) -> None:
        study = self._study(o)
        if study is None:
            return
        value, values = o.get("value"), o.get("values")
        if values is None and value is not None:
            values = [value]
        trial = FrozenTrial(
            number=len(study.trials),
            state=TrialState(o.get("state", TrialState.RUNNING)),
            value=None,
            values=None if values is None else [number(v) for v in values],
            datetime_start=_time(o["datetime_start"]),
            datetime_complete=_time(o.get("datetime_complete")),
            params={},
            distributions={},
            user_attrs=dict(o.get("user_attrs", {})),
            system_attrs=dict(o.get("system_attrs", {})),
            intermediate_values={
                int(step): number(v) for step, v in o.get("intermediate_values", {}).items()
            },
            trial_id=len(self._trials),
        )
        for name, internal in o.get("params", {}).items():
            dist = self._dists[o["distributions"][name]]
            study.kinds.setdefault(name, dist)
            put_param(trial, name, internal, dist)
        study.trials.append(trial)
        self._trials.append((trial, study))

    def _open_trial(self, o: dict[str, Any]) -> tuple[FrozenTrial, _Study] | None:
        """The trial that is meant, and its study; None if it has finished."""
        require(o["trial_id"] in range(len(self._trials)), f"trial {o['trial_id']!r}")
        trial, study = self._trials[o["trial_id"]]
        return None if trial.state.is_finished() else (trial, study)

    def _param(self, o: dict[str, Any]) -> None:
        name, dist = o["param_name"], self._dists[o["distribution"]]
        require(isinstance(name, str), "name of a parameter")
        found = self._open_trial(o)
        if found is None:
            return
        trial, study = found
        try:
            check_distribution_compatibility(study.kinds.setdefault(name, dist), dist)
        except InvalidValueError:  # whoever suggested it was told so
            return
        put_param(trial, name, o["param_value_internal"], dist)

    def _state(self, o: dict[str, Any]) -> None:
        found = self._open_trial(o)
        if found is None:
            return
        trial, state, values = found[0], TrialState(o["state"]), o["values"]
        if state is TrialState.RUNNING:
            if trial.state is TrialState.RUNNING:  # another worker was faster
                return
            trial.datetime_start = _time(o["datetime_start"])
        elif state.is_finished():
            trial.datetime_complete = _time(o["datetime_complete"])
        if values is not None:
            trial.values = [number(v) for v in values]
        trial.state = state

    def _report(self, o: dict[str, Any]) -> None:
        step, value = o["step"], number(o["intermediate_value"])
        require(type(step) is int, f"step {step!r}")
        found = self._open_trial(o)
        if found is not None:
            found[0].intermediate_values[step] = value

    def _trial_attr(self, o: dict[str, Any]) -> None:
        is_user = o["op_code"] == Do.TRIAL_USER_ATTR
        told = _one(o["user_attr" if is_user else "system_attr"])
        found = self._open_trial(o)
        if found is not None:
            (found[0].user_attrs if is_user else found[0].system_attrs).update(told)

    def _pass(self, o: dict[str, Any]) -> None:
        pass


_RULES: dict[Do, Callable[[Journal, dict[str, Any]], None]] = {
    Do.CREATE_STUDY: Journal._create_study,
    Do.DELETE_STUDY: Journal._delete_study,
    Do.STUDY_USER_ATTR: Journal._study_attr,
    Do.STUDY_SYSTEM_ATTR: Journal._study_attr,
    Do.CREATE_TRIAL: Journal._create_trial,
    Do.PARAM: Journal._param,
    Do.STATE: Journal._state,
    Do.REPORT: Journal._report,
    Do.TRIAL_USER_ATTR: Journal._trial_attr,
    Do.TRIAL_SYSTEM_ATTR: Journal._trial_attr,
    Do.DISCARD: Journal._pass,
}


def _one(told: Any) -> dict[str, Any]:
    require(isinstance(told, dict) and len(told) == 1, f"attribute {told!r}")
    return told  # type: ignore[no-any-return]  # it is one


def _time(told: str | None) -> datetime.datetime | None:
    """A time: aware since Optuna 5, naive local time before."""
    return None if told is None else datetime.datetime.fromisoformat(told)


def parsed(data: bytes, where: str) -> Iterator[tuple[str, Any]]:
    """The operations in a journal file, each with its place.

    A writer that died may have left the beginning of a line, at the end or with the next
    writer's line right behind it. Nobody has ever seen it take effect, so it is passed over.

    Raises:
        StorageInternalError: If another line is no JSON.
    """
    lines = data.split(b"\n")
    lines.pop()  # what is behind the last line end was never finished
    for i, line in enumerate(lines, 1):
        try:
            yield f"Line {i}", json.loads(line)
        except ValueError as error:
            start = line.rfind(b'{"op_code"', 1)
            try:
                operation = json.loads(line[start:]) if start > 0 else None
            except ValueError:
                operation = None
            if operation is None:
                raise damaged(f"Line {i} of {where}", error) from error
            yield f"Line {i}", operation


def operations(study: WholeStudy, journal: Journal, worker: str) -> Iterator[dict[str, Any]]:
    """The operations that add a study to a journal.

    Raises:
        DuplicatedStudyError: If its name is taken.
    """
    if study.name in [head.name for head in journal.heads()]:
        raise DuplicatedStudyError(
            f"A study named {study.name!r} exists there already. Choose another name."
        )
    study_id, by = journal.n_studies, {"worker_id": worker}
    yield {
        "op_code": Do.CREATE_STUDY,
        **by,
        "study_name": study.name,
        "directions": list(study.directions),
    }
    for do, kind, attrs in (
        (Do.STUDY_USER_ATTR, "user_attr", study.user),
        (Do.STUDY_SYSTEM_ATTR, "system_attr", study.system),
    ):
        for key, value in attrs.items():
            yield {"op_code": do, **by, "study_id": study_id, kind: {key: value}}
    for trial in study.trials:
        yield {"op_code": Do.CREATE_TRIAL, **by, "study_id": study_id, **_content(trial)}


def _content(trial: FrozenTrial) -> dict[str, Any]:
    values, dists = trial.values, trial.distributions
    reports, system = packed(trial.intermediate_values, trial.metrics)
    content = {
        "datetime_start": _utc(trial.datetime_start),
        "state": trial.state,
        "value": values[0] if values is not None and len(values) == 1 else None,
        "values": values if values is not None and len(values) > 1 else None,
        "distributions": {name: distribution_to_json(dist) for name, dist in dists.items()},
        "params": {name: dists[name].to_internal_repr(v) for name, v in trial.params.items()},
        "user_attrs": trial.user_attrs,
        "system_attrs": {**trial.system_attrs, **system},
        "intermediate_values": reports,
    }
    if trial.datetime_complete is not None:
        content["datetime_complete"] = _utc(trial.datetime_complete)
    return content


def _utc(time: datetime.datetime | None) -> str | None:
    seconds = epoch_seconds(time)
    if seconds is None:
        return None
    aware = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return aware.isoformat(timespec="microseconds")
