"""Postgres as this project uses it: connections, locks, COPY, and slices replaced in one transaction."""

from sync_pipelines.lib.postgres.connection import (
    Connection,
    cancel_statement,
    connect,
    driverless,
    end_writes,
    errors_about,
    table,
)
from sync_pipelines.lib.postgres.copy import array, batched, copy_rows, copy_texts
from sync_pipelines.lib.postgres.key_merge import Difference, KeyMerge, Merged
from sync_pipelines.lib.postgres.locks import (
    is_held,
    lock_key,
    lock_partition,
    session_lock,
    try_lock,
    unlock,
)
from sync_pipelines.lib.postgres.merge import Changes, SliceMerge

__all__ = [
    "Changes",
    "Connection",
    "Difference",
    "KeyMerge",
    "Merged",
    "SliceMerge",
    "array",
    "batched",
    "cancel_statement",
    "connect",
    "copy_rows",
    "copy_texts",
    "driverless",
    "end_writes",
    "errors_about",
    "is_held",
    "lock_key",
    "lock_partition",
    "session_lock",
    "table",
    "try_lock",
    "unlock",
]
