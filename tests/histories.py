"""Histories to test against, made by replaying events as a storage does."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from skipjack.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skipjack.records.history import History
from skipjack.records.replay import StudyState, spelled
from skipjack.records.states import StudyDirection, TrialState

Params = Mapping[str, tuple[BaseDistribution, float]]  # distribution and internal value


class Past:
    """The past of one study, told trial by trial."""

    def __init__(self, *directions: StudyDirection) -> None:
        self.state = StudyState(0, directions or (StudyDirection.MINIMIZE,))
        self._batches = 0

    @property
    def history(self) -> History:
        return self.state.history

    def apply(self, **event: Any) -> Any:
        self._batches += 1
        return self.state.apply("writer", self._batches, [event], False)[-1]

    def add(
        self,
        params: Params,
        values: Sequence[float] | None = (0.0,),
        state: TrialState = TrialState.COMPLETE,
        **content: Any,
    ) -> int:
        """A trial at once; the number of it."""
        names = tuple(params)
        dists = tuple(dist for dist, _ in params.values())
        number: int = self.apply(
            do="add",
            time=2.0,
            start=1.0,
            state=int(state),
            values=list(values) if values is not None else None,
            layout=spelled(names, dists),
            x=[value for _, value in params.values()],
            **content,
        )
        return number

    def run(self, suggested: Params, **event: Any) -> int:
        """A trial that has suggested `suggested` and goes on."""
        number: int = self.apply(do="create", time=1.0, worker=None, **event)
        names = tuple(suggested)
        dists = tuple(dist for dist, _ in suggested.values())
        x = [value for _, value in suggested.values()]
        self.apply(do="write", n=number, layout=spelled(names, dists), x=x)
        return number

    def tell(self, number: int, values: Sequence[float] | None = (0.0,), **event: Any) -> None:
        """The end of a trial that runs."""
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        given = None if values is None else list(values)
        self.apply(do="tell", n=number, time=2.0, state=int(state), values=given, **event)


POOL: dict[str, list[BaseDistribution]] = {
    "a": [FloatDistribution(0, 1), FloatDistribution(-1, 0.5), FloatDistribution(0.1, 2, log=True)],
    "b": [FloatDistribution(0, 1, step=0.25), FloatDistribution(0, 2, step=0.5)],
    "c": [IntDistribution(1, 9), IntDistribution(1, 16, log=True), IntDistribution(3, 5, step=2)],
    "d": [CategoricalDistribution(["x", "y"]), CategoricalDistribution([1, True, 1.0])],
    "e": [FloatDistribution(2, 2), IntDistribution(7, 7)],
}


@st.composite
def drawn_params(draw: st.DrawFn) -> Params:
    """Some parameters, in any order, each from one of several distributions."""
    names = draw(st.permutations(sorted(POOL)))[: draw(st.integers(0, len(POOL)))]
    params = {}
    for name in names:
        dist = draw(st.sampled_from(POOL[name]))
        place = draw(st.floats(0, 1, exclude_max=True))
        params[name] = (dist, dist.at(place))
    return params


finished_states = st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])


@st.composite
def drawn_trials(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Arguments for `Past.add` of a study with one objective."""
    trials = []
    for _ in range(draw(st.integers(0, 12))):
        state = draw(finished_states)
        trial: dict[str, Any] = {"params": draw(drawn_params()), "state": state, "values": None}
        if state != TrialState.FAIL:
            trial["values"] = [draw(st.floats(allow_nan=False))]
        if draw(st.booleans()):
            trial["reports"] = list(draw(st.dictionaries(st.integers(0, 5), st.floats())).items())
        if draw(st.booleans()):
            keys, bounds = st.sampled_from("uvw"), st.integers(-3, 3)
            given = draw(st.dictionaries(keys, bounds))
            trial["system"] = {f"constraints:{key}": float(v) for key, v in given.items()}
        trials.append(trial)
    return trials
