"""Studies on their way from one storage to another, with all that belongs to them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from skipjack.records.attributes import plain
from skipjack.records.events import RULES, Event
from skipjack.records.frozen import FrozenTrial
from skipjack.records.replay import DYNAMIC_CHOICES, StudyState
from skipjack.records.states import StudyDirection
from skipjack.rng import fresh_seed
from skipjack.storages.adding import Adding
from skipjack.storages.port import Batch

_AT_ONCE = 1000  # events of a batch: what a server takes in one go, and a reader keeps in memory


@final
@dataclass(frozen=True, slots=True)
class WholeStudy:
    """A study with its trials, by number from 0.

    Attributes:
        name: Its name.
        directions: The direction of each objective.
        user: The user's attributes.
        system: The library's attributes.
        trials: Its trials; their numbers are their places in the list.
        retries: How often a trial whose worker died is tried again.
        reports: Whether it begins with its reports then.
        seed: For samplers that have none of their own; None: a fresh one.
    """

    name: str
    directions: Sequence[StudyDirection]
    user: dict[str, Any]
    system: dict[str, Any]
    trials: Sequence[FrozenTrial]
    retries: int = 1
    reports: bool = False
    seed: int | None = None

    def events(self, state: StudyState) -> Iterator[list[Event]]:
        """The content of the study as batches of events, for a study that is empty.

        Args:
            state: Of that study; must have replayed a batch before the next one is asked for.
        """
        events: list[Event] = [
            {"do": "attr", "kind": kind, "key": key, "value": plain(value)}
            for kind, attrs in (("system", self.system), ("user", self.user))
            for key, value in attrs.items()
        ]
        if DYNAMIC_CHOICES in self.system:  # or trials would be refused
            yield events
            events = []
        adding = Adding(state, strict=False)
        for trial in self.trials:
            events.append(adding.event(trial))
            if len(events) >= _AT_ONCE:
                yield events
                events, adding = [], Adding(state, strict=False)
        if events:
            yield events


def catalogue(heads: Sequence[tuple[str, Sequence[int]]], **origin: Any) -> Batch:
    """The batch that makes studies of these names and directions, with ids from 0 on.

    The first event notes where they come from; replay passes over that.
    """
    now = time.time()
    events: list[Event] = [
        {
            "do": "study",
            "name": name,
            "directions": [int(d) for d in directions],
            "seed": fresh_seed(),
            "retries": 1,
            "rules": RULES,
            "time": now,
        }
        for name, directions in heads
    ]
    if events:
        events[0].update(origin)
    return os.urandom(8).hex(), 1, events


def stream(study_id: int, study: WholeStudy) -> Iterator[Batch]:
    """The stream of a study that the catalogue has under this id."""
    writer, state = os.urandom(8).hex(), StudyState(study_id, [int(d) for d in study.directions])
    for i, events in enumerate(study.events(state), 1):
        state.replay(events, own=False)
        yield writer, i, events
