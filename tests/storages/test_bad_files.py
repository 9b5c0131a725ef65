"""Files that are damaged, foreign, read-only, full or gone: a clear error, and nothing is lost."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.errors import StorageInternalError
from skipjack.records.states import TrialState
from skipjack.samplers import RandomSampler
from skipjack.storages import InMemoryStorage, RDBStorage
from skipjack.storages.face import LedgerStorage
from skipjack.storages.file import FileLog
from skipjack.storages.ledger import Ledger
from skipjack.storages.sqlite import SqliteLog
from skipjack.testing.courses import all_told
from tests.storages import work

SIZE = 120  # trials of the study that is damaged


def url(path: Path) -> str:
    """The kind of storage follows from the name."""
    return f"{'journal' if path.suffix == '.log' else 'sqlite'}:///{path}"


def make(path: Path, n_trials: int = 5) -> skipjack.Study:
    study = skipjack.create_study(storage=url(path), study_name="study", sampler=RandomSampler())
    study.optimize(work.objective, n_trials=n_trials)
    return study


def cold(path: Path) -> LedgerStorage:
    return LedgerStorage(Ledger(FileLog(path) if path.suffix == ".log" else SqliteLog(path)))


@pytest.fixture(params=["study.db", "study.log"])
def name(request: pytest.FixtureRequest) -> str:
    """The name of a file of either kind."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[dict[str, Any]]]:
    """A file in which everything has been written back, and what it says."""
    path = tmp_path_factory.mktemp("finished") / "study.db"
    study = make(path, SIZE)
    study.set_user_attr("note", "intact")
    said = all_told(study._storage, 0)
    study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    assert not os.path.exists(f"{path}-wal")
    return path.read_bytes(), said


def opens_whole_or_says_why(path: Path, said: list[dict[str, Any]]) -> bool:
    """Whether a file can be read; if so, it must say what it said when it was whole."""
    try:
        storage = cold(path)
        (study,) = storage.get_all_studies()
        assert (study.study_name, study.user_attrs) == ("study", {"note": "intact"})
        assert all_told(storage, study._study_id) == said
    except StorageInternalError as error:
        assert str(path) in str(error)
        assert str(error).endswith((".", "skipjack"))
        return False
    return True


# --------------------------------------------------------------------------------------- damage


def test_an_intact_copy_opens(tmp_path: Path, finished: tuple[bytes, list[dict[str, Any]]]) -> None:
    path = tmp_path / "copy.db"
    path.write_bytes(finished[0])
    assert opens_whole_or_says_why(path, finished[1])


def test_random_bytes_are_no_database(tmp_path: Path) -> None:
    chance = random.Random(1)
    for i, size in enumerate((1, 15, 16, 100, 4096, 100_000)):
        path = tmp_path / f"{i}.db"
        path.write_bytes(chance.randbytes(size))
        before = path.read_bytes()
        with pytest.raises(
            StorageInternalError, match="no SQLite database|too small for an SQLite database"
        ):
            RDBStorage(url(path))
        assert path.read_bytes() == before
        assert sorted(os.listdir(tmp_path))[-1] == f"{i}.db", "nothing is left beside it"


def test_a_truncated_file_says_so(
    tmp_path: Path, finished: tuple[bytes, list[dict[str, Any]]]
) -> None:
    content, said = finished
    chance = random.Random(2)
    sizes = [1, 100, 512, 4095, 4096, 4097, 8192, len(content) - 1, len(content) - 4096]
    sizes += [chance.randrange(1, len(content)) for _ in range(30)]
    for i, size in enumerate(sizes):
        path = tmp_path / f"{i}.db"
        path.write_bytes(content[:size])
        assert not opens_whole_or_says_why(path, said), size


def flips(
    tmp_path: Path, finished: tuple[bytes, list[dict[str, Any]]], n: int, seed: int
) -> dict[bool, int]:
    """Flip bits or whole bytes in copies of a study; how many copies could be read."""
    content, said = finished
    chance, counts = random.Random(seed), {True: 0, False: 0}
    path = tmp_path / "flipped.db"
    for _ in range(n):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 1, 3))):
            place = chance.randrange(len(content))
            damaged[place] ^= chance.choice((1 << chance.randrange(8), chance.randrange(1, 256)))
        path.write_bytes(damaged)
        counts[opens_whole_or_says_why(path, said)] += 1
        for beside in ("-wal", "-shm", "-journal"):
            Path(f"{path}{beside}").unlink(missing_ok=True)
    return counts


