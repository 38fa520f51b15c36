"""What the steps of the ERP assets have in common: the pool of connections, events by hand, the card at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.lib.orchestration.partition_reports import PartitionReport, log_check

#: Of a run: a first year of a large company, at the vendor's patience. Run monitoring looks at tags of runs alone.
MAX_RUNTIME = {"dagster/max_runtime": str(12 * 3600)}


class Shown(Protocol):
    """What a sync refreshes at its end: the card of the connections."""

    def __call__(self, context: dg.AssetExecutionContext) -> None: ...


@contextmanager
def pool_of(
    started: ConnectionPool | None, sync: ConnectionSync, ids: Callable[[], Mapping[str, UUID]]
) -> Iterator[ConnectionPool]:
    """The connections of a run; `started` are those that the command line has started already."""
    if started is not None:
        yield started
        return
    with ConnectionPool(sync, ids()) as pool:
        yield pool


def log_report(
    context: dg.AssetExecutionContext, key: dg.AssetKey, partition: str, report: PartitionReport
) -> None:
    """The events of an asset that has another partition shape than the run."""
    context.log_event(dg.AssetMaterialization(key, metadata=dict(report.metadata), partition=partition))
    for check in report.checks:
        log_check(context, key, partition, check=check)
