"""Work done by several threads at once, whose results are taken in the order in which the items were given.

The caller can commit results one after the other. So a pause, an error or the end of the process leaves a prefix that
is done, and nothing behind it that counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Given(NamedTuple, Generic[Item, Result]):
    item: Item
    future: Future[Result]


class OrderedPool(Generic[Item, Result]):
    """Calls `work` with each item: `width` calls at once, and at most `depth` items given and not taken.

    Use as a context.
    """

    def __init__(self, work: Callable[[Item], Result], width: int, depth: int) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="ordered")
        self._given: deque[_Given[Item, Result]] = deque()
        self._depth = depth

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def give(self, item: Item) -> None:
        """Queue an item; the caller takes results before it gives more than there is room for."""
        self._given.append(_Given(item, self._pool.submit(self._work, item)))

    @property
    def is_full(self) -> bool:
        return len(self._given) >= self._depth

    @property
    def is_empty(self) -> bool:
        return not self._given

    @property
    def is_ready(self) -> bool:
        """Whether the oldest item is done, so that taking it does not wait."""
        return bool(self._given) and self._given[0].future.done()

    @property
    def oldest(self) -> Item:
        """The item whose result is taken next. The pool must not be empty."""
        return self._given[0].item

    def take_one(self) -> Result:
        """Wait for the oldest item; return its result, or raise what the call raised."""
        return self._given.popleft().future.result()

    def take(self, least: int = 1, same: Callable[[Item], object] = lambda _: None) -> list[Result]:
        """Wait for the `least` oldest items; return their results, and those of the next ones that are done as well.

        Only consecutive items with an equal `same(item)` are taken. Raises what the oldest call raised; a later call
        that raised stays for the next take.
        """
        kind = same(self.oldest)
        taken = [self.take_one()]
        while self._given and same(self.oldest) == kind:
            future = self._given[0].future
            if (len(taken) >= least and not future.done()) or future.exception() is not None:
                break
            taken.append(self.take_one())
        return taken

    def withdraw(self) -> None:
        """Remove the items that no thread has begun; those under way stay to be taken."""
        # From the newest, so that no thread begins an item behind one that was removed.
        while self._given and self._given[-1].future.cancel():
            self._given.pop()
