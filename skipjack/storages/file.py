"""The log in one file, for any number of processes, on local and network file systems."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Hashable, Iterator, Sequence
from io import FileIO
from typing import Any, final

from skipjack import _optional, platform
from skipjack.errors import NotFoundError, StorageInternalError, invalid
from skipjack.records.attributes import to_text
from skipjack.records.events import is_lasting
from skipjack.storages import lines
from skipjack.storages.lines import Lines, Places
from skipjack.storages.locks import Exclusive, Lock, LockFile
from skipjack.storages.port import Batch, Compacted
from skipjack.storages.workers import Workers

beside = _optional.lazy("skipjack.storages.optuna_files.beside")

_PATIENCE = 60.0  # seconds to wait for other processes before giving up
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_OPTUNA = b'{"op_code"'  # how its journals begin
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@final
class FileLog:
    """Batches as lines with checksums; see `lines`.

    A batch counts when it is on the disk: what is told survives SIGKILL and power loss. That a
    trial has begun counts before, and is on the disk with the next batch that is. Readers
    need no lock. Writers lock the file for each append: by the system on a local disk, by a lock
    file on a network file system. Half a line, which a killed writer leaves, is passed over by
    readers and cut off by the next writer.

    Args:
        path: The file; made when it does not exist.
        lock: Held for each append, instead of a lock file of our own. On a local disk the lock of
            the system is held too, so that whoever comes with another lock does no harm.
        durability: "full"; or "process": an append does not wait for the disk, so what was told
            survives the death of any process, but the last of it may go with the power.

    Raises:
        StorageInternalError: If it cannot be opened, is no file of ours, or of a newer Skipjack.
    """

    def __init__(
        self, path: str | os.PathLike[str], lock: Lock | None = None, durability: str = "full"
    ) -> None:
        if durability not in ("full", "process"):
            raise invalid("durability", "be 'full' or 'process'", durability)
        self._path = os.path.realpath(path)
        if _is_optunas(self._path):
            self._path = beside.log_beside(self._path, FileLog)
        self._is_durable = durability == "full"
        self.is_hasty = True
        self._has_locks = not platform.is_remote(self._path)  # of its own, to be trusted
        if lock is None and not self._has_locks:
            lock = LockFile(f"{self._path}.lock", Exclusive())
        self._lock = lock
        self._name = b""  # as in the first line
        self._begin()
        with self._explaining():
            if not os.path.exists(self._path):
                with contextlib.suppress(FileExistsError):  # somebody was faster
                    open(self._path, "xb").close()
            if _is_writable(self._path):
                with self._locked():
                    return
            self._refresh()

    def _begin(self) -> None:
        """Know nothing of what the file holds."""
        self._file: FileIO | None = None
        self._identity: tuple[int, int] | None = None  # device and inode of what is open
        self._lines = Lines()

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @property
    def key(self) -> Hashable:
        """The path, and the name that the file got when it was made."""
        return (type(self).__name__, os.path.normcase(self._path), self._name)

    # --------------------------------------------------------------------------------- streams

    def append(self, stream: int, batch: Batch) -> int:
        """Add a batch; see `Log.append`."""
        body = to_text(batch).encode("ascii")
        with self._locked() as file:
            places = self._lines.streams.get(stream)
            position = 0 if places is None else _alive(stream, places).end
            may_pass = self.is_hasty and self._has_locks and not is_lasting(batch[2])
            is_early = self._is_durable and may_pass
            self._add(file, lines.line(lines.BATCH, stream, position, body), is_early)
        return position

    def read(self, stream: int, after: int) -> Sequence[Batch]:
        """The batches of a stream but the first `after`."""
        with self._explaining():
            file, places = self._refresh(), self._lines.streams.get(stream)
            if places is None or after >= _alive(stream, places).end:
                return []
            if after < places.first:
                raise Compacted
            starts = places.batches[after - places.first :]
            bodies = lines.bodies(file, lines.BATCH, stream, after, starts)
            found: list[Batch] = json.loads(b"[%s]" % b",".join(bodies))
        return found

    def drop(self, stream: int) -> None:
        """Delete a stream; see `Log.drop`. Its room is used again when that is worthwhile."""
        with self._locked() as file:
            places = self._lines.streams.get(stream)
            if places is None or not places.is_dropped:
                self._add(file, lines.line(lines.DROP, stream, 0, b"null"))
            wasted = sum(p.size for p in self._lines.streams.values() if p.is_dropped)
            if wasted > self._lines.end / 2:
                self._compact(file)

    # ------------------------------------------------------------------------------- snapshots

    def save(self, stream: int, position: int, text: str) -> None:
        """Let a snapshot take the place of batches; see `Snapshots.save`.

        Nothing happens where a file that others have open cannot be replaced (Windows).
        """
        snapshot = json.dumps(text).encode("ascii")
        with self._locked() as file:
            places = _alive(stream, self._lines.streams.get(stream, Places()))
            if position > places.end:
                raise invalid("position", f"be at most {places.end}", position)
            if position > places.first:
                self._compact(file, stream, position, snapshot)

    def load(self, stream: int) -> tuple[int, str] | None:
        """The newest snapshot of a stream; see `Snapshots.load`."""
        with self._explaining():
            file, places = self._refresh(), self._lines.streams.get(stream)
            start = None if places is None else _alive(stream, places).snapshot
            if places is None or start is None:
                return None
            (body,) = lines.bodies(file, lines.SNAPSHOT, stream, places.first, (start,))
            return places.first, json.loads(body)

    def _compact(
        self, file: FileIO, stream: int = 0, position: int = 0, snapshot: bytes | None = None
    ) -> None:
        """Put a new file in the place of the locked one, without what is not needed any more."""
        if not platform.REPLACES_OPEN_FILES:
            return
        beside = f"{self._path}.new"
        try:
            with open(beside, "wb") as new:
                new.write(lines.first_line(self._name))
                new.writelines(self._lines.copied(file, stream, position, snapshot))
                new.flush()
                platform.flush(new.fileno())
            shutil.copymode(self._path, beside)
            os.replace(beside, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        platform.flush_folder(os.path.dirname(self._path))

    # ---------------------------------------------------------------------------------- leases

    def beat(self, worker: str) -> None:
        """Keep that a worker is alive now; see `Leases.beat`."""
        with self._explaining():
            self._workers.beat(worker)

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker; see `Leases.ages`."""
        with self._explaining():
            return self._workers.ages()

    def leave(self, worker: str) -> None:
        """Forget a worker; see `Leases.leave`."""
        with self._explaining():
            self._workers.leave(worker)

    @property
    def _workers(self) -> Workers:
        return Workers(f"{self._path}.workers")

    # -------------------------------------------------------------------------------- handles

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def reset(self) -> None:
        """Close what was inherited from the parent process, which keeps its own."""
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_path", "_is_durable", "_has_locks", "_lock", "_name", "is_hasty")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        with self._explaining():
            self._refresh()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[FileIO]:
        """The file, locked, when all that it holds is known and its end is whole."""
        with self._explaining():
            if self._lock is not None:
                _acquire(self._lock)
            try:
                file = self._open_locked()
                try:
                    self._lines.look(file)
                    self._lines.mend(file)
                    self._name = self._lines.name or b""
                    yield file
                finally:
                    if self._has_locks:
                        platform.unlock(file.fileno())
            finally:
                if not self._has_locks:
                    self.close()  # on a network, what one closes is seen by who opens it later
                if self._lock is not None:
                    self._lock.release()

    def _open_locked(self) -> FileIO:
        if not self._has_locks:
            self.close()
        deadline = time.monotonic() + _PATIENCE
        while True:
            file = self._file or self._open()
            if not file.writable():
                raise PermissionError(errno.EACCES, "it is read-only")
            if not self._has_locks:
                return file
            if not platform.lock(file.fileno(), deadline - time.monotonic()):
                raise TimeoutError
            if _identity(self._path) == self._identity:
                return file
            platform.unlock(file.fileno())
            self._open()  # it was compacted, or is gone

    def _refresh(self) -> FileIO:
        """The file, when all that others have written is known."""
        if not self._has_locks:
            self.close()
        file = self._open(may_be_gone=True)
        if self._lines.look(file):
            return file
        if _is_writable(self._path):
            with self._locked() as file:
                return file
        self._lines.mend(file)
        if self._lines.name is None:
            raise StorageInternalError(
                f"{self._path} is read-only and holds no studies of Skipjack."
            )
        self._name = self._lines.name
        return file

    def _open(self, may_be_gone: bool = False) -> FileIO:
        """The file at the path, if it is still the same log.

        If it is not, but may be gone, what was open before goes on to be read.
        """
        if self._file is not None and _identity(self._path) == self._identity:
            return self._file
        file = self._open_again()
        if file is None:
            if self._file is not None and may_be_gone:
                return self._file
            raise StorageInternalError(
                f"{self._path} was deleted or replaced while it was in use, so nothing more is "
                f"written. What was told before is still known to this process: save it with "
                f"skipjack.copy_study(from_storage=study._storage, to_storage=...)."
            )
        found = os.fstat(file.fileno())
        self.close()
        if (found.st_dev, found.st_ino) != self._identity:  # the first time, or compacted
            self._begin()
            self._identity = found.st_dev, found.st_ino
        self._file = file
        return file

    def _open_again(self) -> FileIO | None:
        """The file at the path; None if there is none, or another than before."""
        try:
            file = FileIO(self._path, "r+" if _is_writable(self._path) else "r")
        except FileNotFoundError:
            return None
        try:
            if self._name and lines.name_of(file) != self._name:
                file.close()
                return None
        except BaseException:
            file.close()
            raise
        return file

    def _add(self, file: FileIO, line: bytes, early: bool = False) -> None:
        self._lines.add(file, line, platform.flush if self._is_durable else None, early)

    # --------------------------------------------------------------------------------- errors

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Tell what went wrong with the file, and what to do."""
        try:
            yield
        except OSError as error:
            raise StorageInternalError(self._explanation(error)) from error
        except lines.Newer as error:
            raise StorageInternalError(
                f"{self._path} was written by a newer Skipjack (format {error}, this version "
                f"knows {lines.FORMAT}). Upgrade with: pip install -U skipjack"
            ) from error
        except lines.Foreign as error:
            raise self._foreign(error.args[0]) from error
        except lines.Damaged as error:
            raise StorageInternalError(
                f"{self._path} is damaged: {error}. Nothing was changed in it; restore it from a "
                f"copy, or use another file."
            ) from error

    def _foreign(self, start: bytes) -> StorageInternalError:
        if start.startswith(b"SQLite format 3"):
            what = f"is an SQLite database; open it as 'sqlite:///{self._path}'"
        else:
            what = "is a file of another program, or its beginning is damaged"
        return StorageInternalError(
            f"{self._path} {what}. Nothing was changed in it; give the study a file of its own."
        )

    def _explanation(self, error: OSError) -> str:
        folder, text = os.path.dirname(self._path), error.strerror or type(error).__name__
        if isinstance(error, TimeoutError):
            text = "it is locked"
            hint = f"Another program has kept the file locked for more than {_PATIENCE:.0f} s."
        elif os.path.isdir(self._path):
            hint = "It is a folder; name a file in it."
        elif not os.path.isdir(folder):
            hint = f"The folder {folder} does not exist; make it first."
        elif error.errno in _READ_ONLY:
            hint = "The file or its folder is read-only: studies in it can be read, not continued."
        elif error.errno in _FULL:
            hint = (
                "The disk may be full, or fail. What was told before is not lost; what was to be "
                "written now is not in the file: make room, and tell it again."
            )
        else:
            hint = "What was told before is not lost."
        return f"{self._path} cannot be used: {text}. {hint}"


def _is_optunas(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_OPTUNA)) == _OPTUNA
    except OSError:
        return False


def _acquire(lock: Lock) -> None:
    if not isinstance(lock, LockFile):
        lock.acquire()
    elif not lock.acquire(_PATIENCE):
        raise TimeoutError


def _alive(stream: int, places: Places) -> Places:
    if places.is_dropped:
        raise NotFoundError(f"No study with id {stream}; it was deleted.")
    return places


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_writable(path: str) -> bool:
    return os.access(path, os.W_OK)
