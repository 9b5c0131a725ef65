"""The logs that URLs name: one row for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from skipjack import _optional
from skipjack.errors import InvalidValueError, invalid, wrong_type
from skipjack.storages.port import Log

file = _optional.lazy("skipjack.storages.file")
journal = _optional.lazy("skipjack.storages.journal")
optuna_files = _optional.lazy("skipjack.storages.optuna_files")
redis = _optional.lazy("skipjack.storages.redis")
sql = _optional.lazy("skipjack.storages.sql")
client = _optional.lazy("skipjack.storages.remote.client")
sqlite = _optional.lazy("skipjack.storages.sqlite")

# Of URLs for Optuna, and without effect here: many threads and processes are always welcome.
_OPTIONS = ("timeout", "check_same_thread", "cached_statements", "isolation_level")


class Kind(NamedTuple):
    """One kind of storage that a URL may name.

    Attributes:
        schemes: What stands before "://".
        example: Such a URL, as errors show it.
        medium: What the log of the library calls it; "RDB" is what `RDBStorage` opens.
        open: From URL and options of `RDBStorage` to the log; None is the memory of this process.
    """

    schemes: tuple[str, ...]
    example: str
    medium: str
    open: Callable[[str, Mapping[str, Any]], Log | None]


def _sqlite(url: str, options: Mapping[str, Any]) -> Log | None:
    host, _, rest = url.partition("://")[2].partition("/")
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


def _journal(url: str, options: Mapping[str, Any]) -> Log:
    host, _, rest = url.partition("://")[2].partition("/")
    path, _, query = rest.partition("?")
    if host or not path:
        raise invalid("storage", "be like 'journal:///study.log', with three slashes", url)
    given = dict(parse_qsl(query, keep_blank_values=True))
    durability, kind = given.pop("durability", "full"), given.pop("lock", "")
    if given or kind not in _LOCKS:
        known = "`durability` and `lock`, which is 'symlink' or 'open'"
        raise invalid("storage", f"have no options but {known}", url)
    lock = getattr(journal, _LOCKS[kind])(path) if kind else None
    log: Log = file.FileLog(path, lock, durability)
    return log


_LOCKS = {"": "", "symlink": "JournalFileSymlinkLock", "open": "JournalFileOpenLock"}


def _redis(url: str, options: Mapping[str, Any]) -> Log:
    address, _, query = url.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    prefix = dict(given).get("prefix", "")
    others = urlencode([(name, value) for name, value in given if name != "prefix"])
    log: Log = redis.RedisLog(f"{address}?{others}" if others else address, prefix)
    return log


def _sql(url: str, options: Mapping[str, Any]) -> Log | None:
    log: Log = sql.log_at(url, options)
    return log


def _optuna(url: str, options: Mapping[str, Any]) -> Log:
    log: Log = optuna_files.opened(url, options)
    return log


def _schemes(dialect: str, *drivers: str) -> tuple[str, ...]:
    return (dialect, *(f"{dialect}+{driver}" for driver in drivers))


_POSTGRESQL = ("postgres", *_schemes("postgresql", "psycopg", "psycopg2"))
_MYSQL = (*_schemes("mysql", "pymysql", "mysqldb"), *_schemes("mariadb", "pymysql", "mysqldb"))
_OPTUNA = ("sqlite", "journal", *_POSTGRESQL, *_MYSQL, "redis", "rediss")


def _remote(url: str, options: Mapping[str, Any]) -> Log | None:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    token, trusted = query.pop("token", None), query.pop("ca", None)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if query or parts.path.strip("/") or parts.username or not parts.hostname or port == 0:
        raise invalid(
            "storage",
            "be of the form 'grpc://host:port', or 'grpcs://' for TLS, with '?token=...' and "
            "'ca=...', the file of a certificate to trust, where the server asks for them",
            masked(url),
        )
    tls = trusted or parts.scheme == "grpcs"
    log: Log = client.RemoteLog(parts.hostname, port or client.PORT, token=token, tls=tls)
    return log


KINDS = (
    Kind(("sqlite", "sqlite+pysqlite"), "sqlite:///study.db", "RDB", _sqlite),
    Kind(_POSTGRESQL, "postgresql://user:password@host/name", "RDB", _sql),
    Kind(_MYSQL, "mysql://user:password@host/name", "RDB", _sql),
    Kind(("journal",), "journal:///study.log", "Journal", _journal),
    Kind(("redis", "rediss", "unix"), "redis://localhost:6379/0", "Journal", _redis),
    Kind(("grpc", "grpcs"), "grpc://host:13000", "gRPC", _remote),
    Kind(tuple(f"optuna+{s}" for s in _OPTUNA), "optuna+sqlite:///old.db", "Optuna", _optuna),
)


def kind_of(url: str, medium: str | None = None) -> Kind:
    """The kind of storage that a URL names, among those of a medium or all.

    Raises:
        ValueError: If it is none of them; the text has an example of each, and no password.
    """
    if not isinstance(url, str):
        raise wrong_type("url", "be a str", url)
    scheme, found, _ = url.partition("://")
    known = [kind for kind in KINDS if medium in (None, kind.medium)]
    for kind in known:
        if found and scheme in kind.schemes:
            return kind
    if found and any(scheme.partition("+")[0] in kind.schemes for kind in known):
        hint = "Leave the driver out of it; one that is installed is taken."
    elif found and any(scheme in kind.schemes for kind in KINDS):
        hint = "Give it to `create_study` or `get_storage` as it is."
    elif not found and (path := url.removeprefix("sqlite:").lstrip("/")):
        hint = f"For the file {path} write 'sqlite:///{path}'."
    else:
        hint = ""
    examples = [repr(kind.example) for kind in known]
    raise invalid("storage", f"be a URL such as {', '.join(examples)}", masked(url), hint)


def masked(url: str) -> str:
    """A URL that may be shown: without its password."""
    hidden = re.sub(r"(://[^:/?#@]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(?i)([?&](?:password|passwd|pwd|token)=)[^&]*", r"\1***", hidden)
