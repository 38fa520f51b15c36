"""Pages that are cut into batches while earlier batches are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from sync_pipelines.lib.ordered_pool import OrderedPool
from sync_pipelines.scouter.push.batch import Batch, Page
from sync_pipelines.scouter.push.batcher import Batcher

#: Batchers of a push, each with a thread and connections of its own; and pages that are cut and wait.
BATCHERS, PAGES_AHEAD = 2, 3


class Prefetch:
    """The batches of `pages`, in order. Use as a context.

    The caller's thread reads the pages, because it owns their connection. Each of the `batchers` cuts one page at a
    time in a thread of its own.
    """

    def __init__(self, pages: Iterator[Page], batchers: Sequence[Batcher]) -> None:
        self._pages = pages
        self._free = SimpleQueue[Batcher]()
        for batcher in batchers:
            self._free.put(batcher)
        self._cutting = OrderedPool(self._cut, len(batchers), PAGES_AHEAD)
        self._ready = deque[Batch]()
        self._has_more = True
        #: Of a page: raised once, after the batches of the pages before it.
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._cutting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cutting.__exit__(kind, error, trace)

    def next(self, *, wait: bool) -> Batch | None:
        """The next batch; None if none is ready, or with `wait` if none is left.

        An error of a page is raised only with `wait`: the caller waits when everything before it is committed.
        """
        while not self._ready and self._error is None:
            self._read_ahead()
            if self._cutting.is_empty or not (wait or self._cutting.is_ready):
                return None
            try:
                self._ready += self._cutting.take_one()
            except Exception as error:
                self._error = error
        if self._ready:
            return self._ready.popleft()
        if wait and self._error is not None:
            raise self._error
        return None

    def _read_ahead(self) -> None:
        while self._has_more and not self._cutting.is_full:
            page = self._next_page()
            if page is None:
                self._has_more = False
            else:
                self._cutting.give(page)

    def _next_page(self) -> Page | Exception | None:
        try:
            return next(self._pages, None)
        except Exception as error:
            self._has_more = False
            return error

    def _cut(self, page: Page | Exception) -> list[Batch]:
        if isinstance(page, Exception):
            raise page  # in its turn: the pages before it are good
        batcher = self._free.get()
        try:
            return list(batcher.batches(page.positions, page.stage_of))
        finally:
            self._free.put(batcher)
