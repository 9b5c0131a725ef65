"""What a splitter does with data: sizes, classes, groups and time of each fold, and leaks."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skipjack import _optional
from skipjack.errors import SkipjackError, invalid, wrong_type

selection = _optional.lazy("sklearn.model_selection", "sklearn", "skipjack.model_selection")
multiclass = _optional.lazy("sklearn.utils.multiclass", "sklearn", "skipjack.model_selection")
utils = _optional.lazy("sklearn.utils", "sklearn", "skipjack.model_selection")
pyplot = _optional.lazy("matplotlib.pyplot", "plot", "describe_splits(...).plot")
colors = _optional.lazy("matplotlib.colors", "plot", "describe_splits(...).plot")

_MOST_CLASSES = 20  # different numbers that are taken for classes
_SHOWN_CLASSES = 6  # in the table

IntArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]


class LeakError(SkipjackError, ValueError):
    """Training data of a fold tell of its test data."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One way in which the training part of a fold tells of its test part.

    Attributes:
        fold: The number of the fold, from 0.
        kind: "sample", "duplicate", "group" or "time".
        count: How many samples, rows or groups are in both, or are too late.
        text: A sentence that says it.
    """

    fold: int
    kind: str
    count: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold.

    Attributes:
        train: Indices of training samples.
        test: Indices of test samples.
        train_target: Shares of the classes in training, or mean and standard deviation of a
            number; empty without a target.
        test_target: The same in the test part.
        n_train_groups: How many groups train; None without groups.
        n_test_groups: How many groups are tested.
        shared_groups: How many groups are in both.
        is_forecast: Whether all training samples are earlier than all test samples, in time if
            times were given, else in the order of the data.
    """

    train: IntArray
    test: IntArray
    train_target: tuple[float, ...]
    test_target: tuple[float, ...]
    n_train_groups: int | None
    n_test_groups: int | None
    shared_groups: int | None
    is_forecast: bool


@dataclass(frozen=True, slots=True)
class Splits:
    """All folds of a splitter on some data; its text is a table, `plot` draws it.

    Attributes:
        splitter: How the splitter shows itself.
        n_samples: How many samples the data have.
        classes: The classes of the target; None if it is a number or there is none.
        folds: One record a fold.
        leaks: What `find_leaks` finds.
        target: The target as numbers, for the drawing; None without one.
        groups: The groups as numbers, for the drawing; None without.
    """

    splitter: str
    n_samples: int
    classes: tuple[Any, ...] | None
    folds: tuple[Fold, ...]
    leaks: tuple[Leak, ...]
    target: FloatArray | None
    groups: FloatArray | None

    def __str__(self) -> str:
        lines = [f"{len(self.folds)} folds of {self.splitter} on {self.n_samples} samples", ""]
        lines += _table(self._rows())
        lines += ["", *(f"Leak: {leak}" for leak in self.leaks)] if self.leaks else []
        return "\n".join(lines)

    __repr__ = __str__

    def _rows(self) -> Iterator[list[str]]:
        with_target = any(fold.test_target for fold in self.folds)
        with_groups = any(fold.shared_groups is not None for fold in self.folds)
        head = ["fold", "train", "test"]
        if with_target and self.classes is None:
            head += ["target train", "target test"]
        elif self.classes is not None:
            head += [f"{name} train/test" for name in self.classes[:_SHOWN_CLASSES]]
        yield head + ["groups train/test/both"] * with_groups + ["test is later"]
        for number, fold in enumerate(self.folds):
            row = [str(number), str(len(fold.train)), str(len(fold.test))]
            if with_target and self.classes is None:
                pairs = (fold.train_target, fold.test_target)
                row += [f"{mean:.4g} ± {deviation:.3g}" for mean, deviation in pairs]
            elif self.classes is not None:
                pairs_of = zip(fold.train_target, fold.test_target, strict=True)
                shares = [f"{100 * a:.1f} % / {100 * b:.1f} %" for a, b in pairs_of]
                row += shares[:_SHOWN_CLASSES]
            if with_groups:
                row += [f"{fold.n_train_groups} / {fold.n_test_groups} / {fold.shared_groups}"]
            yield [*row, "yes" if fold.is_forecast else "no"]

    def plot(self, ax: Any = None) -> Any:
        """Draw which samples train and test in each fold, with classes and groups below.

        Args:
            ax: Axes of Matplotlib; new ones if None.

        Returns:
            The axes.
        """
        return draw(self, ax)


