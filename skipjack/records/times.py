"""Times are seconds since the epoch in the log, and naive local datetimes for the user."""

from __future__ import annotations

import datetime

_from_timestamp = datetime.datetime.fromtimestamp


def local_time(seconds: float | None) -> datetime.datetime | None:
    """The naive local time, exact to the microsecond; None for None."""
    return None if seconds is None else _from_timestamp(seconds)


def epoch_seconds(time: datetime.datetime | None) -> float | None:
    """The reverse; an aware datetime is converted, a naive one taken as local time."""
    return None if time is None else time.timestamp()