def test_a_flipped_byte_is_noticed_or_does_no_harm(
    tmp_path: Path, finished: tuple[bytes, list[dict[str, Any]]]
) -> None:
    counts = flips(tmp_path, finished, 150, seed=3)
    assert counts[False] > 100, counts


@pytest.mark.slow
def test_thousands_of_flipped_bytes_are_noticed_or_do_no_harm(
    tmp_path: Path, finished: tuple[bytes, list[dict[str, Any]]]
) -> None:
    print(flips(tmp_path, finished, 5000, seed=4))


def test_every_number_in_a_record_is_under_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = make(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE skipjack_log SET batch = replace(batch, '0.', '1.')")
    connection.close()
    study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    with pytest.raises(StorageInternalError, match=r"record \d+ of stream (-1|0) has changed"):
        cold(path).get_all_trials(0)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM skipjack_log WHERE id = (SELECT max(id) - 3 FROM skipjack_log)",
        "UPDATE skipjack_log SET batch = x'00ff' WHERE id = (SELECT max(id) FROM skipjack_log)",
        "UPDATE skipjack_log SET batch = '' WHERE id = (SELECT max(id) FROM skipjack_log)",
        "UPDATE skipjack_log SET crc = 0",
        "DROP TABLE skipjack_log",
        "DROP TABLE skipjack_format",
        "DELETE FROM skipjack_format",
        "UPDATE skipjack_format SET version = 0",
        "UPDATE skipjack_format SET version = 'one'",
    ],
)
def test_records_that_are_missing_or_changed_are_noticed(tmp_path: Path, change: str) -> None:
    path = tmp_path / "study.db"
    make(path)._ledger.log.close()  # type: ignore[union-attr]  # it has one
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    with pytest.raises(StorageInternalError, match="damaged"):
        cold(path).get_all_trials(0)


# ------------------------------------------------------------------------------- other databases


def test_a_newer_format_asks_for_an_upgrade_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    make(path)._ledger.log.close()  # type: ignore[union-attr]  # it has one
    connection = sqlite3.connect(path)
    connection.execute("UPDATE skipjack_format SET version = 2")
    connection.commit()
    connection.close()
    with pytest.raises(StorageInternalError, match="pip install -U skipjack"):
        cold(path)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageInternalError, match=r"another program .*songs"):
        skipjack.create_study(storage=url(path))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["other.db"]


def test_an_empty_file_is_a_new_storage(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert cold(path).get_all_studies() == []


# --------------------------------------------------------------------------- folders, permissions


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageInternalError, match="nowhere does not exist; make it first"):
        skipjack.create_study(storage=url(tmp_path / "nowhere" / name))
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(StorageInternalError, match="It is a folder; name a file in it"):
        skipjack.create_study(storage=url(tmp_path / name))


def reads_but_does_not_write(path: Path, said: list[dict[str, Any]]) -> None:
    """What must hold of a study in a file that must not be written."""
    study = skipjack.load_study(study_name="study", storage=cold(path), sampler=RandomSampler())
    assert all_told(study._storage, 0) == said
    assert study.best_value == min(t.value for t in study.trials)
    before = sorted(os.listdir(path.parent))
    for write in (
        study.ask,
        lambda: study.set_user_attr("a", 1),
        lambda: study.enqueue_trial({"x": 0.0}),
        lambda: study.optimize(work.objective, n_trials=1),
        lambda: skipjack.create_study(storage=study._storage),
    ):
        with pytest.raises(StorageInternalError, match="read-only"):
            write()
    assert all_told(study._storage, 0) == said
    assert sorted(os.listdir(path.parent)) == before


