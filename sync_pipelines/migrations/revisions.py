"""The revisions of a history, as Alembic reads them from its folder and runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib import failures
from sync_pipelines.migrations.history import History

if TYPE_CHECKING:  # slow to import, and needed only where a database is migrated
    from alembic.config import Config
    from sqlalchemy import Connection

_ROOT = Path(__file__).parent


@cache
def newest_revision(history: History) -> str:
    """The revision that an upgrade ends at."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(history)).get_current_head() or ""


@contextmanager
def transaction(history: History, url: str) -> Iterator[Connection]:
    """A transaction in which revisions can run; committed at the end.

    Raises SyncError: the database cannot be reached, or refuses a statement.
    """
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    # With psycopg 3, whatever driver the URL names.
    engine = create_engine("postgresql+psycopg://" + url.split("://", 1)[1], poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise failures.from_postgres(error.orig, what=history.what) from None  # type: ignore[arg-type]
    finally:
        engine.dispose()


def apply(history: History, connection: Connection, *, again: bool = False) -> None:
    """Run the revisions that the database lacks; with `again` all of them, because each is repeatable."""
    from alembic import command
    from sqlalchemy import text

    connection.execute(text(f"create schema if not exists {history.schema}"))
    config = _config(history)
    config.attributes.update(
        connection=connection, schema=history.schema, version_table=history.version_table
    )
    if again:
        command.stamp(config, "base")
    command.upgrade(config, "head")


def _config(history: History) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ROOT))
    config.set_main_option("version_locations", str(_ROOT / history.name))
    config.set_main_option("path_separator", "os")
    return config
