from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import skipjack
from skipjack import search_space
from skipjack.distributions import BaseDistribution, FloatDistribution, IntDistribution
from skipjack.records.states import TrialState
from skipjack.search_space import (
    IntersectionSearchSpace,
    _GroupDecomposedSearchSpace,
    _SearchSpaceGroup,
    intersection_search_space,
)
from tests.histories import Past, drawn_trials

X, Y = FloatDistribution(0, 1), IntDistribution(0, 9)


class Seen:
    """As much of a study as `calculate` looks at."""

    def __init__(self, past: Past, study_id: int = 0) -> None:
        self.past = past
        self._study_id = study_id

    @property
    def history(self) -> Any:
        return self.past.history


def in_words(past: Past, include_pruned: bool) -> dict[str, BaseDistribution]:
    states = {TrialState.COMPLETE} | ({TrialState.PRUNED} if include_pruned else set())
    spaces = [t.distributions for t in past.state.all_frozen() if t.state in states]
    names = sorted(set.intersection(*map(set, spaces)) if spaces else ())
    return {n: spaces[0][n] for n in names if all(s[n] == spaces[0][n] for s in spaces)}


@given(drawn_trials(), st.booleans())
def test_the_intersection_is_what_all_trials_have_in_common(
    trials: list[dict[str, Any]], include_pruned: bool
) -> None:
    past = Past()
    space = IntersectionSearchSpace(include_pruned)
    for trial in trials:
        past.add(**trial)
        found = space.calculate(Seen(past))
        assert list(found.items()) == list(in_words(past, include_pruned).items())
        listed = intersection_search_space(past.state.all_frozen(), include_pruned)
        assert list(listed.items()) == list(found.items())


def test_trials_that_have_not_finished_do_not_count() -> None:
    past = Past()
    past.add({"x": (X, 0.5), "y": (Y, 3)})
    past.run({"x": (X, 0.5)})
    past.add({}, None, TrialState.WAITING)
    past.add({}, None, TrialState.FAIL)
    assert IntersectionSearchSpace().calculate(Seen(past)) == {"x": X, "y": Y}


def test_nothing_in_common_stays_nothing() -> None:
    past = Past()
    for params in ({"x": (X, 0.5)}, {"y": (Y, 3.0)}, {"x": (X, 0.5)}):
        past.add(params)
    assert IntersectionSearchSpace().calculate(Seen(past)) == {}
    assert intersection_search_space([]) == {}


def test_the_caller_may_change_what_it_gets() -> None:
    past = Past()
    past.add({"x": (X, 0.5)})
    space, groups = IntersectionSearchSpace(), _GroupDecomposedSearchSpace()
    space.calculate(Seen(past))["z"] = Y
    groups.calculate(Seen(past)).add_distributions({"z": Y})
    assert space.calculate(Seen(past), use_cache=True) == {"x": X}
    assert groups.calculate(Seen(past)).search_spaces == [{"x": X}]


@pytest.mark.parametrize("kind", [IntersectionSearchSpace, _GroupDecomposedSearchSpace])
def test_one_object_is_for_one_study(kind: Any) -> None:
    space = kind()
    space.calculate(Seen(Past(), 3))
    space.calculate(Seen(Past(), 3))
    with pytest.raises(ValueError, match="`study` must be the one with id 3, but got 4"):
        space.calculate(Seen(Past(), 4))


@pytest.mark.parametrize(
    ("trials", "groups"),
    [
        (["xyz", "xz"], ["xz", "y"]),
        (["xy", "z", "xz"], ["x", "y", "z"]),
        (["abc", "de", "ad"], ["a", "bc", "d", "e"]),
        (["abc", "bd"], ["b", "ac", "d"]),
        (["abcd", "ab", "bc"], ["b", "a", "c", "d"]),
        (["ab", "cd", "abcd"], ["ab", "cd"]),
        (["", "a", ""], ["a"]),
    ],
)
def test_groups_are_split_where_trials_differ(trials: list[str], groups: list[str]) -> None:
    group = _SearchSpaceGroup()
    for names in trials:
        group.add_distributions(dict.fromkeys(names, X))
    assert ["".join(space) for space in group.search_spaces] == groups


@given(drawn_trials(), st.booleans())
def test_parameters_are_in_one_group_if_they_occur_in_the_same_trials(
    trials: list[dict[str, Any]], include_pruned: bool
) -> None:
    past, groups = Past(), _GroupDecomposedSearchSpace(include_pruned)
    occurs: dict[str, list[int]] = {}
    for number, trial in enumerate(trials):
        past.add(**trial)
        pruned = include_pruned and trial["state"] == TrialState.PRUNED
        if trial["state"] == TrialState.COMPLETE or pruned:
            for name in trial["params"]:
                occurs.setdefault(name, []).append(number)
        found = groups.calculate(Seen(past)).search_spaces
        names = [name for space in found for name in space]
        assert sorted(names) == sorted(occurs) and all(found)
        for space in found:
            for name in occurs:
                together = occurs[name] == occurs[next(iter(space))]
                assert (name in space) == together


def test_float_space_is_told_to_be_a_distribution() -> None:
    with pytest.warns(FutureWarning, match="FloatDistribution"):
        kind = search_space.FloatSpace
    assert kind is FloatDistribution
    with pytest.raises(AttributeError):
        search_space.IntSpace  # noqa: B018


def test_a_study_can_be_asked() -> None:
    study = skipjack.create_study()
    study.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("a", 0, 9), n_trials=3)
    found = IntersectionSearchSpace().calculate(study)
    assert found == {"a": Y, "x": X} and list(found) == ["a", "x"]
