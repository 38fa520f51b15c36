"""A project's database with its own connection, and a call of its function that waits for a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import psycopg
import pytest

from sync_pipelines_tests.conftest import NewProject


@dataclass
class Box:
    """A project's database, looked at by its owner with autocommit."""

    url: str
    connection: psycopg.Connection[Any]

    def run(self, query: str) -> None:
        self.connection.execute(query.encode())

    def value(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def values(self, query: str) -> list[Any]:
        return [row[0] for row in self.connection.execute(query.encode())]

    def backup(self) -> Any:
        return self.value("select backup_all_data()")

    def traces(self) -> tuple[int, int]:
        """The rows of system_logs and backup_logs, where a call leaves its marks."""
        return self.value("select count(*) from system_logs"), self.value("select count(*) from backup_logs")

    @contextmanager
    def locked(self, table: str) -> Iterator[psycopg.Connection[Any]]:
        """A transaction that holds a table; it commits at the end."""
        with psycopg.connect(self.url) as holder:
            holder.execute(f"lock table {table} in access exclusive mode".encode())
            yield holder

    def wait_for_a_waiter(self) -> None:
        waiting = "select exists (select from pg_locks where not granted and database = (select oid from pg_database"
        while not self.value(f"{waiting} where datname = current_database()))"):
            pass


class Call(Thread):
    """A call in a session and thread of its own: `outcome` is what it returned or raised."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self._act = act
        self._outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._act()
        except Exception as error:
            self._outcome = error

    @property
    def outcome(self) -> Any:
        self.join(timeout=30)
        assert not self.is_alive()
        return self._outcome


def call_backup(url: str, *settings: str) -> Any:
    """Call the function in one transaction of a session of its own, and commit."""
    with psycopg.connect(url) as connection:
        for setting in settings:
            connection.execute(setting.encode())
        row = connection.execute("select backup_all_data()").fetchone()
        assert row is not None
        return row[0]


@pytest.fixture
def new_box(new_project: NewProject) -> Iterator[Callable[..., Box]]:
    opened: list[psycopg.Connection[Any]] = []

    def make(lineage: str = "live", articles: int = 12) -> Box:
        url = new_project(lineage, articles)
        opened.append(psycopg.connect(url, autocommit=True))
        return Box(url, opened[-1])

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def box(new_box: Callable[..., Box]) -> Box:
    return new_box()
