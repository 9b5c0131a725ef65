"""What trials reported, trial by trial and step by step."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

# Steps, shape (k,), and values as the user gave them, in the order in which they were reported:
# shape (k,), or (k, m) if each is a list of one value per objective.
Curve: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
Report: TypeAlias = "float | list[float]"
ByName: TypeAlias = dict[str, dict[int, float]]  # of a metric, values by step

_NONE = array("d")


@final
class Metrics:
    """What a trial logged under names of its own. Its keys are pairs of name and step.

    Attributes:
        by_name: Values by step of each metric; the dicts stay the same as long as they are there.
    """

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: ByName = {}

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((name, step) for name, values in self.by_name.items() for step in values)

    def __contains__(self, key: tuple[str, int]) -> bool:
        return key[1] in self.by_name.get(key[0], ())

    def __getitem__(self, key: tuple[str, int]) -> float:
        return self.by_name[key[0]][key[1]]

    def __setitem__(self, key: tuple[str, int], value: float) -> None:
        self.by_name.setdefault(key[0], {})[key[1]] = value

    def __delitem__(self, key: tuple[str, int]) -> None:
        del self.by_name[key[0]][key[1]]
        if not self.by_name[key[0]]:
            del self.by_name[key[0]]

    def copy(self) -> Metrics:
        """Another one of the same content."""
        made = Metrics()
        made.by_name = {name: of.copy() for name, of in list(self.by_name.items())}
        return made


def in_content(noted: Mapping[tuple[str, int], float]) -> dict[str, list[tuple[int, float]]]:
    """Metrics as they stand in an event: pairs of step and value by name."""
    found: dict[str, list[tuple[int, float]]] = {}
    for (name, step), value in noted.items():
        found.setdefault(name, []).append((step, value))
    return found


def from_content(content: Mapping[str, Any]) -> dict[tuple[str, int], float]:
    """The opposite of `in_content`."""
    return {(name, step): value for name, pairs in content.items() for step, value in pairs}


def copied(reports: Mapping[int, Any]) -> dict[int, Any]:
    """Reports, with lists that are the caller's own."""
    if type(next(iter(reports.values()), None)) is not list:
        return dict(reports)
    return {step: list(v) if type(v) is list else v for step, v in list(reports.items())}


@final
class Curves(dict[int, Curve]):
    """The curves of the rows that have one.

    Those of COMPLETE trials are kept by step as well, so that nobody has to go through all of
    them to compare a trial at a step.
    """

    def __init__(self, width: int = 1) -> None:
        """Begin with none; `width` is how many values a report has that is kept by step."""
        super().__init__()
        self._width = width
        self._complete: set[int] = set()
        self._at: dict[int, array[float]] = {}

    def note(self, row: int, reports: Mapping[int, Report], complete: bool) -> None:
        """Take in what a trial reported; O(reports)."""
        if not reports:
            return
        steps = np.fromiter(reports, np.int64, len(reports))
        if self._width == 1:
            self[row] = steps, np.fromiter(reports.values(), float, len(reports))
        else:
            self[row] = steps, _table(list(reports.values()))
        if complete:
            self._complete.add(row)
            self._spread(reports)

    def restore(self, row: int, curve: Curve, complete: bool) -> None:
        """Take in a curve as it was."""
        self.note(row, dict(zip(curve[0].tolist(), curve[1].tolist(), strict=True)), complete)

    def _spread(self, reports: Mapping[int, Report]) -> None:
        columns, width = self._at, self._width
        for step, value in reports.items():
            column = columns.get(step)
            if column is None:
                column = columns[step] = array("d")
            if not isinstance(value, list):
                if width == 1:
                    column.append(value)
            elif len(value) == width:  # of several objectives, and of each
                column.extend(value)

    def forget(self, row: int) -> None:
        """Take back what a trial reported; O(all reports)."""
        self.pop(row, None)
        if row in self._complete:
            self._complete.remove(row)
            self._at = {}
            for other in sorted(self._complete):
                steps, values = self[other]
                self._spread(dict(zip(steps.tolist(), values.tolist(), strict=True)))

    def at(self, step: int) -> array[float]:
        """The values of COMPLETE trials at a step, oldest first; do not write to it.

        With m objectives, m values of each, one after the other.
        """
        return self._at.get(step, _NONE)


def _table(reports: list[Report]) -> npt.NDArray[np.float64]:
    """Values of reports, shape (k, m) if one has m; a single value of those is followed by NaN."""
    m = max(len(report) if type(report) is list else 1 for report in reports)
    if m == 1:
        return np.array(reports, float)
    rows = [report if type(report) is list else [report] for report in reports]
    return np.array([[*row, *[np.nan] * (m - len(row))] for row in rows])