def run(*command: str) -> bool:
    """Whether a command of the system succeeded."""
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A function that shows a folder as read-only, in earnest, also to root."""
    folder, shown = tmp_path / "folder", tmp_path / "shown"
    folder.mkdir()
    shown.mkdir()

    def show() -> Path:
        if hasattr(os, "geteuid") and os.geteuid() != 0:
            folder.chmod(0o555)
            return folder
        if not (
            run("mount", "--bind", str(folder), str(shown))
            and run("mount", "-o", "remount,bind,ro", str(shown))
        ):
            pytest.skip("needs a user that permissions hold for, or mounts")
        return shown

    show.folder = folder  # type: ignore[attr-defined]  # where to write before
    yield show
    run("umount", "-l", str(shown))
    folder.chmod(0o755)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_study_in_a_read_only_folder_can_be_read(
    read_only_folder: Any, name: str, is_open: bool
) -> None:
    path = read_only_folder.folder / name
    study = make(path)
    said = all_told(study._storage, 0)
    if not is_open:  # otherwise another program still has it open, and its log is beside it
        study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    shown = read_only_folder() / name
    if is_open and shown == path:
        pytest.skip("the same folder cannot be written by one and be read-only for another")
    reads_but_does_not_write(shown, said)


def test_a_new_study_in_a_read_only_folder_is_refused(read_only_folder: Any, name: str) -> None:
    with pytest.raises(StorageInternalError, match="folder"):
        skipjack.create_study(storage=url(read_only_folder() / name))


def test_an_empty_read_only_file_is_refused(read_only_folder: Any, name: str) -> None:
    (read_only_folder.folder / name).touch()
    with pytest.raises(StorageInternalError, match="read-only and holds no studies"):
        skipjack.create_study(storage=url(read_only_folder() / name))


def test_a_read_only_file_can_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    study = make(path)
    said = all_told(study._storage, 0)
    study._ledger.log.close()  # type: ignore[union-attr]  # it has one
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path.chmod(0o444)
    elif not run("chattr", "+i", str(path)):
        pytest.skip("needs a user that permissions hold for, or chattr")
    try:
        reads_but_does_not_write(path, said)
    finally:
        run("chattr", "-i", str(path))
        path.chmod(0o644)


# ------------------------------------------------------------------------------- full, or deleted


def fills(path: Path, fill: Callable[[skipjack.Study], None], free: Callable[[], None]) -> None:
    """Run a study until nothing more fits, make room, and go on: what was told is there."""
    study = make(path, 3)
    told = [t.value for t in study.trials]

    def objective(trial: skipjack.Trial) -> float:
        trial.set_user_attr("big", "x" * 20_000)
        return work.objective(trial)

    fill(study)
    with pytest.raises(StorageInternalError, match="make room, and tell it again"):
        study.optimize(objective, n_trials=500, callbacks=[lambda s, t: told.append(t.value)])
    assert len(told) < 503
    here = [t.value for t in study.trials if t.state is TrialState.COMPLETE]
    assert here == told
    free()
    study.optimize(work.objective, n_trials=3)
    there = cold(path).get_all_trials(0)
    assert [t.number for t in there] == list(range(len(there)))
    complete = [t.value for t in there if t.state is TrialState.COMPLETE]
    assert complete[: len(told)] == told
    assert len(complete) == len(told) + 3


def test_a_full_disk_loses_nothing_that_was_told(tmp_path: Path, name: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if not run("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)):
        pytest.skip("needs to mount a small disk")
    ballast = small / "ballast"
    try:
        fills(
            small / name,
            lambda study: ballast.write_bytes(bytes(300_000)) and None,
            ballast.unlink,
        )
    finally:
        run("umount", "-l", str(small))


LIMITED = """
import pathlib, resource, sys
from tests.storages.test_bad_files import fills
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
fills(
    pathlib.Path(sys.argv[1]),
    lambda study: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard)),
    lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)),
)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_quota_on_the_file_loses_nothing_that_was_told(tmp_path: Path, name: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LIMITED, str(tmp_path / name)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be deleted there")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_deleted_while_open_is_missed_at_the_next_write(
    tmp_path: Path, name: str, replaced: bool
) -> None:
    path = tmp_path / name
    study = make(path)
    said = all_told(study._storage, 0)
    trial = study.ask()
    for beside in ("", "-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    if replaced:
        make(path, 1)
    for write in (study.ask, lambda: study.tell(trial, 1.0), lambda: trial.report(1.0, 0)):
        with pytest.raises(StorageInternalError, match="deleted or replaced .*copy_study"):
            write()
    assert all_told(study._storage, 0)[:-1] == said
    saved = InMemoryStorage()
    skipjack.copy_study(from_study_name="study", from_storage=study._storage, to_storage=saved)
    assert all_told(saved, 0)[:-1] == said
    assert replaced == path.exists()
    if not replaced:
        assert [t.number for t in make(path, 2).trials] == [0, 1], "a new study can be made there"


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be deleted there")
def test_a_file_that_is_gone_is_never_made_anew_behind_the_users_back(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    study = make(path)
    log: Any = study._ledger.log
    log.close()
    path.unlink()
    with pytest.raises(StorageInternalError, match="deleted or replaced"):
        study.trials  # noqa: B018
    assert not path.exists()
