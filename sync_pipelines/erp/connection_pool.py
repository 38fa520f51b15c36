"""Several connections at once, in a few threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.partition_pool import PartitionPool
from sync_pipelines.lib.progress import Progress, Report

#: Connections of one ERP share its limits by address, and each has several calls under way.
WIDTH = 4


@dataclass(frozen=True)
class SyncOptions:
    """What a sync does; None: what the connection wants, and the usual months. `accept` are words of the pipeline."""

    modules: tuple[Module, ...] | None = None
    months: tuple[date, ...] | None = None
    full: bool = False
    accept: frozenset[str] = frozenset()
    #: Leave a connection alone that is not due (any more): for syncs that nobody asked for by name.
    only_if_due: bool = False


class ConnectionPool(PartitionPool[SyncOptions, SyncOutcome, Progress]):
    """Syncs of connections, by partition key; `ids` are the connections that the table has."""

    def __init__(
        self,
        sync: ConnectionSync,
        ids: Mapping[str, UUID],
        width: int = WIDTH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(width=width, clock=clock)
        self.sync, self.ids = sync, ids

    def run(
        self, key: str, run_id: str, options: SyncOptions, *, report: Report, cancellation: Cancellation
    ) -> SyncOutcome:
        connection_id = self.ids.get(key)
        if connection_id is None:
            raise PermanentError(f"erp_connections has no row for {key}: the connection was removed.")
        return self.sync.sync(
            connection_id,
            run_id=run_id,
            modules=options.modules,
            months=options.months,
            full=options.full,
            accept=options.accept,
            only_if_due=options.only_if_due,
            progress=report,
            cancellation=cancellation,
        )
