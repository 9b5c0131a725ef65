"""What differs between operating systems: who a process is, whether it lives, forks, and files.

A worker is a process, told apart from all others by boot, process-id namespace, process id and
start time. So a process id that was used again, another container or another machine is never
taken for it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

if sys.platform == "win32":
    import ctypes
    import msvcrt
    import winreg
    from ctypes import wintypes
else:
    import fcntl
if sys.platform == "darwin":
    import ctypes


class Worker(NamedTuple):
    """A process. As text, as it is stored: "boot/namespace/pid/start".

    `boot` is empty where the system gives no name to its boot; then no other process can be
    sure of anything about this one.
    """

    boot: str
    namespace: str
    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.boot}/{self.namespace}/{self.pid}/{self.start}"

    @staticmethod
    def parse(text: str) -> Worker | None:
        """The worker whose text this is; None if it is nobody's."""
        parts = text.split("/")
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return Worker(parts[0], parts[1], int(parts[2]), parts[3])


_REMOTE = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs"),
    *("glusterfs", "orangefs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone"),
    *("fuse.s3fs", "fuse.gcsfuse", "fuse.mount-s3", "fuse.blobfuse2"),
}


def is_remote(path: str) -> bool:
    """Whether a file is known to be on a network file system, where mapped memory is not shared.

    False also when that cannot be known.
    """
    path = os.path.realpath(path)
    if sys.platform == "win32":
        return path.startswith(("\\\\", "//"))
    found = ""
    kind = ""
    for line in _read("/proc/self/mounts").splitlines():
        _, point, its_kind, *_ = line.split(" ")
        for code, character in ((" ", "\\040"), ("\t", "\\011"), ("\\", "\\134")):
            point = point.replace(character, code)
        below = path == point or path.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(found):
            found, kind = point, its_kind
    return kind in _REMOTE


_loaded = f"{time.time_ns():x}"
_self: tuple[int, Worker, str] | None = None


def _this() -> tuple[int, Worker, str]:
    global _self
    pid = os.getpid()
    if _self is None or _self[0] != pid:  # also after a fork
        found = Worker(_boot(), _namespace(), pid, _start(pid) or _loaded)
        _self = pid, found, str(found)
    return _self


def worker() -> str:
    """Who this process is."""
    return _this()[2]


def _nothing() -> None:
    pass


