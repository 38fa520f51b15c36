"""Work done by several threads at once, whose results are taken in the order in which it was given out.

What was taken can be committed one after the other, so that a pause, an error or the end of the process leaves a
prefix that is done and nothing behind it that counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class OrderedPool(Generic[Result]):
    """At most `width` calls run at once, and at most `depth` are given out and not taken. Use as a context."""

    def __init__(self, width: int, depth: int) -> None:
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="in-order")
        self._given: deque[Future[Result]] = deque()
        self._depth = depth

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def give(self, call: Callable[[], Result]) -> None:
        """Give out a call; the caller takes before it gives more than there is room for."""
        self._given.append(self._pool.submit(call))

    @property
    def is_full(self) -> bool:
        return len(self._given) >= self._depth

    @property
    def is_empty(self) -> bool:
        return not self._given

    @property
    def is_ready(self) -> bool:
        """Whether the oldest call is done: to take it is not to wait."""
        return bool(self._given) and self._given[0].done()

    def take_one(self) -> Result:
        """Wait for the oldest call and give its result, or raise what it raised."""
        return self._given.popleft().result()

    def take(self, least: int = 1) -> list[Result]:
        """Wait for the `least` oldest calls, then give their results and those of followers that are done as well.

        Raises what the oldest call raised; followers that raised stay for the next take.
        """
        taken = [self.take_one()]
        while self._given and (len(taken) < least or self._given[0].done()):
            if self._given[0].exception() is not None:
                break
            taken.append(self.take_one())
        return taken

    def withdraw(self) -> None:
        """Take back the calls that nobody has begun; those under way stay to be taken."""
        # From the newest, so that no thread begins a call behind one that was taken back.
        while self._given and self._given[-1].cancel():
            self._given.pop()
