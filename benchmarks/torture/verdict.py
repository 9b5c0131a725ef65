"""What is left of a study whose workers were killed, as a fresh process sees it.

    python -m benchmarks.torture.verdict close URL TOLD [RULE]    reclaims, then looks
    python -m benchmarks.torture.verdict look URL TOLD [RULE]

Prints one JSON object: counts, what is wrong, and a digest of all that the study holds.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import skipjack
from benchmarks.torture import rules
from benchmarks.torture.victim import TOLD, objective, value_of
from skipjack.samplers import RandomSampler
from skipjack.testing.courses import told
from skipjack.trial import TrialState

NAME = "torture"
_OPEN = (TrialState.RUNNING, TrialState.WAITING)
_WHY = ("died", "was told")  # of the one that ran it, or the one that it was to repeat after all
_ENOUGH = 50  # trials after which whatever the dead have left must have been taken up


def opened(url: str) -> Any:
    skipjack.logging.set_verbosity(skipjack.logging.CRITICAL)
    return skipjack.load_study(study_name=NAME, storage=url, sampler=RandomSampler())


def close(study: Any) -> None:
    """Do what any later worker does: ask, which reclaims what the dead have left."""
    study.optimize(objective, n_trials=1)
    for _ in range(_ENOUGH):
        if not any(t.state in _OPEN for t in study.get_trials(deepcopy=False)):
            return
        study.optimize(objective, n_trials=1)


def look(study: Any, url: str, told_file: str) -> dict[str, Any]:
    trials = study.get_trials(deepcopy=False)
    records = list(TOLD.iter_unpack(Path(told_file).read_bytes()))
    lost = [r for r in records if not _is_kept(r, trials)]
    ended = [t for t in trials if t.state is TrialState.COMPLETE]
    marks = Counter(t.user_attrs.get("mark") for t in ended)
    states = Counter(t.state.name for t in trials)
    problems = [f"told, but lost or changed: trial {n} = {v!r}" for n, v, _, _ in lost[:5]]
    if [t.number for t in trials] != list(range(len(trials))):
        problems.append("the numbers have gaps or repeat")
    problems += [f"{states[s.name]} trials are {s.name}" for s in _OPEN if states[s.name]]
    wrong = [t.number for t in ended if t.value != value_of(t.params["x"], t.params["k"])]
    if wrong:
        problems.append(f"trials {wrong[:5]} have values that nobody told")
    odd = {t.system_attrs.get("fail_reason") for t in trials if t.state is TrialState.FAIL}
    problems += [f"a trial failed: {why}" for why in odd if not any(w in str(why) for w in _WHY)]
    duplicates = sum(marks.values()) - len(marks)
    if duplicates:
        problems.append(f"{duplicates} results are there twice")
    report = skipjack.storages.check(url)
    problems += report.problems
    text = repr([(told(t), t.datetime_start, t.datetime_complete) for t in trials])
    return {
        "told": len(records),
        "lost": len(lost),
        "duplicates": duplicates,
        "trials": len(trials),
        "reclaimed": states["FAIL"],
        "problems": problems,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
    }


def _is_kept(record: tuple[Any, ...], trials: list[Any]) -> bool:
    number, value, mark, _ = record
    if number >= len(trials):
        return False
    found = trials[number]
    is_same = found.number == number and found.state is TrialState.COMPLETE
    return is_same and found.value == value and found.user_attrs.get("mark") == mark


def seen(what: str, url: str, told_file: str, broken: str = "") -> dict[str, Any]:
    """What this process finds, after it has closed the study if it should."""
    if broken == "twice":  # of how a log is read; the others are of how it is written
        rules.break_rule(broken)
    try:
        study = opened(url)
        if what == "close":
            close(study)
        return look(study, url, told_file)
    except Exception as error:
        return {"problems": [f"it cannot be opened: {error!r}"]}


if __name__ == "__main__":
    print(json.dumps(seen(*sys.argv[1:])))
