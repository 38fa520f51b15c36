"""Standard error without the statement and its parameters, which Dagster writes there when it loses its database."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TextIO

START = "Exception while writing logger call to event log"


class _Filter(io.TextIOBase):
    """Passes everything except those messages on to another stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not text.startswith(START):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


@contextmanager
def without_statements() -> Iterator[None]:
    """Keep those messages from standard error; the end of the run says what happened."""
    with redirect_stderr(_Filter(sys.stderr)):
        yield
