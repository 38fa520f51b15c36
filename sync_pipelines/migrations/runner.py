"""Upgrades a database along its Alembic history, after a check that its tables have a shape that we know.

Alembic's version table lies in a schema of ours. Concurrent upgrades of one database wait for each other.
"""

from __future__ import annotations

from sync_pipelines.lib import postgres
from sync_pipelines.migrations import inspection, revisions
from sync_pipelines.migrations.history import History


def upgrade(history: History, url: str) -> None:
    """Bring a database to the newest revision in one transaction; restore what somebody removed since.

    Raises SyncError: the database cannot be reached, has a table in a shape that cannot be extended, or
    refuses a statement.
    """
    from sqlalchemy import text

    with revisions.transaction(history, url) as connection:
        key = postgres.lock_key("migrate", history.name)
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})
        driver: postgres.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        inspection.refuse_unknown_shape(driver, history)
        revisions.apply(history, connection, again=inspection.has_drifted(driver, history))
