"""A store of each kind, over real files or a real server."""

import subprocess
import sys
import time
import urllib.request
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from skipjack.artifacts import (
    ArtifactStore,
    Backoff,
    Boto3ArtifactStore,
    FileSystemArtifactStore,
    FsspecArtifactStore,
    GCSArtifactStore,
)

KINDS = ("files", "fsspec_local", "fsspec_memory", "boto3", "boto3_raw", "gcs", "patient")


@pytest.fixture(scope="session")
def s3(require: Callable[..., None]) -> Iterator[Any]:
    """A client of a server that speaks S3."""
    require("moto")
    require("boto3")
    import boto3

    code = (
        "from moto.server import ThreadedMotoServer; import sys\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False); server.start()\n"
        "print(server.get_host_and_port()[1], flush=True); sys.stdin.read(); server.stop()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        _wait(f"{url}/moto-api/")
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
        )
        yield client
        client.close()
    finally:
        process.stdin.close()
        process.wait(200)
        process.stdout.close()


def _wait(url: str) -> None:
    for _ in range(4000):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nobody answers at {url}")


@contextmanager
def gcs_client() -> Iterator[Any]:
    """A client of Google's package, of a server on loopback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Google's packages about themselves
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        from tests.artifacts.gcs_server import gcs_server

    with gcs_server() as url:
        client = storage.Client(
            project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )
        yield client
        client.close()


@pytest.fixture(params=KINDS)
def store(
    request: pytest.FixtureRequest, tmp_path: Path, require: Callable[..., None]
) -> Iterator[ArtifactStore]:
    """An empty store."""
    kind = request.param
    if kind == "files":
        yield FileSystemArtifactStore(tmp_path / "store")
    elif kind == "patient":
        yield Backoff(FileSystemArtifactStore(tmp_path / "store"))
    elif kind.startswith("fsspec"):
        require("fsspec")
        where = tmp_path.as_posix() if kind.endswith("local") else f"memory:/{tmp_path.as_posix()}"
        yield FsspecArtifactStore(f"{where}/store")
    elif kind == "gcs":
        require("google.cloud.storage", there=_has_gcs(), reason="google-cloud-storage is missing")
        with gcs_client() as client:
            yield GCSArtifactStore("bucket", client)
    else:
        client = request.getfixturevalue("s3")
        bucket = f"bucket-{uuid.uuid4()}"
        client.create_bucket(Bucket=bucket)
        yield Boto3ArtifactStore(bucket, client, avoid_buf_copy=kind == "boto3_raw")


def _has_gcs() -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec("google.cloud.storage") is not None
    except ModuleNotFoundError:
        return False
