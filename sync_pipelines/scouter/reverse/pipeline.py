"""The reverse sync: collect what waits in the outbox, drain the inbox, forget old rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse import conflicts, extract
from sync_pipelines.scouter.reverse.conflicts import Choice, ListedConflict
from sync_pipelines.scouter.reverse.drain import TABULADORMAX, push_lock
from sync_pipelines.scouter.reverse.inbox import open_lead_inbox
from sync_pipelines.scouter.reverse.inbox_drain import InboxDrain
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines.scouter.schema.doctor import SchemaDoctor
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.settings.scouter import ScouterSettings

#: Conflicts that a run shows.
LISTED = 50


class Push(Protocol):
    """The push whose echoes have to be recognised: its schema doctor knows mapping, columns and destination."""

    def doctor(self) -> SchemaDoctor: ...


@dataclass(frozen=True)
class ReverseSyncRun:
    """What a run did: the report of the drain, and how many changes were collected, wait still, were forgotten.

    `conflicts` are the newest ones that nobody has decided about, `open_conflicts` is how many there are.
    """

    drained: DrainReport
    collected: int
    waiting: int
    forgotten: int
    conflicts: Sequence[ListedConflict]
    open_conflicts: int


@dataclass(frozen=True)
class ReverseSync:
    """Changes that people make in Gestão Scouter, brought into TabuladorMax.

    `push` must be the push of this installation: with another mapping no echo is recognised.
    """

    ops_url: str = field(repr=False)
    tabuladormax_url: str = field(repr=False)
    push: Push
    uses_outbox: bool = False
    retention_days: int = 30
    #: For how long conflicts are kept, decided about or not.
    conflict_retention_days: int = 90
    probe: Probe = no_probe

    @classmethod
    def from_settings(cls, settings: ScouterSettings, push: Push) -> Self:
        """Raises SettingsError if the ops database or TabuladorMax is not set."""
        return cls(
            ops_url=settings.ops_url,
            tabuladormax_url=settings.tabuladormax_url,
            push=push,
            uses_outbox=settings.scouter_outbox,
            retention_days=settings.scouter_inbox_retention_days,
            conflict_retention_days=settings.scouter_error_retention_days,
        )

    def waiting(self) -> int:
        """How many changes wait in the inbox."""
        with open_lead_inbox(self.ops_url) as inbox:
            return inbox.count_waiting()

    def collect(self, pages: int = 20) -> int:
        """Move what the outbox holds into the inbox; 0 if the installation uses no outbox."""
        if not self.uses_outbox:
            return 0
        with self.push.doctor().client_factory() as client, open_lead_inbox(self.ops_url) as inbox:
            return extract.collect(client, inbox, pages=pages).changes

    def replay(self, ids: Collection[int] | None = None) -> int:
        """Let rejected rows of the inbox wait again, or all of them (None); returns how many."""
        with open_lead_inbox(self.ops_url) as inbox:
            return inbox.replay(None if ids is None else list(ids))

    def busy(self) -> bool:
        """Whether a push holds the lock that a drain needs."""
        with postgres.connect(self.ops_url, what=OPS) as ops, postgres.errors_about(OPS):
            lock = push_lock(self.push.doctor().destination)
            is_free = postgres.try_lock(ops, lock)
            if is_free:
                postgres.unlock(ops, lock)
            return not is_free

    def run(self, run_id: str, log: Callable[[str], None] = lambda _said: None) -> ReverseSyncRun:
        """Collect, drain, forget. Raises SyncError."""
        collected = self.collect()
        drained = self._drain().run(run_id, log=log)
        with open_lead_inbox(self.ops_url) as inbox, self._leads() as leads:
            conflicts.forget(leads, self.conflict_retention_days)
            return ReverseSyncRun(
                drained=drained,
                collected=collected,
                forgotten=inbox.forget(self.retention_days),
                waiting=inbox.count_waiting(),
                conflicts=conflicts.open_conflicts(leads, most=LISTED),
                open_conflicts=conflicts.count_open(leads),
            )

    def choose(self, ids: Collection[int], choice: Choice) -> int:
        """Decide about conflicts: the value that was `kept`, or the `other` one; returns how many leads were written.

        The next push brings the other value to Gestão Scouter. Raises PermanentError, and then nothing is written.
        """
        with self._drain().open("choice") as drain, postgres.errors_about(TABULADORMAX):
            return conflicts.choose(drain.leads, drain.statements, ids=ids, choice=choice)

    def _drain(self) -> InboxDrain:
        report, doctor = self._schema_report(), self.push.doctor()
        return InboxDrain(
            ops_url=self.ops_url,
            tabuladormax_url=self.tabuladormax_url,
            mapping=report.mapping,
            destination=doctor.destination,
            client_factory=doctor.client_factory,
            known={*report.destination_columns, *OWNED},
            probe=self.probe,
        )

    @contextmanager
    def _leads(self) -> Iterator[postgres.Connection]:
        with (
            postgres.connect(self.tabuladormax_url, what=TABULADORMAX) as connection,
            postgres.errors_about(TABULADORMAX),
        ):
            yield connection

    def _schema_report(self) -> SchemaReport:
        """The mapping of the next push, and the live columns of Gestão Scouter."""
        with self._leads() as connection:
            return self.push.doctor().examine_push(connection)
