"""The application's tables of connections and of their log (contract of the ERPs, sections 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.catalog import columns_of, exists
from sync_pipelines.lib.records.run_log import RunLog

ERP = "the erp database"
CONNECTIONS = "public.erp_connections"
LOGS = "public.erp_sync_logs"
#: A row a sync. The words are those of the enum `erp_sync_status`; a person's Ctrl-C is a cancellation.
SYNC_LOG = RunLog(
    LOGS,
    started_at="started_at",
    completed_at="completed_at",
    processed="records_synced",
    failed="records_failed",
    error="error_message",
    details="details",
    running="running",
    success="success",
    failure="error",
    interrupted="cancelled",
    lock_prefix="erp_sync_logs:",
    proves_its_end=True,
)
#: The log as the reaper closes it: nobody cancelled a sync whose process died.
ORPHAN_LOG = replace(SYNC_LOG, interrupted="error")


#: What the newest migration added: where it is, the others ran as well.
_NEWEST = ("sync_private.products", "detail_at")


def is_migrated(session: postgres.Connection) -> bool:
    """Whether the newest migration ran."""
    table, column = _NEWEST
    return exists(session, table) and column in {one.name for one in columns_of(session, table)}


def require_migrated(session: postgres.Connection, tables: Iterable[str]) -> None:
    """Raise PermanentError where one of the tables is missing, or has not the structure of this version."""
    require_tables(session, tables, ERP)
    if not is_migrated(session):
        raise PermanentError(
            f"{ERP} has the structure of an older version. Run `sync-pipelines migrate`. Nothing was done."
        )


def require_tables(session: postgres.Connection, tables: Iterable[str], what: str) -> None:
    """Raise PermanentError where one of them is missing."""
    if missing := [table for table in tables if not exists(session, table)]:
        raise PermanentError(
            f"{what}: {', '.join(missing)} is not there. Run `sync-pipelines migrate`, which says what is wrong if it"
            " is another project's database. Nothing was done."
        )