def after_fork(
    callback: Callable[[], None],
    before: Callable[[], None] = _nothing,
    in_parent: Callable[[], None] = _nothing,
) -> None:
    """Call `callback` in every process forked from this one; nothing where there is no fork.

    Args:
        callback: Called in the child.
        before: Called before the fork, in the thread that forks.
        in_parent: Called in the parent afterwards.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=callback)


def is_dead(worker: str) -> bool:
    """Whether it is certain that the process `worker` does not run any more.

    False also when that cannot be known from here: another machine or container, an earlier boot
    (which looks like another machine), or a process of another user where nothing tells its start.
    A process that has ended but was not waited for is dead.
    """
    other = Worker.parse(worker)
    if other is None or other == _this()[1] or not is_near(worker):
        return False
    return _is_gone(other.pid, other.start)


def is_near(worker: str) -> bool:
    """Whether `is_dead` can tell the end of a process: it ran here, since the last boot."""
    other, here = Worker.parse(worker), _this()[1]
    if other is None or not other.boot:
        return False
    return (other.boot, other.namespace) == (here.boot, here.namespace)


REPLACES_OPEN_FILES = sys.platform != "win32"  # whether a file that someone has open can be


def lock(file: int, patience: float) -> bool:
    """Lock an open file against all other handles of it, also those of this process.

    The lock goes with the handle: when its process dies, it is free. Not to be trusted on
    network file systems.

    Args:
        file: Its descriptor, open for reading at least.
        patience: Seconds to wait for it.

    Returns:
        Whether it was got.
    """
    if _try_lock(file):
        return True
    deadline, pause = time.monotonic() + patience, 2e-5
    while time.monotonic() < deadline:
        time.sleep(pause)
        if _try_lock(file):
            return True
        pause = min(2 * pause, 2e-3)
    return False


if sys.platform == "win32":
    _QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
    _NO_SUCH_PROCESS = 87  # ERROR_INVALID_PARAMETER
    _STILL_ACTIVE = 259
    _FAR = 2**62  # where no data are: what is locked there cannot be read by others
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.OpenProcess.restype = wintypes.HANDLE
    _kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel.GetExitCodeProcess.argtypes = (wintypes.HANDLE, wintypes.LPDWORD)
    _kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)

    def _try_lock(file: int) -> bool:
        try:
            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def unlock(file: int) -> None:
        """Free a file that `lock` has locked."""
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def flush(file: int) -> None:
        """Wait until what was written to a file survives a loss of power."""
        os.fsync(file)

    def flush_folder(path: str) -> None:
        """Wait until the names in a folder survive a loss of power; nothing to do here."""

    def _boot() -> str:
        # Start times are points in time there, so the machine is enough.
        try:
            with winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE,
                r"SOFTWARE\Microsoft\Cryptography",
                access=winreg.KEY_READ | winreg.KEY_WOW64_64KEY,
            ) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return ""

    def _namespace() -> str:
        return os.environ.get("COMPUTERNAME", "").replace("/", "")

    def _look(pid: int) -> tuple[bool, str | None]:
        """Whether it is certain that `pid` is gone, and when it started, if that can be known."""
        handle = _kernel.OpenProcess(_QUERY, False, pid)
        if not handle:
            return bool(ctypes.get_last_error() == _NO_SUCH_PROCESS), None
        try:
            code = wintypes.DWORD()
            if _kernel.GetExitCodeProcess(handle, ctypes.byref(code)) and (
                code.value != _STILL_ACTIVE
            ):
                return True, None
            times = [wintypes.FILETIME() for _ in range(4)]
            if not _kernel.GetProcessTimes(handle, *(ctypes.byref(t) for t in times)):
                return False, None
            return False, f"{(times[0].dwHighDateTime << 32) + times[0].dwLowDateTime:x}"
        finally:
            _kernel.CloseHandle(handle)

    def _start(pid: int) -> str | None:
        return _look(pid)[1]

    def _is_gone(pid: int, start: str) -> bool:
        gone, began = _look(pid)
        return gone or (began is not None and began != start)

else:

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: int) -> None:
        """Free a file that `lock` has locked."""
        fcntl.flock(file, fcntl.LOCK_UN)

    def flush(file: int) -> None:
        """Wait until what was written to a file survives a loss of power."""
        if sys.platform == "darwin":
            try:
                fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # fsync leaves it in the drive's memory
            except OSError:  # not every file system knows it
                os.fsync(file)
        else:
            os.fdatasync(file)

    def flush_folder(path: str) -> None:
        """Wait until the names in a folder survive a loss of power, if it can be opened."""
        try:
            folder = os.open(path, os.O_RDONLY)
        except OSError:
            return
        try:
            os.fsync(folder)
        except OSError:  # some network file systems have no such thing
            pass
        finally:
            os.close(folder)

    def _boot() -> str:
        if sys.platform == "darwin":
            return _darwin_boot()
        return _read("/proc/sys/kernel/random/boot_id").strip()

    def _namespace() -> str:
        try:
            return os.readlink("/proc/self/ns/pid").replace("/", "")  # "pid:[4026531836]"
        except OSError:
            return ""

    def _start(pid: int) -> str | None:
        return _stat(pid)[1]

    def _is_gone(pid: int, start: str) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass  # it exists, but is another user's
        state, began = _stat(pid)
        return state in ("Z", "X") or (began is not None and began != start)

    def _stat(pid: int) -> tuple[str, str | None]:
        """State and start time, in ticks since boot, from /proc; ("", None) if not told there."""
        # The command's name stands in brackets and may contain any character.
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return (fields[0], fields[19]) if len(fields) > 19 else ("", None)

    def _read(path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    if sys.platform == "darwin":

        def _darwin_boot() -> str:
            """The session's UUID; start times are not looked at, so a used-again id is unsure."""
            size = ctypes.c_size_t(64)
            text = ctypes.create_string_buffer(size.value)
            libc = ctypes.CDLL(None)
            failed = libc.sysctlbyname(
                b"kern.bootsessionuuid", text, ctypes.byref(size), None, ctypes.c_size_t(0)
            )
            return "" if failed else str(text.value, "ascii", "replace")
