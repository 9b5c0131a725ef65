"""Finished trials as columns: what samplers, pruners, importance and figures read."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, final

import numpy as np
import numpy.typing as npt

from skipjack import platform
from skipjack.distributions import BaseDistribution, CategoricalDistribution, intern
from skipjack.records.attributes import constraints_of
from skipjack.records.curves import Curves
from skipjack.records.draft import Draft
from skipjack.records.space import BoolArray, Choices, FloatArray, IntArray, Space
from skipjack.records.states import TrialState

S = TypeVar("S")

_ROW = np.dtype(
    [
        ("number", "i8"),
        ("state", "i1"),
        ("feasible", "?"),
        ("layout", "i4"),
        ("by", "i2"),
        ("seen", "i8"),
        ("start", "f8"),
        ("end", "f8"),
        ("violation", "f8"),
    ]
)
_COMPLETE = int(TrialState.COMPLETE)
_READ_AT_ONCE = 256
_UNITS_KEPT = 8

# Users' samplers and pruners read in several threads what is extended on reading.
_lock = threading.RLock()


def _after_fork() -> None:
    """Another thread of the parent may have held the lock."""
    global _lock
    _lock = threading.RLock()


platform.after_fork(_after_fork)


class Fold(Protocol[S]):
    """State that grows with the history: a pure function of its rows, kept by `derived`."""

    def __hash__(self) -> int: ...

    def start(self, history: History) -> S:
        """The state of an empty history."""
        ...

    def extend(self, state: S, history: History, first: int, last: int) -> S:
        """The state after rows `first` to `last - 1`, given the one before; may change it."""
        ...


@final
class Layout:
    """Parameters that a trial had, in the order of suggestion, and their columns."""

    __slots__ = ("by_name", "columns", "dists", "external", "index", "names", "slice")

    def __init__(
        self,
        index: int,
        names: tuple[str, ...],
        dists: tuple[BaseDistribution, ...],
        columns: list[int],
    ) -> None:
        self.index = index
        self.names = names
        self.dists = dists
        self.by_name = dict(zip(names, dists, strict=True))
        self.external = [(name, dist.to_external_repr) for name, dist in self.by_name.items()]
        first, n = (columns[0], len(columns)) if columns else (0, 0)
        in_a_row = columns == list(range(first, first + n))
        self.columns = np.array(columns, dtype=np.intp)
        self.slice: Any = slice(first, first + n) if in_a_row else self.columns


@final
class History:
    """The finished trials of one study; rows in the order in which trials finished.

    Appending a trial costs O(its parameters); reading a column costs nothing. Arrays returned
    are views that later trials never change; do not write to them. n rows, d parameters ever
    seen, m objectives, k constraints.
    """

    def __init__(self, signs: Sequence[float]) -> None:
        """Begin with no rows. `signs` are +1 for objectives minimised and -1 for maximised."""
        self.signs = tuple(signs)
        self.version = 0
        self.open: dict[int, Draft] = {}
        self.others: dict[int, Draft] | None = None  # of `open` at one moment; see `records.still`
        self.counts = [0] * len(TrialState)
        self.best: int | None = None
        self.layouts: list[Layout] = []
        self.attrs: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self.curves = Curves(len(self.signs))
        self.metrics: dict[str, Curves] = {}
        self.constraint_keys: dict[str, int] = {}
        self.samplers: list[str] = [""]
        self._guard: Any = None  # of a history that is nobody else's; None: the one for all
        self._n = 0
        self._rows = np.zeros(16, _ROW)
        self._values = np.full((16, 0), np.nan)
        self._losses = np.full((16, len(self.signs)), np.nan)
        self._constraints = np.full((16, 0), np.nan)
        self._layout_of: dict[Hashable, int] = {}
        self._columns: dict[tuple[str, Hashable], int] = {}
        self.choices = Choices()
        self._latest: dict[str, BaseDistribution] = {}
        self._last_layout = -1
        self._space: Space | None = Space({})
        self._units: dict[Space, tuple[FloatArray, int, int]] = {}
        self._folds: dict[Hashable, tuple[Any, int, int]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_layout_of": {}, "_units": {}, "_folds": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for layout in self.layouts:  # distributions are told apart by their address
            layout.dists = tuple(map(intern, layout.dists))
            self._layout_of[layout.names, tuple(map(id, layout.dists))] = layout.index
        self._latest = {name: intern(dist) for name, dist in self._latest.items()}
        self._space = None

    # ------------------------------------------------------------------------------ columns

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> FloatArray:
        """Internal values, shape (n, d); NaN where a trial has not that parameter."""
        return self._values[: self._n, : len(self._columns)]

    @property
    def losses(self) -> FloatArray:
        """Objective values to minimise, shape (n, m); NaN where there is none."""
        return self._losses[: self._n]

    @property
    def constraints(self) -> FloatArray:
        """Constraint values, at most 0 where satisfied, shape (n, k); NaN where not given."""
        return self._constraints[: self._n, : len(self.constraint_keys)]

    @property
    def numbers(self) -> IntArray:
        """Trial numbers, shape (n,)."""
        return self._column("number")

    @property
    def states(self) -> IntArray:
        """Values of `TrialState`, shape (n,)."""
        return self._column("state")

    @property
    def start(self) -> FloatArray:
        """When trials started, in seconds since the epoch, shape (n,); NaN if not known."""
        return self._column("start")

    @property
    def end(self) -> FloatArray:
        """When trials ended, in seconds since the epoch, shape (n,); NaN if not known."""
        return self._column("end")

    @property
    def seen(self) -> IntArray:
        """The log position that each trial's proposal was made from, shape (n,)."""
        return self._column("seen")

    @property
    def by(self) -> IntArray:
        """Which of `samplers` proposed each trial, shape (n,)."""
        return self._column("by")

    @property
    def layout_indices(self) -> IntArray:
        """Which of `layouts` each trial has, shape (n,)."""
        return self._column("layout")

    @property
    def violation(self) -> FloatArray:
        """Sum of the positive constraint values, shape (n,); 0 where there is none."""
        return self._column("violation")

    @property
    def feasible(self) -> BoolArray:
        """Whether each trial keeps all its constraints, shape (n,)."""
        return self._column("feasible")

    def _column(self, name: str) -> npt.NDArray[Any]:
        column: npt.NDArray[Any] = self._rows[name]
        return column[: self._n]

    def where(self, *states: TrialState) -> IntArray:
        """Rows of the trials in one of `states`."""
        return np.flatnonzero(np.isin(self.states, states))

    def having(self, name: str, dist: BaseDistribution) -> BoolArray:
        """Which rows have a parameter of this name and family, shape (n,)."""
        column = self._columns.get((name, dist.family))
        if column is None:
            return np.zeros(self._n, bool)
        found: BoolArray = ~np.isnan(self._values[: self._n, column])
        return found

    # -------------------------------------------------------------------------------- spaces

    @property
    def space(self) -> Space:
        """All parameters of finished trials, each with its latest distribution."""
        if self._space is None:
            self._space = Space(self._latest)
        return self._space

    def unit(self, space: Space, rows: IntArray | None = None) -> FloatArray:
        """Places of the trials in `space`, shape (n, d) or (len(rows), d).

        NaN where a trial lacks the parameter, or its value lies outside the range of today.
        Without `rows` the result is cached per space and extended by new trials only; with
        `rows` the cost does not depend on the length of the history.
        """
        if rows is not None:
            return space.encode(self._values_in(space, rows))
        with self._guard or _lock:
            n, places = self._n, np.empty((0, len(space)))
            cached, done, version = self._units.pop(space, (places, 0, -1))
            if version == self.version:
                places = cached
            else:
                done = 0
            if len(places) < n:
                grown = np.full((len(self._rows), len(space)), np.nan)
                grown[:done] = places[:done]
                places = grown
            if done < n:
                new = np.arange(done, n)
                places[done:n] = space.encode(self._values_in(space, new))
            while len(self._units) >= _UNITS_KEPT:
                del self._units[next(iter(self._units))]
            self._units[space] = (places, n, self.version)
        return places[:n]

    def columns(self, space: Space) -> IntArray:
        """Which column of `values` each parameter of `space` has, -1 for none, shape (d,)."""
        found = [self._columns.get((name, dist.family), -1) for name, dist in space.items()]
        return np.array(found, np.intp)

    def _values_in(self, space: Space, rows: IntArray) -> FloatArray:
        columns = self.columns(space).tolist()
        if -1 not in columns and not self.choices.unions:
            return np.asarray(self._values[rows[:, None], columns])
        values = np.full((len(rows), len(space)), np.nan)
        for j, column in enumerate(columns):
            if column >= 0:
                values[:, j] = self._values[rows, column]
        for j, column, indices in self.choices.others(space):
            found = self._values[rows, column]
            there = found == found
            values[there, j] = indices[found[there].astype(np.intp)]
        return values

    def running(self, but: int | None = None) -> list[Mapping[str, float]]:
        """What is known of the parameters of each trial that runs now, except trial `but`.

        Choices are counted as in `choices.unions`.
        """
        return [
            self.choices.united(draft.known, draft.dists, draft.proposed_from)
            for number, draft in list((self.open if self.others is None else self.others).items())
            if draft.state is TrialState.RUNNING and number != but
        ]

    def layout(self, names: tuple[str, ...], dists: tuple[BaseDistribution, ...]) -> Layout:
        """The layout of these (interned) distributions, made when it is new."""
        key = (names, tuple(map(id, dists)))
        index = self._layout_of.get(key)
        if index is None:
            columns = [self._column_of(name, dist) for name, dist in zip(names, dists, strict=True)]
            index = self._layout_of[key] = len(self.layouts)
            self.layouts.append(Layout(index, names, dists, columns))
            self._widen()
        return self.layouts[index]

    def _column_of(self, name: str, dist: BaseDistribution) -> int:
        """The column of a parameter, made when it is new."""
        key = name, dist.family
        if key not in self._columns:
            self._columns[key] = len(self._columns)
            if isinstance(dist, CategoricalDistribution):
                self.choices.note(name, dist, self._columns[key])
        return self._columns[key]

    def known_layout(
        self, names: tuple[str, ...], dists: tuple[BaseDistribution, ...]
    ) -> int | None:
        """The index of a layout that the log has spelled out already."""
        if self._last_layout >= 0:  # most trials are like the one before
            last = self.layouts[self._last_layout]
            if names == last.names and dists == last.dists:
                return last.index
        return self._layout_of.get((names, tuple(map(id, dists))))

    # --------------------------------------------------------------------------------- folds

    def derived(self, fold: Fold[S]) -> S:
        """The state of `fold`, brought up to date; recomputed when a past row has changed."""
        with self._guard or _lock:
            n, now = self._n, self.version
            state, done, version = self._folds.get(fold, (None, 0, -1))
            if version != now:
                state, done = fold.start(self), 0
            if done < n or version != now:
                state = fold.extend(state, self, done, n)
                self._folds[fold] = (state, n, now)
        return state  # type: ignore[no-any-return]  # what `fold` made

    # --------------------------------------------------------------------------------- rows

    def append(self, draft: Draft, layout: Layout, e: Mapping[str, Any]) -> int:
        """Add the row of a finished trial and return it.

        Args:
            draft: The trial as it was at its end.
            layout: Its parameters; their values are those of `draft.internal`.
            e: The event that ended it: its state, values (of the user, or None) and time.
        """
        row = self._n
        if row == len(self._rows):
            self._grow()
        self._write(row, draft, layout, e)
        if layout.index != self._last_layout:
            self._last_layout = layout.index
            self._note_space(layout)
        self._n = row + 1  # last, for readers that hold no lock
        return row

    def rewrite(self, row: int, draft: Draft, layout: Layout, e: Mapping[str, Any]) -> None:
        """Let a past row say something else; as `append`. Costs O(n), and raises `version`.

        Arrays that were returned before keep what they said.
        """
        known = self._rows["layout"][row]
        self.counts[self._rows["state"][row]] -= 1
        self.attrs.pop(row, None)
        for curves in (self.curves, *self.metrics.values()):
            curves.forget(row)
        for name in ("_rows", "_values", "_losses", "_constraints"):
            setattr(self, name, getattr(self, name).copy())
        for array in (self._values, self._losses, self._constraints):
            array[row] = np.nan
        self._write(row, draft, layout, e)
        if layout.index != known:
            self._note_space(layout)
        if self.best == row:
            self._seek_best()
        self.version += 1

    def _write(self, row: int, draft: Draft, layout: Layout, e: Mapping[str, Any]) -> None:
        """Fill in an empty row."""
        values = e["values"]
        if values is not None:
            for j, (sign, value) in enumerate(zip(self.signs, values, strict=True)):
                self._losses[row, j] = sign * value
        if draft.internal:
            self._values[row, layout.slice] = e.get("x") or list(draft.internal.values())
        violation, feasible = 0.0, True
        if draft.system:
            violation, feasible = self._note_constraints(row, draft.system)
        state, end, by = e["state"], e.get("time"), 0
        if draft.by:
            if draft.by not in self.samplers:
                self.samplers.append(draft.by)
            by = self.samplers.index(draft.by)
        self._rows[row] = (
            draft.number,
            state,
            feasible,
            layout.index,
            by,
            draft.seen,
            np.nan if draft.start is None else draft.start,
            np.nan if end is None else end,
            violation,
        )
        if draft.user or draft.system:
            self.attrs[row] = (draft.user, draft.system)
        is_complete = state == _COMPLETE
        self.curves.note(row, draft.reports, is_complete)
        for name, values in draft.metrics.by_name.items():
            self.metrics.setdefault(name, Curves()).note(row, values, is_complete)
        self.counts[state] += 1
        if is_complete and feasible and len(self.signs) == 1:
            self._note_best(row)

    def row(self, row: int) -> tuple[Any, ...]:
        """Number, state, start and end of a row as Python values; None where not known."""
        number, state, *_, start, end, _ = self._rows[row].item()
        return number, state, *(None if t != t else t for t in (start, end))

    def head(self, row: int) -> tuple[Any, ...]:
        """Number, state, layout, by and violation of a row as Python values."""
        number, state, _, layout, by, _, _, _, violation = self._rows[row].item()
        return number, state, layout, by, violation

    def read(self, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """Rows `first` to `last - 1` as Python values, a few hundred converted at a time.

        Returns:
            For each row number, state, start and end (None where not known), layout, internal
            values in its order, and the objective values as the user gave them or None.
        """
        for begin in range(first, last, _READ_AT_ONCE):
            rows = slice(begin, min(begin + _READ_AT_ONCE, last))
            heads, values = self._rows[rows].tolist(), self._values[rows].tolist()
            for head, value, loss in zip(heads, values, self._losses[rows].tolist(), strict=True):
                number, state, _, index, _, _, start, end, _ = head
                layout = self.layouts[index]
                of = layout.slice
                mine = value[of] if isinstance(of, slice) else [value[c] for c in of.tolist()]
                start, end = (None if t != t else t for t in (start, end))
                yield number, state, start, end, layout, mine, self._given(loss)

    def internal(self, row: int) -> tuple[Layout, list[float]]:
        """The parameters of a row: their layout and internal values."""
        layout = self.layouts[self._rows["layout"][row]]
        return layout, self._values[row, layout.slice].tolist()

    def user_values(self, row: int) -> list[float] | None:
        """The objective values of a row as the user gave them, None if there are none."""
        return self._given(self._losses[row].tolist())

    def _given(self, losses: list[float]) -> list[float] | None:
        if not losses or losses[0] != losses[0]:
            return None
        return [sign * loss for sign, loss in zip(self.signs, losses, strict=True)]

    def _note_best(self, row: int) -> None:
        if self.best is not None:
            old, new = self._losses[self.best, 0], self._losses[row, 0]
            if not new < old and (
                new != old or self._rows["number"][row] > self._rows["number"][self.best]
            ):
                return
        self.best = row

    def _seek_best(self) -> None:
        """Find the best row anew."""
        self.best = None
        complete = self.states == TrialState.COMPLETE
        for row in np.flatnonzero(complete & self.feasible).tolist():
            self._note_best(row)

    def _note_space(self, layout: Layout) -> None:
        latest = self._latest
        for name, dist in zip(layout.names, layout.dists, strict=True):
            if latest.get(name) is not dist:
                latest[name] = dist
                self._space = None

    def _note_constraints(self, row: int, system: Mapping[str, Any]) -> tuple[float, bool]:
        given = constraints_of(system)
        if not given:
            return 0.0, True
        for key in given:
            if key not in self.constraint_keys:
                self.constraint_keys[key] = len(self.constraint_keys)
                self._widen()
        for key, value in given.items():
            self._constraints[row, self.constraint_keys[key]] = value
        violation = sum(value for value in given.values() if value > 0)
        return violation, violation == 0

    def _grow(self) -> None:
        self._rows = np.concatenate([self._rows, np.zeros(len(self._rows), _ROW)])
        for name in ("_values", "_losses", "_constraints"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full(old.shape, np.nan)]))

    def _widen(self) -> None:
        for name, wanted in (("_values", self._columns), ("_constraints", self.constraint_keys)):
            old = getattr(self, name)
            if len(wanted) > old.shape[1]:
                width = max(len(wanted), 2 * old.shape[1]) if old.shape[1] else len(wanted)
                new = np.full((len(old), width), np.nan)
                new[:, : old.shape[1]] = old
                setattr(self, name, new)