def describe_splits(
    cv: Any = None, X: Any = None, y: Any = None, groups: Any = None, *, time: Any = None
) -> Splits:
    """Describe what a splitter does with data; print the result, or call its `plot`.

    Args:
        cv: A splitter, a number of folds, or pairs of index arrays; five folds if None.
        X: The data; only its length counts, and duplicates of its rows.
        y: The target; classes are told from numbers as scikit-learn does.
        groups: One label a sample.
        time: One time a sample (numbers, dates): training data must then not be later than test
            data. Without it the order of the data counts, and only for what is shown.

    Raises:
        ValueError: If the lengths differ, or there is nothing to tell the number of samples by.

    >>> print(describe_splits(GroupKFold(5), X, y, groups))
    """
    n = _length(X, y, groups, time)
    X = np.zeros((n, 1)) if X is None else X
    splits = splits_of(cv, X, y, groups)
    target, classes = _target(y)
    moments = np.arange(n) if time is None else _moments(time)
    labels = None if groups is None else np.asarray(groups)
    folds = tuple(_fold(train, test, target, classes, labels, moments) for train, test in splits)
    codes = None if labels is None else np.unique(labels, return_inverse=True)[1].astype(float)
    found = find_leaks(splits, X, groups=groups, time=time)
    return Splits(_name(cv, splits), n, classes, folds, found, target, codes)


def find_leaks(
    cv: Any,
    X: Any = None,
    y: Any = None,
    *,
    groups: Any = None,
    time: Any = None,
    duplicates: bool = False,
    error: bool = False,
) -> tuple[Leak, ...]:
    """Where training data of a fold tell of its test data.

    Found are the same sample in both parts; the same group, if `groups` are given; training data
    later than the first test sample, if `time` is given; and rows of X that are equal, if asked.

    Args:
        cv: A splitter, a number of folds, or pairs of index arrays.
        X: The data.
        y: The target.
        groups: One label a sample.
        time: One time a sample.
        duplicates: Whether equal rows of X count; missing values are equal there.
        error: Whether to raise an error for what is found.

    Returns:
        At most one leak of a kind a fold; nothing if there is none.

    Raises:
        LeakError: If there is one and `error` is true; a ValueError.
        ValueError: If the lengths differ.
    """
    n = _length(X, y, groups, time)
    splits = splits_of(cv, np.zeros((n, 1)) if X is None else X, y, groups)
    labels = None if groups is None else np.asarray(groups)
    moments = None if time is None else _moments(time)
    rows = _row_numbers(X) if duplicates else None
    found = [
        leak
        for number, (train, test) in enumerate(splits)
        for leak in _leaks(number, train, test, labels, moments, rows)
    ]
    if found and error:
        raise LeakError(" ".join(leak.text for leak in found))
    return tuple(found)


def splits_of(cv: Any, X: Any, y: Any, groups: Any) -> list[tuple[IntArray, IntArray]]:
    """The folds as pairs of index arrays from 0; masks are turned into indices.

    Groups that the splitter does not look at are no reason for a warning here: that they are in
    both parts is what these functions say.
    """
    counted = cv is None or isinstance(cv, int)
    checked = selection.check_cv(cv, y, classifier=counted and y is not None and has_classes(y))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The groups parameter is ignored", UserWarning)
        pairs = list(checked.split(X, y, groups))
    found = [(_indices(train), _indices(test)) for train, test in pairs]
    if not found:
        raise invalid("cv", "give at least one fold", cv)
    n = _length(X, y, groups)
    for number, parts in enumerate(found):
        for name, part in zip(("training", "test"), parts, strict=True):
            if not len(part) or part.min() < -n or part.max() >= n:
                must = f"have {name} samples in fold {number}, with indices below {n}"
                raise invalid("cv", must, part.tolist())
    return [(train % n, test % n) for train, test in found]


def has_classes(y: Any) -> bool:
    """Whether a target is classes: no floats with a fraction, and at most 20 different numbers."""
    if np.ndim(y) != 1 or multiclass.type_of_target(y) not in ("binary", "multiclass"):
        return False
    values = np.asarray(y)
    return values.dtype.kind not in "iuf" or len(np.unique(values)) <= _MOST_CLASSES


