"""What this project records in its own (ops) database, and how it writes the applications' run logs.

`Records` is what a pipeline is given. It records and answers; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS, OpsDatabase
from sync_pipelines.lib.records.decisions import Decisions
from sync_pipelines.lib.records.landing_index import LandingIndex
from sync_pipelines.lib.records.proofs import Proofs
from sync_pipelines.lib.records.rejects import Rejects

__all__ = ["OPS", "Records", "open_records"]


class Records:
    """The records of the ops database over one connection, which is opened again after a loss."""

    def __init__(self, url: str) -> None:
        self._database = OpsDatabase(url)
        self.landings = LandingIndex(self._database)
        self.proofs = Proofs(self._database)
        self.rejects = Rejects(self._database)
        self.decisions = Decisions(self._database)

    @property
    def connection(self) -> postgres.Connection:
        return self._database.connection

    def close(self) -> None:
        self._database.close()


@contextmanager
def open_records(url: str) -> Iterator[Records]:
    with postgres.errors_about(OPS), closing(Records(url)) as records:
        yield records
