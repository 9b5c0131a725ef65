"""The log in a Redis server or cluster, for any number of machines."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, final

from skipjack import _optional, logging
from skipjack.errors import NotFoundError, StorageInternalError, invalid
from skipjack.records.attributes import to_text
from skipjack.storages.port import Batch, Compacted
from skipjack.storages.urls import masked

client = _optional.lazy("redis", extra="redis", needed_by="A storage in Redis")

T = TypeVar("T")

FORMAT = 1  # of the keys below

_PATIENCE = 60.0  # seconds to go on trying when the server does not answer any more
_AT_FIRST = 3.0  # seconds to go on trying when it has never answered
_AT_ONCE = 5000  # batches that are read in one go
_DROPPED = b"dropped"
_REPLACED, _GONE, _TOO_FAR = -2, -1, -3  # answers of the scripts
_LATER = ("LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY ", "UNBLOCKED")

# KEYS: name of the log, stream, its snapshot; ARGV: the name. Batch n has the id (n + 1)-0.
_CHECKED = f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {_REPLACED} end
if redis.call('TYPE', KEYS[2]).ok == 'string' then return {_GONE} end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local kept = tonumber(redis.call('HGET', KEYS[3], 'position') or 0)
local length = last and tonumber(string.match(last[1], '^%d+')) or kept
"""
_APPEND = f"""{_CHECKED}
redis.call('XADD', KEYS[2], string.format('%.0f-0', length + 1), 'b', ARGV[2])
return length
"""
_SAVE = f"""{_CHECKED}
local position = tonumber(ARGV[2])
if position > length then return {_TOO_FAR} end
if position <= kept then return 0 end
redis.call('HSET', KEYS[3], 'position', ARGV[2], 'text', ARGV[3])
redis.call('XTRIM', KEYS[2], 'MAXLEN', length - position)
return 0
"""
_DROP = f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {_REPLACED} end
redis.call('SET', KEYS[2], '{_DROPPED.decode()}')
redis.call('DEL', KEYS[3])
return 0
"""
_BEAT = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1] + now[2] / 1e6, ARGV[1])
return 0
"""

_AGES = """
local now = redis.call('TIME')
return {
    string.format('%.6f', now[1] + now[2] / 1e6),
    redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
}
"""

_logger = logging.get_logger(__name__)
_warned: set[bytes] = set()  # logs of which it was said that their server keeps nothing


