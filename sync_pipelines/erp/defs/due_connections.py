"""Which connections a schedule or sensor starts: those that `erp_connections` makes due."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connections.at_work import read_at_work
from sync_pipelines.erp.connections.control import read_connections
from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.erp.defs.descriptions import CONNECTIONS
from sync_pipelines.erp.defs.keys import WORKED_ON
from sync_pipelines.lib.orchestration.due_partitions import DuePartitions, Tick

JOB, INVOICES_JOB, TITLES_JOB = "erp_sync", "erp_invoices", "erp_titles"
#: The multi-asset, which is the step of every sync.
STEP = "erp_connection"
CONNECTION_TAG = "erp/connection"
DUE = DuePartitions(
    "connection",
    partitions=CONNECTIONS,
    job=JOB,
    step=STEP,
    assets=WORKED_ON,
    tag=CONNECTION_TAG,
    also={INVOICES_JOB, TITLES_JOB},
)
#: How long a connection rests whose last run died; each further death doubles it.
_FIRST_REST, _LONGEST_REST = timedelta(minutes=15), timedelta(hours=24)


@dataclass(frozen=True)
class DueConnections:
    """The connections as schedules and sensors look at them. Reading them raises SyncError."""

    url: str = field(repr=False)
    #: The ERPs that we have an adapter for.
    served: Collection[str]
    clock: Callable[[], datetime]

    def keys(self) -> list[str]:
        """The partition keys of the table, in its order: also of connections that no sync takes."""
        return list(self.ids())

    def ids(self) -> dict[str, UUID]:
        """The connections by partition key."""
        return {one.key: one.id for one in read_connections(self.url)}

    def due(self) -> dict[str, datetime | None]:
        """The keys of what is due, with the time since when it is; those that wait longest first."""
        now = self.clock()
        rows = [one for one in read_connections(self.url) if is_due(one, now, served=self.served)]
        rows.sort(key=lambda one: (one.last_sync_at is not None, one.last_sync_at))
        return {one.key: one.next_sync_at for one in rows}

    def keys_at_work(self) -> frozenset[str]:
        """The connections whose lock a living process holds."""
        held = read_at_work(self.url)
        return frozenset(key for key, number in self.ids().items() if number in held)

    def tick(self, instance: dg.DagsterInstance, rests: bool) -> Tick:
        """The due connections to start; with `rests` none whose last runs died."""
        return DUE.tick(
            instance,
            self.due(),
            at_work=self.keys_at_work,
            now=self.clock(),
            retry_at=_retry_at if rests else None,
        )


def _retry_at(ended: datetime, deaths: int) -> datetime:
    rest: timedelta = min(_FIRST_REST * 2 ** (deaths - 1), _LONGEST_REST)
    return ended + rest
