"""A database to restore into and throw away: below SCRATCH_DATABASE_URL, or in a Postgres started for it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from sync_pipelines.lib import postgres

WHAT = "the scratch database"
#: What our scratch databases are called; anything else there is not ours.
PREFIX = "sync_pipelines_drill_"


@contextmanager
def scratch_database(url: str | None) -> Iterator[str]:
    """The URL of an empty database, which is dropped after the block whatever happened in it."""
    if url is not None:
        with _created(url) as made:
            yield made
        return
    from sync_pipelines.sandbox.postgres import PostgresServer

    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
        PostgresServer(Path(folder) / "server", durable=False) as server,
        _created(server.url()) as made,
    ):
        yield made


@contextmanager
def _created(url: str) -> Iterator[str]:
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with postgres.connect(url, what=WHAT) as connection, postgres.errors_about(WHAT):
        _drop_leftovers(connection)
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            yield make_conninfo(postgres.driverless(url), dbname=name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _drop_leftovers(connection: postgres.Connection) -> None:
    """What killed drills left: databases of ours that nobody is in."""
    rows = connection.execute(
        "select datname from pg_database where datname like %s"
        " and not exists (select from pg_stat_activity where pg_stat_activity.datname = pg_database.datname)",
        (f"{PREFIX.replace('_', chr(92) + '_')}%",),
    ).fetchall()
    for (name,) in rows:
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
