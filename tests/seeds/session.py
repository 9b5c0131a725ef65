"""Run pieces of code one after the other in one namespace, as a notebook does.

Run: python session.py < pieces.json > results.json
A piece is [name, code]; a result has what it wrote and the traceback if it failed. A piece that
fails does not keep the next ones from running.
"""

import io
import json
import random
import sys
import time
import traceback
import types
import warnings

from skipjack import rng


class Tape(io.StringIO):
    """A stream that stays the same while its text is taken piece by piece."""

    def take(self) -> str:
        """Everything written since the last call."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def main() -> None:
    """Read the pieces, run them, write the results."""
    pieces = json.load(sys.stdin)
    # Studies without a seed draw the same ones each time, so that no piece fails one day.
    rng.os = types.SimpleNamespace(urandom=random.Random(0).randbytes)  # type: ignore[assignment]
    results = {}
    namespace = {"__name__": "__main__"}
    terminal = sys.stdout
    sys.stdout, sys.stderr = out, err = Tape(), Tape()
    warnings.simplefilter("always")
    for name, code in pieces:
        start, failure = time.perf_counter(), None
        try:
            exec(compile(code, name, "exec"), namespace)
        except BaseException:
            failure = traceback.format_exc()
        seconds = round(time.perf_counter() - start, 3)
        results[name] = {
            "out": out.take(),
            "err": err.take(),
            "failure": failure,
            "seconds": seconds,
        }
    json.dump(results, terminal)


if __name__ == "__main__":
    main()
