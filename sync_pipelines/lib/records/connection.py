"""The one connection to the ops database that the records share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, LiteralString

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.reconnecting import Reconnecting, Result

OPS = "the ops database"


class OpsDatabase:
    """The ops database. Its connection is opened again after a loss: the record of finished work must not be lost."""

    def __init__(self, url: str) -> None:
        self._database = Reconnecting(url, what=OPS)

    @property
    def connection(self) -> postgres.Connection:
        return self._database.connection

    def close(self) -> None:
        self._database.close()

    def do(self, work: Callable[[postgres.Connection], Result]) -> Result:
        """The result of `work`, which runs a second time over a new connection if it loses the first."""
        return self._database.do(work)

    def one(self, query: LiteralString, values: Sequence[object]) -> tuple[Any, ...] | None:
        return self.do(lambda connection: connection.execute(query, values).fetchone())

    def all(self, query: LiteralString, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self.do(lambda connection: connection.execute(query, values).fetchall())

    def change(self, statement: LiteralString, values: Sequence[object]) -> None:
        self.do(lambda connection: connection.execute(statement, values))

    def insert_all(self, statement: LiteralString, rows: Sequence[Sequence[object]]) -> None:
        """Insert all rows or none."""

        def write(connection: postgres.Connection) -> None:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(statement, rows)

        self.do(write)