@final
class RedisLog:
    """Batches as entries of Redis streams, one for each of ours.

    What was told survives the death of any client; whether it survives that of the server is the
    server's setting (`appendonly`, `appendfsync`). All keys of a log are on one node of a cluster.

    Args:
        url: As redis-py takes it: `redis://`, `rediss://` or `unix://`.
        prefix: What the names of all keys begin with: logs of different prefixes are different.
        cluster: Whether it is a node of a cluster.

    Raises:
        MissingDependencyError: If there is no redis-py.
        StorageInternalError: If it cannot be reached or used, or holds a log of a newer Skipjack.
    """

    def __init__(self, url: str, prefix: str = "", cluster: bool = False) -> None:
        self._url, self._prefix, self._cluster = url, prefix, cluster
        self._name = b""
        self._client: Any = None
        self._open()

    @property
    def key(self) -> Hashable:
        """The name that the log got when it was made, by whatever URL."""
        return (type(self).__name__, self._prefix, self._name)

    # --------------------------------------------------------------------------------- streams

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`.

        When the answer is lost it is sent again. Should it then be there twice, replay applies it
        once: it carries writer and sequence.
        """
        return self._run("append", stream, to_text(batch))

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        texts: list[bytes] = []
        while True:
            more = self._texts(stream, after + len(texts))
            texts += more
            if len(more) < _AT_ONCE:
                break
        found: list[Batch] = json.loads(b"[%s]" % b",".join(texts))
        return found

    def _texts(self, stream: int, first: int) -> list[bytes]:
        """The texts of some batches from a position on."""
        name, kind, kept, entries = self._ask(
            lambda pipe: (
                pipe.get(self._key("log")),
                pipe.type(self._key(stream)),
                pipe.hget(self._key(stream, "snapshot"), "position"),
                pipe.xrange(self._key(stream), f"{first + 1}-0", "+", _AT_ONCE),
            )
        )
        self._check(stream, name, kind, entries)
        if first < int(kept or 0) or (entries and entries[0][0] != b"%d-0" % (first + 1)):
            raise Compacted
        return [fields[b"b"] for _, fields in entries]

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`."""
        self._run("drop", stream)

    # ------------------------------------------------------------------------------- snapshots

    def save(self, stream: int, position: int, text: str) -> None:
        """Let a snapshot take the place of batches; see `Snapshots.save`."""
        self._run("save", stream, position, json.dumps(text))

    def load(self, stream: int) -> tuple[int, str] | None:
        """The newest snapshot of a stream; see `Snapshots.load`."""
        name, kind, found = self._ask(
            lambda p: (
                p.get(self._key("log")),
                p.type(self._key(stream)),
                p.hmget(self._key(stream, "snapshot"), "position", "text"),
            )
        )
        self._check(stream, name, kind, found)
        return None if found[0] is None else (int(found[0]), json.loads(found[1]))

    # ---------------------------------------------------------------------------------- leases

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now, by the clock of the server."""
        self._perform(lambda c: c.eval(_BEAT, 1, self._key("workers"), worker))

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker, by the clock of the server."""
        now, beats = self._perform(lambda c: c.eval(_AGES, 1, self._key("workers")))
        pairs = zip(beats[::2], beats[1::2], strict=True)
        return {worker.decode(): max(0.0, float(now) - float(beat)) for worker, beat in pairs}

    def leave(self, worker: str) -> None:
        """Forget a worker."""
        self._perform(lambda c: c.zrem(self._key("workers"), worker))

    def keep(self, name: str, content: bytes) -> None:
        """Keep some bytes beside the streams, by a name."""
        self._perform(lambda c: c.set(self._key("kept", name), content))

    def kept(self, name: str) -> bytes | None:
        """The bytes that were kept by a name, if any."""
        found: bytes | None = self._perform(lambda c: c.get(self._key("kept", name)))
        return found

    # ------------------------------------------------------------------------------ connection

    def close(self) -> None:
        """Close the connections; the next call makes new ones."""
        connected, self._client = self._client, None
        if connected is not None:
            connected.close()

    def reset(self) -> None:
        """Leave the connections of the parent process alone, and make new ones when needed."""
        self._client = None

    def __del__(self) -> None:
        if getattr(self, "_client", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_url", "_prefix", "_cluster", "_name")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._client = None

    def _connected(self) -> Any:
        if self._client is None:
            kind = client.RedisCluster if self._cluster else client.Redis
            timeouts = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _AT_FIRST}
            try:
                self._client = kind.from_url(self._url, **timeouts)
            except ValueError as error:
                example = "be a URL such as 'redis://localhost:6379/0'"
                raise invalid("url", example, masked(self._url), str(error)) from None
        return self._client

    def _key(self, *parts: object) -> str:
        """The name of a key: what stands in braces decides on the node of a cluster."""
        return ":".join((f"{{{self._prefix}skipjack}}", *map(str, parts)))

    def _open(self) -> None:
        """Find the log, or begin it."""
        key, name = self._key("log"), f"{FORMAT} {os.urandom(8).hex()}"

        def begin(connected: Any) -> bytes | None:
            found: bytes | None = connected.get(key)
            if found is None:
                connected.set(key, name, nx=True)
                found = connected.get(key)
            return found

        found = self._perform(begin, _AT_FIRST) or b""
        format_ = found.split(b" ")[0].decode(errors="replace")
        if not format_.isdigit():
            raise StorageInternalError(
                f"{self._shown} has a key {key!r} that is not ours. Use another prefix."
            )
        if int(format_) > FORMAT:
            raise StorageInternalError(
                f"{self._shown} was written by a newer Skipjack (format {format_}, "
                f"this version knows {FORMAT}). Upgrade with: pip install -U skipjack"
            )
        self._name = found
        self._warn_unless_kept()

    def _warn_unless_kept(self) -> None:
        """Say once if the server does not write to disk at all."""
        if self._cluster or self._name in _warned:
            return
        _warned.add(self._name)
        try:
            kept = self._connected().info("persistence").get("aof_enabled")
            kept = kept or self._connected().config_get("save").get("save")
        except client.RedisError:  # not everybody may ask
            return
        if not kept:
            _logger.warning(
                f"{self._shown} does not write to disk: studies are lost when it stops. To keep "
                f"them, start it with `appendonly yes` (and `appendfsync always` against a loss "
                f"of power)."
            )

    def _run(self, script: str, stream: int, *arguments: Any) -> int:
        """Run a script on a stream, all or none of it, in one round trip."""
        keys = [self._key("log"), self._key(stream), self._key(stream, "snapshot")]
        text = _SCRIPTS[script]
        digest = hashlib.sha1(text.encode()).hexdigest()

        def evaluate(connected: Any) -> int:
            try:
                return int(connected.evalsha(digest, 3, *keys, self._name, *arguments))
            except client.exceptions.NoScriptError:
                return int(connected.eval(text, 3, *keys, self._name, *arguments))

        answer = self._perform(evaluate)
        if answer == _GONE:
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        if answer == _REPLACED:
            raise self._replaced()
        if answer == _TOO_FAR:
            raise invalid("position", "be at most the length of the stream", arguments[0])
        return answer

    def _ask(self, commands: Callable[[Any], object]) -> list[Any]:
        """The answers to several commands, in one round trip; some may be errors."""

        def execute(connected: Any) -> list[Any]:
            with connected.pipeline(transaction=False) as pipe:
                commands(pipe)
                found: list[Any] = pipe.execute(raise_on_error=False)
            for answer in found:
                if isinstance(answer, client.RedisError) and not _is_of_another_type(answer):
                    raise answer
            return found

        return self._perform(execute)

    def _check(self, stream: int, name: bytes | None, kind: bytes, answer: Any) -> None:
        """Raise what is wrong with a stream."""
        if name != self._name:
            raise self._replaced()
        if kind == b"string":
            raise NotFoundError(f"No study with id {stream}; it was deleted.")
        if isinstance(answer, Exception):
            raise self._explained(answer) from answer

    def _perform(self, action: Callable[[Any], T], patience: float = _PATIENCE) -> T:
        """Do something with the server, waiting for it as long as is reasonable."""
        deadline, pause = time.monotonic() + patience, 0.01
        while True:
            try:
                return action(self._connected())
            except client.RedisError as error:
                if not _may_pass(error) or time.monotonic() + pause > deadline:
                    raise self._explained(error) from error
                if self._client is not None:
                    self.close()
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    # -------------------------------------------------------------------------------- errors

    @property
    def _shown(self) -> str:
        return f"Redis at {masked(self._url)}"

    def _replaced(self) -> StorageInternalError:
        return StorageInternalError(
            f"The studies in {self._shown} were deleted or replaced while they were in use, so "
            f"nothing more is written."
        )

    def _explained(self, error: Exception) -> StorageInternalError:
        text = str(error)
        word = text.partition(" ")[0]
        if isinstance(
            error, client.exceptions.AuthenticationError | client.exceptions.NoPermissionError
        ):
            text, hint = "it refuses the user or the password", "Check both in the URL."
        elif isinstance(error, client.exceptions.ReadOnlyError):
            text = "it is a replica, which can only be read"
            hint = "Studies can be looked at there; to continue them, use the URL of its primary."
        elif isinstance(error, client.exceptions.OutOfMemoryError) or word == "MISCONF":
            hint = (
                "Its memory or its disk is full. What was told before is not lost; what was to be "
                "written now is not there: make room (`maxmemory`), and tell it again."
            )
        elif _is_of_another_type(error):
            text = "a key is of another type than ours"
            hint = "Another program uses such names; use another prefix."
        elif isinstance(error, client.exceptions.ConnectionError | client.exceptions.TimeoutError):
            hint = "Check that it runs and can be reached. What was told before is not lost."
        else:
            hint = "What was told before is not lost."
        return StorageInternalError(f"{self._shown} cannot be used: {text.rstrip('.')}. {hint}")


_SCRIPTS = {"append": _APPEND, "save": _SAVE, "drop": _DROP}


def _is_of_another_type(error: Exception) -> bool:
    return "WRONGTYPE" in str(error)


def _may_pass(error: Exception) -> bool:
    """Whether it is worthwhile to try again."""
    if isinstance(error, client.exceptions.AuthenticationError):
        return False
    lost = client.exceptions.ConnectionError, client.exceptions.TimeoutError
    return isinstance(error, lost) or str(error).startswith(_LATER)
