"""What the steps of the ERP assets have in common: the pool of connections, the card at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool
from sync_pipelines.erp.pipeline import ConnectionSync

#: A first year of a large company, at the vendor's patience.
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
