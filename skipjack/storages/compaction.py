"""When the log of a stream gives way to a snapshot, and how one is taken and loaded."""

from __future__ import annotations

from skipjack import logging
from skipjack.records import snapshot
from skipjack.records.replay import Catalogue, StudyState
from skipjack.storages.port import Log, Snapshots

LONG = 2_000  # batches; more of them are not replayed twice

_logger = logging.get_logger(__name__)


def is_milestone(length: int) -> bool:
    """Whether a log of so many batches shall be compacted: each time when it has doubled."""
    return length >= LONG and length % LONG == 0 and (length // LONG).bit_count() == 1


def load(log: Log, stream: int, state: Catalogue | StudyState) -> None:
    """Let a state say what the snapshot of its stream says, if there is a newer one."""
    found = log.load(stream) if isinstance(log, Snapshots) else None
    if found is not None and found[0] > state.position:
        snapshot.restore(state, found[1])


def save(
    log: Log, stream: int, state: Catalogue | StudyState, blank: Catalogue | StudyState
) -> None:
    """Let a snapshot take the place of all that a state has replayed, where the log keeps any.

    Does nothing if the state would not come out of it as it went in.

    Args:
        log: The log.
        stream: The stream.
        state: Its state.
        blank: Another one, of which nothing was replayed.
    """
    if not isinstance(log, Snapshots) or not state.position:
        return
    text = snapshot.of(state)
    snapshot.restore(blank, text)
    if snapshot.of(blank) == text:
        log.save(stream, state.position, text)
    else:
        _logger.warning("Stream %d is not compacted: its snapshot is not exact.", stream)
