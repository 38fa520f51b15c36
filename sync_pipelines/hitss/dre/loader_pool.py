"""Several connections that load months at the same time.

While the database works on one month, this process prepares the next: two connections keep both cores busy. Each month
is a transaction of its own, so the order in which they end does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import Self

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre.load import MonthLoader
from sync_pipelines.hitss.dre.plan import LoadPlan
from sync_pipelines.hitss.dre.prove import ProvedMonth
from sync_pipelines.lib import interruptions, postgres

CONNECTIONS = 2


class LoaderPool:
    """Loads months in the background. A loader whose connection was lost begins its next month over a new one."""

    def __init__(self, url: str, plan: LoadPlan) -> None:
        self.url, self.plan = url, plan
        self._threads = ThreadPoolExecutor(max_workers=CONNECTIONS, thread_name_prefix="month")
        self._months: dict[str, Future[ProvedMonth]] = {}
        #: All connections that were opened, so that an interruption can cancel what they wait for.
        self._connections: list[postgres.Connection] = []
        self._idle: SimpleQueue[tuple[ExitStack, MonthLoader] | None] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Months that have not begun never begin; the others are waited for."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for _ in range(CONNECTIONS):
            if opened := self._idle.get():
                opened[0].close()

    def begin(self, months: Iterable[str]) -> None:
        """Load these months in the background, in order."""
        for month in months:
            self._months[month] = self._threads.submit(self._load, month)

    def result(self, month: str) -> ProvedMonth:
        """A month that was begun, when it is committed; raises what `MonthLoader.load` raises."""
        return self._months[month].result()

    def cancelled_on_interruption(self) -> AbstractContextManager[None]:
        """An interruption of the block ends what the connections wait for."""
        return interruptions.cancelling(self._threads, self._connections)

    def _load(self, month: str) -> ProvedMonth:
        stack, loader = self._idle.get() or self._connect()
        try:
            return loader.load(month)
        finally:
            lost = loader.connection.closed or loader.connection.broken
            if lost:
                stack.close()
            self._idle.put(None if lost else (stack, loader))

    def _connect(self) -> tuple[ExitStack, MonthLoader]:
        stack = ExitStack()
        try:
            connection = stack.enter_context(postgres.connect(self.url, what=FABRICIO))
        except BaseException:
            self._idle.put(None)
            raise
        self._connections.append(connection)
        return stack, MonthLoader(connection, self.plan)
