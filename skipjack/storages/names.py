"""The storages under the names that users of Optuna know, and from URLs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from skipjack import _optional, version
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.storages.base import BaseStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.ledger import Ledger, opened
from skipjack.storages.port import Log

sqlite = _optional.lazy("skipjack.storages.sqlite")

_SQLITE = ("sqlite", "sqlite+pysqlite")
# Of URLs for Optuna, and without effect here: many threads and processes are always welcome.
_OPTIONS = ("timeout", "check_same_thread", "cached_statements", "isolation_level")


@final
class InMemoryStorage(LedgerStorage):
    """Studies that live as long as this process."""

    def __init__(self) -> None:
        super().__init__(Ledger())


@final
class RDBStorage(LedgerStorage):
    """Studies in an SQLite file, which any number of processes may share.

    Nothing that was told is lost when a process is killed or the power fails. Trials of a
    process that died are failed, with the reason, by the next one that asks for a trial.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `sqlite:///:memory:`.
        engine_kwargs: Accepted for compatibility; `connect_args` and pools have no use here.
        skip_compatibility_check: Accepted for compatibility; the format is always checked.
        heartbeat_interval: Accepted for compatibility; workers need no heartbeat to be noticed.
        grace_period: Accepted for compatibility, as `heartbeat_interval`.
        heartbeat_stale_trial_callback: Accepted for compatibility, as `heartbeat_interval`.
        failed_trial_callback: The older name of `heartbeat_stale_trial_callback`.
        skip_table_creation: Accepted for compatibility; missing tables are always made.

    Raises:
        ValueError: If the URL is not one of an SQLite file.
        StorageInternalError: If the file cannot be opened, or is no database.
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
        log = _log_at(url)
        super().__init__(Ledger() if log is None else opened(log))
        self.url = url
        self.engine_kwargs = engine_kwargs or {}
        self.heartbeat_interval = heartbeat_interval
        self.grace_period = grace_period
        self.heartbeat_stale_trial_callback = (
            heartbeat_stale_trial_callback or failed_trial_callback
        )

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


def _log_at(url: str) -> Log | None:
    """The log that a URL names; None if it names memory."""
    if not isinstance(url, str):
        raise wrong_type("url", "be a str", url)
    scheme, found, rest = url.partition("://")
    if not found or scheme not in _SQLITE:
        path = url.removeprefix("sqlite:").lstrip("/") if not found else "study.db"
        raise InvalidValueError(
            f"`storage` must be a URL such as 'sqlite:///{path}', but got {url!r}. Skipjack "
            f"{version.__version__} keeps studies in memory and in SQLite files."
        )
    host, _, rest = rest.partition("/")
    path, _, query = rest.partition("?")
    if host:
        raise InvalidValueError(
            f"`storage` must have three slashes, or four before an absolute path, but got {url!r}. "
            f"Write 'sqlite:///{f'{host}/{path}'.rstrip('/')}'."
        )
    unknown = [part for part in query.split("&") if part and part.split("=")[0] not in _OPTIONS]
    if unknown or path.startswith("file:"):
        what = ", ".join(map(repr, unknown)) or "a URI inside a URL"
        raise InvalidValueError(
            f"`storage` must name a file and nothing else, but got {url!r}; {what} is not "
            f"understood."
        )
    if path in ("", ":memory:"):
        return None
    log: Log = sqlite.SqliteLog(path)
    return log


def get_storage(storage: str | BaseStorage | None) -> BaseStorage:
    """The storage that is meant: a new one in memory for None, the one at a URL, or itself.

    Raises:
        ValueError: If a URL is none that Skipjack knows.
        TypeError: If it is neither a URL nor a storage.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, str):
        return RDBStorage(storage)
    if isinstance(storage, BaseStorage):
        return storage
    raise wrong_type("storage", "be None, a URL or a storage", storage)