class RepeatedSplits:
    """Repeats a shuffled splitter, each time with another random state.

    What `RepeatedKFold` and `RepeatedStratifiedKFold` do, for any splitter that has a
    `random_state`: `StratifiedGroupKFold(shuffle=True)`, `GroupKFold(shuffle=True)`,
    `ShuffleSplit`, yours.

    Args:
        cv: The splitter; it must shuffle. It is not changed.
        n_repeats: How often.
        random_state: Seed of all random states.

    Raises:
        ValueError: While splitting, if the splitter has no `random_state` or does not shuffle.
    """

    def __init__(self, cv: Any, n_repeats: int = 10, *, random_state: int | None = None) -> None:
        self.cv = cv
        self.n_repeats = n_repeats
        self.random_state = random_state

    def __repr__(self) -> str:
        state = f"n_repeats={self.n_repeats}, random_state={self.random_state}"
        return f"RepeatedSplits({self.cv!r}, {state})"

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Pairs of index arrays, one repeat after the other."""
        self._check()
        seeds = np.random.default_rng(self.random_state).integers(2**31 - 1, size=self.n_repeats)
        for seed in seeds.tolist():
            again = copy.copy(self.cv)
            again.random_state = seed
            yield from again.split(X, y, groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many pairs `split` gives."""
        self._check()
        return self.n_repeats * int(self.cv.get_n_splits(X, y, groups))

    def get_metadata_routing(self) -> Any:
        """What metadata the splitter asks for."""
        return self.cv.get_metadata_routing()

    def _check(self) -> None:
        if self.n_repeats < 1:
            raise invalid("n_repeats", "be at least 1", self.n_repeats)
        if not hasattr(self.cv, "random_state") or getattr(self.cv, "shuffle", True) is False:
            hint = "Give the splitter shuffle=True, if it has that argument."
            raise invalid("cv", "be a splitter that shuffles by a random_state", self.cv, hint)


def repeated(
    cv: Any, repeats: int, classifier: bool, random_state: int | None, grouped: bool = False
) -> Any:
    """A splitter for a number of folds, and any splitter repeated if `repeats` is above 1.

    For a number, the folds are shuffled, stratified for a classifier, and keep groups together.

    Raises:
        ValueError: If `repeats` is below 1, or the splitter cannot be repeated.
    """
    if isinstance(repeats, bool) or not hasattr(repeats, "__index__"):
        raise wrong_type("repeats", "be a whole number", repeats)
    if repeats < 1:
        raise invalid("repeats", "be at least 1", repeats)
    if cv is None or isinstance(cv, int):
        kinds = (selection.KFold, selection.StratifiedKFold)
        if grouped:
            kinds = (selection.GroupKFold, selection.StratifiedGroupKFold)
        cv = kinds[classifier](5 if cv is None else cv, shuffle=True, random_state=random_state)
    return cv if repeats == 1 else RepeatedSplits(cv, repeats, random_state=random_state)


def draw(splits: Splits, ax: Any = None) -> Any:
    """Draw folds as rows of samples on axes of Matplotlib, new ones if None; the axes."""
    if ax is None:
        _, ax = pyplot.subplots(figsize=(8, 1.2 + 0.3 * len(splits.folds)))
    rows = np.full((len(splits.folds), splits.n_samples), np.nan)
    for row, fold in zip(rows, splits.folds, strict=True):
        row[fold.train], row[fold.test] = 0.0, 1.0
    two = colors.ListedColormap(["#9ecae1", "#e6550d"])
    n, look = splits.n_samples, {"aspect": "auto", "interpolation": "nearest"}
    ax.imshow(rows, cmap=two, vmin=0, vmax=1, extent=(0, n, len(rows), 0), **look)
    names = [f"fold {number}" for number in range(len(rows))]
    strips = [("target", splits.target, "viridis"), ("group", splits.groups, "tab20")]
    for name, values, colormap in strips:
        if values is not None:
            at = len(names)
            shown = values % 20 if name == "group" else values
            ax.imshow(shown[None, :], cmap=colormap, extent=(0, n, at + 1, at), **look)
            names.append(name)
    ax.set_xlim(0, n)
    ax.set_ylim(len(names), 0)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.set_xlabel("sample")
    ax.set_title(f"{splits.splitter}\ntraining blue, test orange", fontsize="medium")
    return ax


# One fold


def _fold(
    train: IntArray,
    test: IntArray,
    target: FloatArray | None,
    classes: Sequence[Any] | None,
    groups: Any,
    moments: Any,
) -> Fold:
    ours: set[Any] = set() if groups is None else set(groups[train].tolist())
    theirs: set[Any] = set() if groups is None else set(groups[test].tolist())
    return Fold(
        train,
        test,
        _told(target, classes, train),
        _told(target, classes, test),
        None if groups is None else len(ours),
        None if groups is None else len(theirs),
        None if groups is None else len(ours & theirs),
        bool(len(train) and len(test) and moments[train].max() < moments[test].min()),
    )


