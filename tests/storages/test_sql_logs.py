"""The logs in database servers keep the contracts, through every driver."""

from __future__ import annotations

import pytest

from skipjack.storages.sql import SqlLog
from skipjack.testing.logs import LeaseContract, LogContract, OpenLeases, OpenLog
from skipjack.testing.snapshots import OpenSnapshots, SnapshotContract
from tests.conftest import Require
from tests.storages.servers import with_driver

DRIVERS = {  # name in URLs: module, fixture of the server
    "psycopg": ("psycopg", "postgresql"),
    "psycopg2": ("psycopg2", "postgresql"),
    "pymysql": ("pymysql", "mariadb"),
    "mysqldb": ("MySQLdb", "mariadb"),
}


SECOND = ("psycopg2", "mysqldb")  # of each server; these take their time


@pytest.fixture(
    params=[pytest.param(d, marks=[pytest.mark.slow] if d in SECOND else []) for d in DRIVERS]
)
def opener(request: pytest.FixtureRequest, require: Require) -> OpenSnapshots:
    module, server = DRIVERS[request.param]
    require(module)
    url = with_driver(request.getfixturevalue(server).new(), request.param)
    return lambda: SqlLog(url)


class TestSqlLog(LogContract):
    @pytest.fixture
    def open_log(self, opener: OpenSnapshots) -> OpenLog:
        return opener


class TestSqlLeases(LeaseContract):
    @pytest.fixture
    def open_log(self, opener: OpenSnapshots) -> OpenLeases:
        return opener


class TestSqlSnapshots(SnapshotContract):
    @pytest.fixture
    def open_log(self, opener: OpenSnapshots) -> OpenSnapshots:
        return opener
