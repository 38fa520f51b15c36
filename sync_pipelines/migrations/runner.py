"""Upgrades a database along its Alembic history, after a check that its tables have a shape that we know.

Alembic's version table lies in a schema of ours. Concurrent upgrades of one database wait for each other.
"""

from __future__ import annotations

from sync_pipelines.lib import failures, postgres
from sync_pipelines.migrations import inspection, revisions
from sync_pipelines.migrations.history import History


def upgrade(history: History, url: str) -> None:
    """Bring a database to the newest revision in one transaction; restore what somebody removed since.

    Raises SyncError: the database cannot be reached, has a table in a shape that cannot be extended, or
    refuses a statement.
    """
    from alembic import command
    from sqlalchemy import create_engine, pool, text
    from sqlalchemy.exc import DBAPIError

    config = revisions.config(history)
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            key = postgres.lock_key("migrate", history.name)
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})
            driver: postgres.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            inspection.refuse_unknown_shape(driver, history)
            connection.execute(text(f"create schema if not exists {history.schema}"))
            config.attributes.update(connection=connection, schema=history.schema)
            if inspection.has_drifted(driver, history):
                command.stamp(config, "base")  # every revision is repeatable
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise failures.from_postgres(error.orig, what=history.what) from None  # type: ignore[arg-type]
    finally:
        engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """A connection URL for SQLAlchemy with psycopg 3, whatever driver it names."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
