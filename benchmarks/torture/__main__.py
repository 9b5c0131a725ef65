"""Kills workers of every backend at random moments, and checks that nothing that was told is lost.

    nice -n 5 python -m benchmarks.torture                            all backends, 1,000 kills each
    python -m benchmarks.torture --backend sqlite --kills 200
    python -m benchmarks.torture --backend journal --break torn      must fail

Eight workers are forked from a warm parent and run trials that cost nothing. They are killed with
SIGKILL by chance, or shortly after they began an append, or kill themselves at a step of one: with
half a line written, before the flush, before the commit, before the answer is read, or before it is
used. Some batches are written twice, as after a lost acknowledgement. Meanwhile servers are
killed and started again, the disk is full for a while, and another program locks rows. After each
round fresh processes must find every trial that was told with its value, numbers without gaps, no
trial that runs for ever, the same in each process, and nothing wrong by `skipjack.storages.check`.

The servers are started by this program, so their programs must be installed; the full disk needs
the right to mount. The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import skipjack
from benchmarks.torture.hunt import Hunt
from benchmarks.torture.places import PLACES
from benchmarks.torture.rules import RULES
from benchmarks.torture.victim import objective
from skipjack.samplers import RandomSampler

ROUND = 200  # kills on one study
COLUMNS = ("kills", "inside", "told", "lost", "duplicates", "reclaimed", "seconds")
_SUMS = ("told", "lost", "duplicates", "trials", "reclaimed")


def tortured(name: str, kills: int, seconds: float, broken: str) -> tuple[Counter[str], list[str]]:
    """The figures of a backend, and what was wrong."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, PLACES[name](Path(folder)) as new:
        i = 0
        while counts["kills"] < kills and time.monotonic() < start + seconds and not problems:
            hunt = Hunt(new(i), Path(folder), broken)
            hunt.run(min(ROUND, kills - counts["kills"]), start + seconds)
            found = hunt.verdict()
            counts += hunt.counts
            counts.update({key: found.get(key, 0) for key in _SUMS})
            problems += found["problems"]
            i += 1
    counts["seconds"] = round(time.monotonic() - start)
    return counts, problems


def table(rows: dict[str, Counter[str]]) -> Iterator[str]:
    yield f"{'backend':14}" + "".join(f"{name:>12}" for name in COLUMNS)
    for name, counts in rows.items():
        yield f"{name:14}" + "".join(f"{counts[column]:12,}" for column in COLUMNS)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.torture",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--backend", action="append", choices=PLACES, help="one or more; else all")
    parser.add_argument("--kills", type=int, default=1000, help="for each backend")
    parser.add_argument("--seconds", type=float, default=600.0, help="at most, for each backend")
    broken = "; ".join(f"{name}: {text}" for name, text in RULES.items())
    parser.add_argument("--break", dest="broken", choices=RULES, default="", help=broken)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and mounts end with us
    skipjack.logging.set_verbosity(skipjack.logging.CRITICAL)
    warm = skipjack.create_study(sampler=RandomSampler())
    warm.optimize(objective, n_trials=2)
    rows, is_well = {}, True
    for name in given.backend or PLACES:
        rows[name], problems = tortured(name, given.kills, given.seconds, given.broken)
        others = {k: v for k, v in sorted(rows[name].items()) if k not in COLUMNS}
        print(f"{name}: {others}", flush=True)
        for problem in problems:
            is_well = False
            print(f"  ! {problem}", flush=True)
    print("", *table(rows), sep="\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
