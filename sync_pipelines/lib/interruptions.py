"""Signals that end a command: noticed whoever handles them, and ending as an exception that is no error.

Dagster replaces the handlers while it runs a step, and turns an interruption into a failed run. What came is read from
the pipe that Python writes each signal's number to, so none is lost between two of its steps.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.lib import postgres

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(KeyboardInterrupt):
    """The command was asked to end; `number` is the signal's."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(f"Interrupted by {signal.Signals(number).name}.")
        self.number = number


@contextmanager
def raising() -> Iterator[None]:
    """Over the block, SIGINT, SIGTERM and SIGHUP raise InterruptedRunError in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What is ignored stays so, as SIGHUP below nohup.
    found = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in found.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, _hang_up if number == signal.SIGHUP else _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def noticed() -> Iterator[Received]:
    """What of ENDING comes over the block, by whatever handler it is handled."""
    received = Received()
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    received.pipe = reader
    try:
        yield received
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


@contextmanager
def cancelling(pool: Executor, connections: Sequence[postgres.Connection]) -> Iterator[None]:
    """When an interruption ends the block, end what the pool's threads wait for at these connections.

    A signal reaches the main thread only: a thread that waits for somebody's lock would keep the process for ever.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception):
            from sync_pipelines.lib.postgres import cancel_statement

            pool.shutdown(wait=False, cancel_futures=True)
            for connection in connections:
                cancel_statement(connection)
        raise


class Received:
    """The signals that came; only inside the block that notices them."""

    pipe: int | None = None

    def first(self) -> int | None:
        """The first signal of ENDING that came, if one did."""
        numbers = b""
        if self.pipe is not None:
            with suppress(BlockingIOError):
                numbers = os.read(self.pipe, 256)
        return next((number for number in numbers if number in ENDING), None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise InterruptedRunError(number)


def _hang_up(_number: int, _frame: FrameType | None) -> None:
    # Dagster knows SIGINT and SIGTERM only: whoever handles SIGINT now handles this one too.
    if signal.getsignal(signal.SIGINT) is _interrupt:
        raise InterruptedRunError(signal.SIGHUP)
    signal.raise_signal(signal.SIGINT)
