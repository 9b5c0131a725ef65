"""Who is alive, as small files in a folder: the time of each is that of its worker's last beat."""

from __future__ import annotations

import contextlib
import os
from typing import final
from urllib.parse import quote, unquote

_CLOCK = ".now"  # a file that is touched to learn the time, which may differ from ours


@final
class Workers:
    """The files of a folder, which is there while it has any."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def beat(self, worker: str) -> None:
        """Note that a worker is alive now."""
        self._touch(quote(worker, safe=""))

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each worker, by the clock of the file system."""
        if not os.path.isdir(self._folder):
            return {}
        now, found = self._touch(_CLOCK), {}
        for name in os.listdir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                if name != _CLOCK:
                    beat = os.stat(os.path.join(self._folder, name)).st_mtime
                    found[unquote(name)] = max(0.0, now - beat)
        return found

    def leave(self, worker: str) -> None:
        """Forget a worker, and with the last one the folder."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, quote(worker, safe="")))
            if os.listdir(self._folder) == [_CLOCK]:
                os.unlink(os.path.join(self._folder, _CLOCK))
        with contextlib.suppress(OSError):  # there are others
            os.rmdir(self._folder)

    def _touch(self, name: str) -> float:
        """Make the time of a file now, and return it."""
        path = os.path.join(self._folder, name)
        while True:
            try:
                with open(path, "ab") as file:
                    os.utime(path)
                    return os.fstat(file.fileno()).st_mtime
            except FileNotFoundError:  # somebody deletes an empty folder
                with contextlib.suppress(FileExistsError):
                    os.mkdir(self._folder)
