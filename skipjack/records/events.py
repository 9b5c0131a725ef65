"""What can happen: events, each a small dict that JSON can write.

The key "do" says what happened. In the catalogue, the one stream that lists the studies:

    study     name, directions, seed, retries, rules, time[, reports]
                                                             a study is made; verdict: its id.
                                                             `retries` per trial, with its reports?
    drop      study                                          it is deleted for ever

and in the stream of each study (trials are named by their number `n`):

    create    time, worker[, deadline, limit, expect, params, seen, by]
                                                             a trial starts; verdict: its number,
                                                             None if there are `limit` trials.
                                                             `params` were drawn for `expect`
    add       time, state, values, start, content            a trial is put in whole, or queued;
                                                             verdict: its number
    claim     n, time, worker[, deadline]                    a queued trial starts; verdict:
                                                             whether this claim was the first
    queue     n                                              a running trial waits (again);
                                                             verdict: whether it did not yet
    propose   n, params, seen, by                            what was drawn for a trial
    write     n, content                                     the worker's buffer is written
    tell      n, time, state, values, content                a trial ends. If it was reclaimed, it
                                                             is what this says after all, and its
                                                             retry is withdrawn if that waits still
    reclaim   n, time, reason[, worker, retry, limit]        a trial whose worker is gone is failed,
                                                             and queued again with the content
                                                             `retry` if there are not yet `limit`
                                                             trials; verdict: the number of that
                                                             one, -1 without, None if the trial had
                                                             ended or is another `worker`'s
    amend     n, time, reason[, state, values, user, system] a trial that has ended is changed
    withdraw  n, time, reason                                it is FAIL, and counts no more
    restore   n, time                                        the newest of these changes is undone
    attr      kind, key, value                               an attribute of the study

Content: any of `user`, `system` (attributes to set), `reports` (pairs of step and value, the value
a list if there are several objectives), `metrics` (by name, pairs of step and value) and the
parameters, as `layout` and `x`: internal values, in the order of a layout. A layout is spelled out
the first time, [[name, distribution], ...], and has from then on the next number; within the batch
that spells it out it is -1 if it is the first that does, -2 if it is the second, and so on.

Times are seconds since the epoch. The rules of a version never change; a stream says its version
for ever. Version 1 knows no `limit` and no `worker` of a reclaim, and there a trial that was
reclaimed has ended for good. Versions 1 and 2 know no `metrics`, and no reports that are lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
METRICS_SINCE = 3  # the version that knows metrics, and reports of several objectives
RULES = 3  # the version of the meanings above


def is_lasting(events: Iterable[Event]) -> bool:
    """Whether a loss of power may not undo events.

    It may undo that a worker has begun a trial, since the worker is then gone as well and nobody
    else has been given anything, and what a trial has reported and logged before it ends.
    """
    return not all(map(_is_passing, events))


_REPORTING = {"do", "n", "reports", "metrics"}


def _is_passing(event: Event) -> bool:
    do = event.get("do")
    return (do == "create" and bool(event.get("worker"))) or (
        do == "write" and event.keys() <= _REPORTING
    )
