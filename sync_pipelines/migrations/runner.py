"""Runs a project database's Alembic history, after looking whether the database has a shape we know.

One history a database, its bookkeeping in a schema of ours. Concurrent runs wait for each other.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sync_pipelines.lib import failures, postgres

if TYPE_CHECKING:  # slow to import, and needed only where a database is migrated
    from alembic.config import Config


class History(NamedTuple):
    """A database that we may change: its folder here, and the schema of Alembic's table."""

    name: str
    schema: str
    what: str

    @property
    def setting(self) -> str:
        return f"{self.name.upper()}_DATABASE_URL"


FABRICIO = History("fabricio", "sync_private", "the fabricio database")
HITSS = History("hitss", "sync_private", "the hitss database")
AIMINDSET = History("aimindset", "sync_private", "the aimindset database")
TABULADORMAX = History("tabuladormax", "sync_private", "the tabuladormax database")
OPS = History("ops", "ops", "the ops database")
_HISTORIES = {one.name: one for one in (FABRICIO, HITSS, AIMINDSET, TABULADORMAX, OPS)}
_ROOT = Path(__file__).parent


def history(name: str) -> History:
    """The history of a database by its name, such as `fabricio`."""
    return _HISTORIES[name]


def upgrade(history: History, url: str) -> None:
    """Bring a database to the newest revision in one transaction; put back what a later hand took away.

    Raises SyncError: the database cannot be reached, has a table in a shape that cannot be extended, or
    refuses a statement.
    """
    from alembic import command
    from sqlalchemy import create_engine, pool, text
    from sqlalchemy.exc import DBAPIError

    from sync_pipelines.migrations import inspect

    config = _config(history)
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            key = postgres.lock_key("migrate", history.name)
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})
            driver: postgres.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            inspect.refuse_unknown_shape(driver, history)
            connection.execute(text(f"create schema if not exists {history.schema}"))
            config.attributes.update(connection=connection, schema=history.schema)
            if inspect.has_drifted(driver, history):
                command.stamp(config, "base")  # every revision is repeatable
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise failures.from_postgres(error.orig, what=history.what) from None  # type: ignore[arg-type]
    finally:
        engine.dispose()


@cache
def newest_revision(history: History) -> str:
    """The revision that `upgrade` ends at."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(history)).get_current_head() or ""


def _config(history: History) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ROOT))
    config.set_main_option("version_locations", str(_ROOT / history.name))
    config.set_main_option("path_separator", "os")
    return config


def sqlalchemy_url(url: str) -> str:
    """A connection URL for SQLAlchemy with psycopg 3, whatever driver it names."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
