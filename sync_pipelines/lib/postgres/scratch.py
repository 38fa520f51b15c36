"""A database to restore into and throw away: below SCRATCH_DATABASE_URL, or in a Postgres started for it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from sync_pipelines.lib import postgres

WHAT = "the scratch database"
#: What our scratch databases and the folders of scratch servers are called; anything else there is not ours.
PREFIX = "sync_pipelines_drill_"


@contextmanager
def scratch_database(url: str | None) -> Iterator[str]:
    """The URL of an empty database, which is dropped after the block whatever happened in it.

    What killed drills left goes as well: it holds what they had restored.
    """
    if url is not None:
        with _created(url) as made:
            yield made
        return
    from sync_pipelines.lib.postgres.embedded import PostgresServer

    _remove_dead_servers(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    server = PostgresServer(folder / "server", durable=False)
    with _held(folder):
        try:
            server.start()
            with _created(server.url()) as made:
                yield made
        finally:
            server.remove()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder: it belongs to its holder while that lives. Raises BlockingIOError if another holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_dead_servers(parent: Path) -> None:
    """Servers of killed drills, with their files. A folder without a server is one that begins just now."""
    from sync_pipelines.lib.postgres.embedded import PostgresServer
    from sync_pipelines.lib.postgres.embedded_binaries import PostgresError

    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, PostgresError):  # held, gone, or another user's
            if (folder / "server").is_dir() and folder.stat().st_uid == os.geteuid():
                with _held(folder):
                    PostgresServer(folder / "server").remove()
                    shutil.rmtree(folder)


@contextmanager
def _created(url: str) -> Iterator[str]:
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with postgres.connect(url, what=WHAT) as connection, postgres.errors_about(WHAT):
        _drop_leftovers(connection)
        # Before it is there: so no other drill takes it for a leftover while nobody is in it yet.
        postgres.try_lock(connection, _key(name))
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            yield make_conninfo(postgres.driverless(url), dbname=name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _key(name: str) -> int:
    return postgres.lock_key("scratch", name)


def _drop_leftovers(connection: postgres.Connection) -> None:
    """Databases that killed drills left: nobody is connected to them, and nobody holds their lock."""
    rows = connection.execute(
        "select datname from pg_database where datname like %s"
        " and not exists (select from pg_stat_activity where pg_stat_activity.datname = pg_database.datname)",
        (f"{PREFIX.replace('_', chr(92) + '_')}%",),
    ).fetchall()
    for (name,) in rows:
        if postgres.try_lock(connection, _key(name)):
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
            postgres.unlock(connection, _key(name))
