"""Accepted leads that are read back while later batches are sent."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from sync_pipelines.lib.ordered_pool import OrderedPool
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.push.prove import Prover, ReadBack

#: Leads in one read-back. Their bodies are what a push holds in memory.
PROVED_AT_ONCE = 400
THREADS, WAITING = 2, 4


class ProofQueue:
    """Reads leads back by threads, `PROVED_AT_ONCE` at once. Use as a context."""

    def __init__(self, prover: Prover) -> None:
        self._proving = OrderedPool(prover.prove, THREADS, WAITING)
        self._leads = list[Lead]()
        self._found = ReadBack()

    def __enter__(self) -> Self:
        self._proving.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proving.__exit__(kind, error, trace)

    def add(self, leads: Iterable[Lead]) -> None:
        self._leads += leads

    def advance(self) -> None:
        """Begin full read-backs, and take what is done; waits only while too many leads are not proved."""
        while len(self._leads) >= PROVED_AT_ONCE or self._proving.is_ready:
            self._step()

    def finish(self) -> ReadBack:
        """Prove everything that was added since the last call; what was found."""
        while self._leads or not self._proving.is_empty:
            self._step()
        found, self._found = self._found, ReadBack()
        return found

    def _step(self) -> None:
        if self._proving.is_ready or self._proving.is_full or not self._leads:
            for found in self._proving.take():
                self._found.add(found)
        else:
            self._proving.give(self._leads[:PROVED_AT_ONCE])
            del self._leads[:PROVED_AT_ONCE]
