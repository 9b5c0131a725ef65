"""Random search."""

from __future__ import annotations

from collections.abc import Mapping

from skipjack.records.history import History
from skipjack.records.space import Space
from skipjack.rng import Stream
from skipjack.samplers.base import ModelSampler


class RandomSampler(ModelSampler):
    """Draws every parameter uniformly on its scale, whatever happened before.

    A value depends on the seed, the number of the trial and the name of the parameter alone.

    Args:
        seed: For reproducible draws; None: each study has its own.
    """

    purpose = "random"
    reads_history = False

    def propose(
        self, history: History, space: Space, stream: Stream, given: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Independent uniform values; see `ModelSampler.propose`."""
        return space.decode(stream.at_each(space.names))
