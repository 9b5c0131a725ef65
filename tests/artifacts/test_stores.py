"""What holds for every artifact store, and what is particular to one."""

import io
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from skipjack.artifacts import (
    ArtifactStore,
    Backoff,
    Boto3ArtifactStore,
    FileSystemArtifactStore,
    FsspecArtifactStore,
)
from skipjack.artifacts.exceptions import ArtifactNotFound
from tests.studies import listening

LARGE = bytes(range(256)) * 40_000  # 10 MB: more than a store sends or keeps in one piece

ELSEWHERE = ("", ".", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a\\..\\b", "C:a", "a\0")


def content(store: ArtifactStore, artifact_id: str) -> bytes:
    with store.open_reader(artifact_id) as file:
        return file.read()


class Broken(io.BytesIO):
    """A file that fails after its first part."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("gone")
        return super().read(3)


class TestEveryStore:
    def test_is_a_store(self, store: ArtifactStore) -> None:
        assert isinstance(store, ArtifactStore)

    @pytest.mark.parametrize("body", [b"", b"\x00\r\n\xff some", LARGE], ids=len)
    def test_gives_back_what_was_written(self, store: ArtifactStore, body: bytes) -> None:
        store.write("an-id", io.BytesIO(body))
        assert content(store, "an-id") == body

    def test_replaces_what_is_written_again(self, store: ArtifactStore) -> None:
        store.write("a", io.BytesIO(b"first, and long"))
        store.write("a", io.BytesIO(b"second"))
        assert content(store, "a") == b"second"

    def test_says_so_when_there_is_nothing_of_that_id(self, store: ArtifactStore) -> None:
        store.write("b", io.BytesIO(b"x"))
        with pytest.raises(ArtifactNotFound, match="No artifact 'a' in "):
            store.open_reader("a")

    def test_removes_one_and_leaves_the_others(self, store: ArtifactStore) -> None:
        store.write("a", io.BytesIO(b"a"))
        store.write("b", io.BytesIO(b"b"))
        store.remove("a")
        with pytest.raises(ArtifactNotFound):
            store.open_reader("a")
        assert content(store, "b") == b"b"

    def test_removing_nothing_is_an_error_where_that_is_known(self, store: ArtifactStore) -> None:
        if isinstance(store, Boto3ArtifactStore):
            store.remove("a")  # S3 does not tell
        else:
            with pytest.raises(ArtifactNotFound):
                store.remove("a")

    def test_refuses_an_id_that_leads_elsewhere(self, store: ArtifactStore) -> None:
        for artifact_id in ELSEWHERE:
            for use in (
                lambda name: store.write(name, io.BytesIO(b"x")),
                store.open_reader,
                store.remove,
            ):
                with pytest.raises(ValueError, match="must name something inside the store"):
                    use(artifact_id)

    def test_refuses_an_id_that_is_no_text(self, store: ArtifactStore) -> None:
        with pytest.raises(TypeError, match="`artifact_id` must be a text, but got 3"):
            store.open_reader(3)  # type: ignore[arg-type]

    def test_writes_all_or_nothing(self, store: ArtifactStore) -> None:
        if isinstance(store, Backoff):
            pytest.skip("it would try ten times")
        store.write("a", io.BytesIO(b"whole"))
        for artifact_id in ("a", "b"):
            with pytest.raises((OSError, ValueError), match="gone|bytes remaining"):
                store.write(artifact_id, Broken(b"broken"))
        assert content(store, "a") == b"whole"
        with pytest.raises(ArtifactNotFound):
            store.open_reader("b")


class TestFiles:
    def test_leave_nothing_behind_that_was_not_finished(self, tmp_path: Path) -> None:
        store = FileSystemArtifactStore(str(tmp_path))
        with pytest.raises(OSError, match="gone"):
            store.write("a", Broken(b"broken"))
        assert list(tmp_path.iterdir()) == []

    def test_may_lie_in_folders(self, tmp_path: Path) -> None:
        store = FileSystemArtifactStore(tmp_path)
        store.write("models/best", io.BytesIO(b"m"))
        assert (tmp_path / "models" / "best").read_bytes() == b"m"
        for folder in ("models", "models/best/more"):
            with pytest.raises(ArtifactNotFound):
                store.open_reader(folder)
            with pytest.raises(ArtifactNotFound):
                store.remove(folder)

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
    def test_are_not_reached_through_a_link_that_leads_out(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("s")
        store = FileSystemArtifactStore(tmp_path / "store")
        store.write("a", io.BytesIO(b"a"))
        os.symlink(tmp_path / "secret", tmp_path / "store" / "link")
        with pytest.raises(ValueError, match="inside the store"):
            store.open_reader("link")
        with pytest.raises(ValueError, match="inside the store"):
            store.remove("link")
        assert (tmp_path / "secret").read_text() == "s"


def test_fsspec_says_where_it_keeps_things(tmp_path: Path, require: Any) -> None:
    require("fsspec")
    store = FsspecArtifactStore(f"file://{tmp_path.as_posix()}/new/store", auto_mkdir=True)
    store.write("a", io.BytesIO(b"a"))
    assert (tmp_path / "new" / "store" / "a").read_bytes() == b"a"
    assert repr(store) == f"FsspecArtifactStore('file://{tmp_path.as_posix()}/new/store')"


class TestS3:
    def test_leaves_what_it_is_given_open(self, s3: Any) -> None:
        body = io.BytesIO(b"x")
        s3.create_bucket(Bucket="bucket")
        Boto3ArtifactStore("bucket", s3).write("a", body)
        assert not body.closed

    def test_other_errors_are_boto3s(self, s3: Any) -> None:
        from botocore.exceptions import ClientError

        with pytest.raises(ClientError, match="NoSuchBucket"):
            Boto3ArtifactStore("another", s3).open_reader("a")


class Flaky:
    """A store that fails so many times before it does what it is asked for."""

    def __init__(self, failures: int, does_it_anyway: bool = False) -> None:
        self.failures, self.does_it_anyway = failures, does_it_anyway
        self.kept: dict[str, bytes] = {}
        self.calls = 0

    def _fail(self) -> bool:
        self.calls += 1
        self.failures -= 1
        return self.failures >= 0

    def open_reader(self, artifact_id: str) -> BinaryIO:
        if self._fail():
            raise ConnectionError("try later")
        if artifact_id not in self.kept:
            raise ArtifactNotFound(artifact_id)
        return io.BytesIO(self.kept[artifact_id])

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        body = content_body.read()
        if self._fail():
            raise ConnectionError("try later")
        self.kept[artifact_id] = body

    def remove(self, artifact_id: str) -> None:
        failed = self._fail()
        if failed and not self.does_it_anyway:
            raise ConnectionError("try later")
        if self.kept.pop(artifact_id, None) is None:
            raise ArtifactNotFound(artifact_id)
        if failed:
            raise ConnectionError("the answer was lost")


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept; nothing sleeps."""
    found: list[float] = []
    monkeypatch.setattr("skipjack.artifacts.backoff.time.sleep", found.append)
    return found


class TestBackoff:
    def test_tries_again_later_each_time(self, naps: list[float]) -> None:
        store = Backoff(Flaky(4), multiplier=3, min_delay=0.5, max_delay=5)
        with listening() as log:
            store.write("a", io.BytesIO(b"body"))
        assert naps == [0.5, 1.5, 4.5, 5]
        assert len(log.texts) == 4 and "next try in 0.5 s" in log.texts[0]
        assert content(store, "a") == b"body"

    def test_writes_from_where_the_file_was(self, naps: list[float]) -> None:
        body = io.BytesIO(b"head body")
        body.seek(5)
        store = Backoff(Flaky(2))
        with listening():
            store.write("a", body)
        assert content(store, "a") == b"body"

    def test_gives_up_with_the_last_error(self, naps: list[float]) -> None:
        flaky = Flaky(99)
        with listening(), pytest.raises(ConnectionError, match="try later"):
            Backoff(flaky, max_retries=3).open_reader("a")
        assert (flaky.calls, naps) == (3, [0.1, 0.2])

    def test_does_not_wait_for_what_is_not_there(self, naps: list[float]) -> None:
        with pytest.raises(ArtifactNotFound):
            Backoff(Flaky(0)).open_reader("a")
        with pytest.raises(ArtifactNotFound):
            Backoff(Flaky(0)).remove("a")
        assert naps == []

    def test_removes_once_and_is_content(self, naps: list[float]) -> None:
        flaky = Flaky(0)
        flaky.kept["a"] = b"a"
        Backoff(flaky).remove("a")
        assert (flaky.kept, flaky.calls) == ({}, 1)

    def test_does_not_miss_what_a_failed_try_removed(self, naps: list[float]) -> None:
        flaky = Flaky(1, does_it_anyway=True)
        flaky.kept["a"] = b"a"
        with listening():
            Backoff(flaky).remove("a")
        assert flaky.kept == {}

    def test_what_cannot_be_read_twice_is_written_once(self, naps: list[float]) -> None:
        read, write = os.pipe()
        os.close(write)
        with os.fdopen(read, "rb") as pipe, pytest.raises(ConnectionError):
            Backoff(Flaky(1)).write("a", pipe)
        assert naps == []

    @pytest.mark.parametrize(
        "wrong", [{"max_retries": 0}, {"multiplier": 0.5}, {"min_delay": -1}, {"max_delay": 0.01}]
    )
    def test_refuses_impossible_numbers(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be at least"):
            Backoff(Flaky(0), **wrong)
