"""Every test that takes `storage` runs in memory and in SQLite; the log is quiet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from skipjack.storages import BaseStorage
from tests.studies import KINDS, listening, storage_of


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BaseStorage:
    return storage_of(request.param, tmp_path)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with listening():
        yield
