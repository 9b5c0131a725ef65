"""What can happen: events, each a small dict that JSON can write.

The key "do" says what happened. In the catalogue, the one stream that lists the studies:

    study     name, directions, seed, retries, rules, time   a study is made; verdict: its id
    drop      study                                          it is deleted for ever

and in the stream of each study (trials are named by their number `n`):

    create    time, worker[, expect, params, seen, by]       a trial starts; verdict: its number.
                                                             `params` were drawn for `expect`
    add       time, state, values, start, content            a trial is put in whole, or queued;
                                                             verdict: its number
    claim     n, time, worker                                a queued trial starts; verdict:
                                                             whether this claim was the first
    queue     n                                              a running trial waits (again);
                                                             verdict: whether it did not yet
    propose   n, params, seen, by                            what was drawn for a trial
    write     n, content                                     the worker's buffer is written
    tell      n, time, state, values, content                a trial ends
    reclaim   n, time, reason[, retry]                       a trial whose worker is gone is failed,
                                                             and queued again with the content
                                                             `retry`; verdict: the number of that
                                                             one, -1 without, None if it had ended
    attr      kind, key, value                               an attribute of the study

Content: any of `user`, `system` (attributes to set), `reports` (pairs of step and value) and the
parameters, as `layout` and `x`: internal values, in the order of a layout. A layout is spelled out
the first time, [[name, distribution], ...], and has from then on the next number; within the batch
that spells it out it is -1 if it is the first that does, -2 if it is the second, and so on.

Times are seconds since the epoch. The rules of a version never change; a stream says its version.
"""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]
RULES = 1  # the version of the meanings above
