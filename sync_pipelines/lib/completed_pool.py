"""Work done by several threads at once, whose results are taken in the order in which they are done.

A call that hangs holds up nobody: the others go on, and the caller commits what is there. Where the order of the items
matters, `ordered_pool` is the one to use.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Completed(NamedTuple, Generic[Item, Result]):
    """An item, and what its call returned or raised."""

    item: Item
    outcome: Result | BaseException


class CompletedPool(Generic[Item, Result]):
    """Calls `work` with each item: `width` calls at once, and at most `depth` items given and not taken.

    Use as a context. Leaving it cancels what no thread has begun, and waits for the calls under way.
    """

    def __init__(self, work: Callable[[Item], Result], width: int, depth: int) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="completed")
        self._done: SimpleQueue[Completed[Item, Result]] = SimpleQueue()
        self._depth, self._given = depth, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def give(self, item: Item) -> None:
        """Queue an item; the caller takes results before it gives more than there is room for."""
        self._given += 1
        self._pool.submit(self._call, item)

    @property
    def is_full(self) -> bool:
        return self._given >= self._depth

    @property
    def is_empty(self) -> bool:
        return not self._given

    def take(self, linger: float = 0.0, *, patience: float | None = None) -> list[Completed[Item, Result]]:
        """Wait until an item is done; return all that are done. Without items there is nothing to wait for: [].

        With `patience` nothing is returned if no item is done after so many seconds.

        With `linger` further ones are awaited for so many seconds: for a caller whose work costs less for many at once.
        An error ends the wait, and so do half of the items that there is room for, before the threads run out of work.
        """
        try:
            taken = [self._done.get(timeout=patience)] if self._given else []
        except Empty:
            return []
        until = monotonic() + linger
        while len(taken) < self._given:
            is_over = len(taken) * 2 >= self._depth or isinstance(taken[-1].outcome, BaseException)
            try:
                taken.append(self._done.get(timeout=0.0 if is_over else max(0.0, until - monotonic())))
            except Empty:
                break
        self._given -= len(taken)
        return taken

    def _call(self, item: Item) -> None:
        try:
            outcome: Result | BaseException = self._work(item)
        except BaseException as error:  # a result like any other; without it the caller would wait for ever
            outcome = error
        self._done.put(Completed(item, outcome))
