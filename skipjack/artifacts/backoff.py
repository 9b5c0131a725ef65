"""Trying again what a store failed to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO, TypeVar, final

from skipjack import logging
from skipjack.artifacts.port import ArtifactStore
from skipjack.errors import ArtifactNotFound, InvalidTypeError, InvalidValueError, invalid

T = TypeVar("T")
_logger = logging.get_logger(__name__)


@final
class Backoff:
    """A store whose failures are met with patience: it tries again, later each time.

    An artifact that is not there, and an id that cannot be, are no failures of the store.

    Args:
        backend: The store.
        max_retries: How often to try in all.
        multiplier: By what the delay grows.
        min_delay: The first delay, in seconds.
        max_delay: The longest.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        backend: ArtifactStore,
        *,
        max_retries: int = 10,
        multiplier: float = 2,
        min_delay: float = 0.1,
        max_delay: float = 30,
    ) -> None:
        for name, value, least in (
            ("max_retries", max_retries, 1),
            ("multiplier", multiplier, 1),
            ("min_delay", min_delay, 0),
            ("max_delay", max_delay, min_delay),
        ):
            if not value >= least:
                raise invalid(name, f"be at least {least}", value)
        self._backend = backend
        self._tries, self._multiplier = max_retries, multiplier
        self._first, self._longest = min_delay, max_delay

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The content of an artifact, to be read and closed.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        return self._patiently(lambda: self._backend.open_reader(artifact_id))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep a content under an id; it is read from where it is, each time.

        What cannot be read twice is tried once.
        """
        if not content_body.seekable():
            self._backend.write(artifact_id, content_body)
            return
        start = content_body.tell()

        def write() -> None:
            content_body.seek(start)
            self._backend.write(artifact_id, content_body)

        self._patiently(write)

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact; one that a failed try has removed is not missed.

        Raises:
            ArtifactNotFound: If there is none of that id.
        """
        tried = False

        def remove() -> None:
            nonlocal tried
            again, tried = tried, True
            try:
                self._backend.remove(artifact_id)
            except ArtifactNotFound:
                if not again:
                    raise

        self._patiently(remove)

    def _patiently(self, do: Callable[[], T]) -> T:
        delay = self._first
        for left in range(self._tries - 1, -1, -1):
            try:
                return do()
            except (ArtifactNotFound, InvalidTypeError, InvalidValueError):
                raise
            except Exception as error:
                if not left:
                    raise
                _logger.warning("An artifact store failed (%r); next try in %g s", error, delay)
            time.sleep(delay)
            delay = min(delay * self._multiplier, self._longest)
        raise AssertionError("the last try returns or raises")
