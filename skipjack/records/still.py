"""A history that stands still while others go on: what a proposal is made from, without a lock."""

from __future__ import annotations

import copy
import threading

from skipjack.records.history import History
from skipjack.records.replay import StudyState
from skipjack.records.states import TrialState


def still(state: StudyState, shared: bool) -> History:
    """The history of a study as it is at this moment, which later trials do not change.

    Of the trials that run it knows what the log says of them if it is `shared`: so whoever reads
    the log can propose the same.

    The ledger's lock is held during the call, and that of proposals as long as the result is used:
    the next call uses it up.
    """
    live = state.history
    state.standing = made = _standing(live, state.standing)
    if shared:
        running = TrialState.RUNNING
        made.others = {n: d.logged() for n, d in live.open.items() if d.state is running}
    return made


def _standing(live: History, last: History | None) -> History:
    """A copy of `live`, or what was one before, brought up to date.

    Rows are shared, since they are never written to again; what is derived from them is not, so
    that nobody else has carried it further. `open` is that of `live`.
    """
    if live._space is None:
        live.space  # noqa: B018 (made now, from what may change later)
    made = last
    if made is None:
        made = copy.copy(live)
        made._guard = threading.RLock()
        made._units, made._folds = {}, {}
        made._columns, made.constraint_keys, made.choices = {}, {}, live.choices.copy()
    made._n, made.version, made.best = live._n, live.version, live.best
    made.counts = live.counts[:]
    made._rows, made._values, made._losses = live._rows, live._values, live._losses
    made._constraints, made._space = live._constraints, live._space
    if len(made._columns) != len(live._columns):
        made._columns, made.choices = dict(live._columns), live.choices.copy()
    if len(made.constraint_keys) != len(live.constraint_keys):
        made.constraint_keys = dict(live.constraint_keys)
    return made