def _told(
    target: FloatArray | None, classes: Sequence[Any] | None, part: IntArray
) -> tuple[float, ...]:
    if target is None or not len(part):
        return ()
    values = target[part]
    if classes is None:
        return float(values.mean()), float(values.std())
    return tuple((np.bincount(values.astype(int), minlength=len(classes)) / len(part)).tolist())


def _leaks(
    number: int, train: IntArray, test: IntArray, groups: Any, time: Any, rows: IntArray | None
) -> Iterator[Leak]:
    same = len(np.intersect1d(train, test))
    if same:
        yield Leak(number, "sample", same, f"Fold {number} trains on {same} of its test samples.")
    if groups is not None:
        both = sorted(map(str, set(groups[train].tolist()) & set(groups[test].tolist())))
        if both:
            some = ", ".join(both[:3]) + (", …" if len(both) > 3 else "")
            noun = "group" if len(both) == 1 else "groups"
            what = f"Fold {number} has {len(both)} {noun} in training and test: {some}."
            yield Leak(number, "group", len(both), what)
    if time is not None and len(train) and len(test):
        late = int((time[train] > time[test].min()).sum())
        if late:
            what = f"Fold {number} trains on {late} samples later than its first test sample."
            yield Leak(number, "time", late, what)
    if rows is not None:
        twice = int(np.isin(rows[test], rows[np.setdiff1d(train, test)]).sum())
        if twice:
            what = f"Fold {number} has {twice} test rows that are also training rows."
            yield Leak(number, "duplicate", twice, what)


# Arguments


def _indices(part: Any) -> IntArray:
    array = np.asarray(part)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.intp)


def _length(*given: Any) -> int:
    there = [array for array in given if array is not None]
    if not there:
        raise invalid("X", "be given, or `y` or `groups`", None)
    sizes = {array.shape[0] if hasattr(array, "shape") else len(array) for array in there}
    if len(sizes) > 1:
        raise invalid("X", "be as long as `y`, `groups` and `time`", sorted(sizes))
    return int(sizes.pop())


def _moments(time: Any) -> Any:
    """Times as an array that can be compared."""
    hint = "`pandas.to_datetime` reads dates."
    moments: Any = np.asarray(time)
    if moments.dtype.kind == "U" or all(isinstance(moment, str) for moment in moments.flat):
        try:
            moments = moments.astype("datetime64")  # as ISO 8601 writes them
        except ValueError as error:
            raise invalid("time", "be numbers or dates", moments.flat[0], hint) from error
    if moments.dtype.kind == "O":
        if not all(moment is not None and moment == moment for moment in moments.flat):
            raise invalid("time", "have no missing values", None)
        return np.unique(moments, return_inverse=True)[1]
    if moments.dtype.kind in "fmM" and np.isnan(moments).any():
        raise invalid("time", "have no missing values", moments[np.isnan(moments)][0])
    return moments


def _target(y: Any) -> tuple[FloatArray | None, tuple[Any, ...] | None]:
    """The target as numbers (the numbers of its classes), and the classes."""
    if y is None or np.ndim(y) != 1:
        return None, None
    if has_classes(y):
        names, codes = np.unique(np.asarray(y), return_inverse=True)
        return codes.astype(float), tuple(names.tolist())
    return np.asarray(y, dtype=float), None


def _row_numbers(X: Any) -> IntArray:
    """A number for each row, the same for equal ones; missing values are equal."""
    keys: list[Any]
    if hasattr(X, "tocsr"):
        rows = X.tocsr(copy=True)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        parts = list(itertools.pairwise(rows.indptr.tolist()))
        keys = [(rows.indices[a:b].tobytes(), rows.data[a:b].tobytes()) for a, b in parts]
    else:
        table = np.asarray(X)
        if not table.ndim:
            raise invalid("X", "be a table to look for duplicates", type(X).__name__)
        table = table.reshape(len(table), -1)
        if np.issubdtype(table.dtype, np.number):
            keys = [row.tobytes() for row in table + 0.0]  # without zeros below 0
        else:
            keys = [repr(row) for row in table.tolist()]
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def _name(cv: Any, splits: Sequence[Any]) -> str:
    if cv is None or isinstance(cv, int):
        return f"cv={len(splits)}"
    listed = isinstance(cv, Iterable) and not hasattr(cv, "split")
    return "given indices" if listed else " ".join(str(cv).split())


def _table(rows: Iterable[list[str]]) -> list[str]:
    """Lines of a table, right-aligned under its head."""
    cells = list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
