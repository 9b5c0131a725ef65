"""Rules that can be broken on purpose, to see that the torture notices."""

from __future__ import annotations

import threading
from typing import Any

from skipjack.records.replay import Catalogue, StudyState
from skipjack.storages.ledger import Ledger
from skipjack.storages.lines import Lines

RULES = {
    "early": "`tell` returns before the append is written",
    "torn": "the half line that a killed worker leaves is not cut off (file log)",
    "twice": "a batch that was sent again after a lost acknowledgement counts twice",
}


def break_rule(name: str) -> None:
    """Break a rule in this process."""
    if name == "early":
        tell = Ledger.tell

        def tell_later(*arguments: Any) -> None:
            threading.Timer(0.02, tell, arguments).start()

        Ledger.tell = tell_later  # type: ignore[assignment,method-assign]
    elif name == "torn":
        mend = Lines.mend

        def leave(self: Lines, file: Any) -> None:
            if self.name is None:
                mend(self, file)
            self.end = file.seek(0, 2)

        Lines.mend = leave  # type: ignore[method-assign]
    elif name == "twice":
        for kind in (Catalogue, StudyState):
            _forget(kind)


def _forget(kind: Any) -> None:
    apply = kind.apply

    def applied_anew(self: Any, writer: str, *rest: Any) -> Any:
        self.applied.pop(writer, None)
        return apply(self, writer, *rest)

    kind.apply = applied_anew
