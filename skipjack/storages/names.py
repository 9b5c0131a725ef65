"""The storages under the names that users of Optuna know, and from URLs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from skipjack import _optional
from skipjack._deprecate import warn_deprecated
from skipjack.errors import invalid, wrong_type
from skipjack.records.thaw import TRIALS_PER_STUDY
from skipjack.storages.base import BaseHeartbeat, BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger, opened

foreign = _optional.lazy("skipjack.storages.foreign")
sqlite = _optional.lazy("skipjack.storages.sqlite")
urls = _optional.lazy("skipjack.storages.urls")


@final
class InMemoryStorage(LedgerStorage):
    """Studies that live as long as this process."""

    def __init__(self) -> None:
        super().__init__(Ledger())


@final
class RDBStorage(LedgerStorage, BaseHeartbeat):
    """Studies in an SQLite file or a database server, which any number of processes may share.

    Nothing that was told is lost when a process is killed or the power fails. Trials of a
    process that died are failed, with the reason, by the next one that asks for a trial. While a
    server is away, calls wait for it up to a minute.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite:///:memory:`,
            `postgresql://user:password@host/name`, `mysql://...` or `mariadb://...`. A server's
            URL takes whichever driver is installed, or names one: `+psycopg`, `+psycopg2`;
            `+pymysql`, `+mysqldb`. The database must exist; our tables in it begin with
            `skipjack_`.
        engine_kwargs: Of a server, as `sqlalchemy.create_engine` takes them: `connect_args` are
            given to the driver; those of pools have no use, since a process has one connection.
        skip_compatibility_check: Accepted for compatibility; the format is always checked.
        heartbeat_interval: How often this process says that it is alive, in seconds, while it
            runs trials; 15 if None. Processes on one machine need it not to be noticed.
        grace_period: After how many seconds without a word a process elsewhere is taken for dead;
            twice `heartbeat_interval`, or 60 if neither is given.
        heartbeat_stale_trial_callback: Called with (study, trial) for each trial whose process is
            gone, in the place of `create_study(max_retries=...)`.
        failed_trial_callback: The older name of `heartbeat_stale_trial_callback`.
        skip_table_creation: Accepted for compatibility; missing tables are always made.

    Raises:
        ValueError: If the URL is not one of a database.
        MissingDependencyError: If there is no driver for the server.
        StorageInternalError: If the file or the database cannot be opened.
    """

    medium = "RDB"

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        heartbeat_interval: int | None = None,
        grace_period: int | None = None,
        heartbeat_stale_trial_callback: Callable[[Any, Any], None] | None = None,
        failed_trial_callback: Callable[[Any, Any], None] | None = None,
        skip_table_creation: bool = False,
    ) -> None:
        for name, value in (
            ("heartbeat_interval", heartbeat_interval),
            ("grace_period", grace_period),
        ):
            if value is not None and value <= 0:
                raise invalid(name, "be positive", value)
        log = urls.kind_of(url, self.medium).open(url, engine_kwargs or {})
        if failed_trial_callback is not None:
            warn_deprecated("storages.RDBStorage(failed_trial_callback)")
        if grace_period is None and heartbeat_interval is not None:
            grace_period = 2 * heartbeat_interval
        super().__init__(Ledger() if log is None else opened(log, heartbeat_interval, grace_period))
        self.url = url
        self.engine_kwargs = engine_kwargs or {}
        self.heartbeat_interval = heartbeat_interval
        self.grace_period = grace_period
        self.stale_callback = heartbeat_stale_trial_callback or failed_trial_callback
        self.heartbeat_stale_trial_callback = self.stale_callback

    def record_heartbeat(self, trial_id: int) -> None:
        """Say that the worker of a trial is alive; a worker of `optimize` does so by itself."""
        state, number = self.ledger.find(trial_id)
        draft = state.open_draft(number)
        with self.ledger.lock:
            self.ledger.watch.beat_for(draft.worker or self.ledger.worker)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        with self.ledger.lock:
            lost = self.ledger.watch.lost(self.ledger.sync(study_id), at_once=True)
        return sorted({study_id * TRIALS_PER_STUDY + draft.number for draft, _ in lost})

    def get_heartbeat_interval(self) -> int | None:
        """What was given as `heartbeat_interval`."""
        return self.heartbeat_interval

    def get_heartbeat_stale_trial_callback(self) -> Callable[[Any, Any], None] | None:
        """What was given as `heartbeat_stale_trial_callback`."""
        return self.heartbeat_stale_trial_callback

    def get_current_version(self) -> str:
        """The version of the format of the file."""
        return f"skipjack.{sqlite.FORMAT}"

    def get_head_version(self) -> str:
        """The newest version of the format that this Skipjack knows."""
        return f"skipjack.{sqlite.FORMAT}"

    def get_all_versions(self) -> list[str]:
        """All versions of the format there have been."""
        return [f"skipjack.{n}" for n in range(1, sqlite.FORMAT + 1)]

    def upgrade(self) -> None:
        """Bring the file to the newest format; there has been one only."""


def _storage_at(url: str) -> LedgerStorage:
    kind = urls.kind_of(url)
    if kind.medium == RDBStorage.medium:
        return RDBStorage(url)
    storage = LedgerStorage(opened(kind.open(url, {})))
    storage.medium = kind.medium
    return storage


def get_storage(storage: str | BaseStorage | None) -> BaseStorage:
    """The storage that is meant: a new one in memory for None, the one at a URL, or itself.

    Raises:
        ValueError: If a URL is none that Skipjack knows.
        TypeError: If it is neither a URL nor a storage.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, str):
        return _storage_at(storage)
    if isinstance(storage, BaseStorage):
        return storage
    raise wrong_type("storage", "be None, a URL or a storage", storage)


def on_ledger(storage: BaseStorage) -> LedgerStorage:
    """A storage in which studies can be opened: ours as they are, a user's own in a dress."""
    if isinstance(storage, LedgerStorage):
        return storage
    dressed: LedgerStorage = foreign.ForeignStorage(storage)
    return dressed
