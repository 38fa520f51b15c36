"""Reconnecting to a database that is unreachable for a while."""

from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres.reconnecting import Reconnecting

#: The waits between the attempts to reconnect.
WAITS = [0.25, 0.5, 1.0, 2.0, 4.0]


def test_a_server_that_is_away_for_a_moment_is_waited_for(new_database: Callable[[str | None], str]) -> None:
    url = new_database(None)
    name = url.rpartition("/")[2].split("?")[0]
    server = url.replace(f"/{name}", "/postgres")
    waited: list[float] = []
    with psycopg.connect(server, autocommit=True) as other:

        def allow(allowed: bool) -> None:
            other.execute(f"alter database {name} allow_connections {allowed}")  # type: ignore[call-overload]

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 2:
                allow(True)

        database = Reconnecting(url, what="the ops database", sleep=sleep)
        allow(False)
        other.execute("select pg_terminate_backend(%s)", (database.connection.info.backend_pid,))
        assert database.do(lambda connection: connection.execute("select 7").fetchone()) == (7,)
        database.close()
    assert waited == WAITS[:2]


def test_one_that_stays_away_is_an_error_with_its_name(new_database: Callable[[str | None], str]) -> None:
    url = new_database(None)
    name = url.rpartition("/")[2].split("?")[0]
    waited: list[float] = []
    database = Reconnecting(url, what="the ops database", sleep=waited.append)
    with psycopg.connect(url.replace(f"/{name}", "/postgres"), autocommit=True) as other:
        other.execute(f"alter database {name} allow_connections false")  # type: ignore[call-overload]
        other.execute("select pg_terminate_backend(%s)", (database.connection.info.backend_pid,))
        with pytest.raises(SyncError, match="the ops database"):
            database.do(lambda connection: connection.execute("select 7").fetchone())
    database.close()
    assert waited == WAITS
