"""The drain of the inbox, with its connections and locks: batch by batch, until nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.scouter.last_synced import SESSION as OPS_SESSION
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse.drain import AT_ONCE, LOCK_LIMIT, TABULADORMAX, Drain, push_lock
from sync_pipelines.scouter.reverse.inbox import WaitingLead, take_leads
from sync_pipelines.scouter.reverse.live_columns import fixed_columns, source_types
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines.scouter.reverse.statements import Statements

LOCK = postgres.lock_key("scouter", "leads_inbound")
_LIMITS = {"statement_timeout": "120000", **LOCK_LIMIT}


@dataclass(frozen=True)
class BatchSize:
    """The most that one batch takes from the inbox. A row that is longer than `bytes` is taken alone."""

    rows: int = AT_ONCE
    bytes: int = 16 << 20


@dataclass(frozen=True)
class InboxDrain:
    """Drains the inbox until nothing waits.

    `mapping` must be that of the push: otherwise no echo is recognised. `destination` names Gestão Scouter in
    ops.lead_exchanges. `known` are columns of Gestão Scouter that are expected in a payload.
    """

    ops_url: str = field(repr=False)
    tabuladormax_url: str = field(repr=False)
    mapping: FieldMapping
    destination: str
    client_factory: Callable[[], PostgrestClient]
    known: Collection[str] = OWNED
    batch: BatchSize = BatchSize()
    wait_seconds: float = 60.0
    probe: Probe = no_probe

    def run(
        self, run_id: str, *, at_most: int | None = None, log: Callable[[str], None] = lambda _said: None
    ) -> DrainReport:
        """Work through the rows that wait, at most so many.

        Raises TransientError if another drain or a push is running and does not end within `wait_seconds`.
        """
        total = DrainReport()
        with self.open(run_id) as drain:
            total.one_way, after = drain.statements.reverse.one_way, 0
            while True:
                # A push that waits for the lock comes between two batches.
                with self._alone(drain.ops):
                    total.settled += drain.settle()
                    waiting = self._take(drain.inbox, total, at_most, after=after)
                    if not waiting:
                        return total
                    after = waiting[-1].id
                    total.merge(drain.merge(waiting)[0])
                log(f"{total.read} changes were decided, {total.applied} of them applied.")

    def _alone(self, ops: postgres.Connection) -> AbstractContextManager[None]:
        return postgres.session_lock(
            ops,
            push_lock(self.destination),
            wait_seconds=self.wait_seconds,
            busy="A push is under way: what waits in the inbox is merged after it.",
        )

    @contextmanager
    def open(self, run_id: str) -> Iterator[Drain]:
        """The connections of a drain, which no other one has meanwhile."""
        with (
            postgres.connect(self.ops_url, what=OPS, session=OPS_SESSION) as ops,
            postgres.errors_about(OPS),
            postgres.session_lock(
                ops, LOCK, wait_seconds=self.wait_seconds, busy="Another drain of the inbox is under way."
            ),
            postgres.connect(
                self.tabuladormax_url, what=TABULADORMAX, session={**SESSION, **_LIMITS}
            ) as leads,
            self.client_factory() as client,
        ):
            with postgres.errors_about(TABULADORMAX):
                types, fixed = source_types(leads), fixed_columns(leads)
            yield Drain(
                ops=ops,
                leads=leads,
                client=client,
                mapping=self.mapping,
                statements=Statements.of(self.mapping, types, fixed=fixed, known=self.known),
                destination=self.destination,
                run_id=run_id,
                probe=self.probe,
            )

    def _take(
        self, inbox: Inbox, report: DrainReport, at_most: int | None, *, after: int
    ) -> list[WaitingLead]:
        most = self.batch.rows if at_most is None else min(self.batch.rows, at_most - report.read)
        if most <= 0:
            return []
        return take_leads(inbox, after=after, most=most, most_bytes=self.batch.bytes)
