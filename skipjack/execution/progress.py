"""The progress bar of `optimize`."""

from __future__ import annotations

import sys
import threading
from typing import Any

from skipjack import _optional, logging
from skipjack.records.attributes import warn_user
from skipjack.records.replay import StudyState

tqdm_auto = _optional.lazy("tqdm.auto")


def bar_over(n_trials: int | None, timeout: float | None) -> ProgressBar | None:
    """A bar over trials or seconds.

    Warns:
        UserWarning: If neither number is known: then there is no bar.
    """
    if n_trials is None and timeout is None:
        warn_user("A progress bar needs `n_trials` or `timeout`; there is none.")
        return None
    return ProgressBar(n_trials, timeout)


class ProgressBar:
    """A bar over trials, or over seconds when only a timeout is known; shows the best so far.

    Records of the log are written above the bar while it is shown.
    """

    def __init__(self, n_trials: int | None, timeout: float | None) -> None:
        self._by_seconds = n_trials is None
        self._lock = threading.Lock()
        total: float | None = n_trials
        form: dict[str, Any] = {}
        if self._by_seconds:
            total = timeout
            form["bar_format"] = "{desc} {percentage:3.0f}%|{bar}| {elapsed}/{total:.0f} s"
        self._bar: Any = tqdm_auto.tqdm(total=total, **form)
        logging.write_through(self._write)

    def _write(self, text: str) -> None:
        self._bar.write(text, file=sys.stderr)

    def update(self, state: StudyState, seconds: float) -> None:
        """One more trial has ended, `seconds` after the start."""
        with self._lock:
            best = state.history.best
            if best is not None:
                value = (state.history.user_values(best) or [float("nan")])[0]
                number = state.history.row(best)[0]
                self._bar.set_description(
                    f"Best trial: {number}. Best value: {value:.6g}", refresh=False
                )
            if self._by_seconds:
                self._bar.update(min(seconds, self._bar.total) - self._bar.n)
            else:
                self._bar.update(1)

    def close(self) -> None:
        """Leave the bar as it is, and the log to itself."""
        logging.write_through(None)
        self._bar.close()
