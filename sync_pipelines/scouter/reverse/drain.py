"""The drain of the inbox: what people changed in Gestão Scouter is merged into TabuladorMax, a batch at a time.

A batch is three steps, each of which may be the last one of a process that is killed:

1. one transaction in TabuladorMax: leads, conflicts, `sync_events`, and what was seen there (`batch.BatchMerge`);
2. one in the ops database: what was seen becomes the base of the next merge, the inbox says what became of its rows;
3. what the second one copied is deleted in TabuladorMax.

After a kill between the first and the second the next process copies what it finds, before it does anything else
(`settle`); the rows of the inbox wait still, and nothing differs. The push writes to the same leads, so the two exclude
each other: whoever works holds the destination's lock in the ops database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Arrival, Decision, Inbox
from sync_pipelines.lib.records.inbox import Status as InboxStatus
from sync_pipelines.scouter.destination_rows import read_rows
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.last_synced import SESSION as OPS_SESSION
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.mapping.contract_columns import OWNED, STAMPS
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse.adoption import adopt
from sync_pipelines.scouter.reverse.batch import Batch, BatchMerge
from sync_pipelines.scouter.reverse.inbox import WaitingLead, take_leads
from sync_pipelines.scouter.reverse.lead_merge import LeadMerge
from sync_pipelines.scouter.reverse.report import DrainReport, Outcome
from sync_pipelines.scouter.reverse.reverse_mapping import VERSION
from sync_pipelines.scouter.reverse.statements import Statements

TABULADORMAX = "the TabuladorMax database"
LOCK = postgres.lock_key("scouter", "leads_inbound")
LOCK_LIMIT = {"lock_timeout": "10000"}
_LIMITS = {"statement_timeout": "120000", **LOCK_LIMIT}
#: What a push found changed there, without an announcement.
FOUND = "found_by_the_push"
_DECIDED: Mapping[Outcome, InboxStatus] = {
    "created": "applied",
    "updated": "applied",
    "same": "applied",
    "ignored": "ignored",
    "rejected": "rejected",
}


@dataclass(frozen=True)
class BatchSize:
    """The most that one batch takes from the inbox. A row that is longer than `bytes` is taken alone."""

    rows: int = 2000
    bytes: int = 16 << 20


def push_lock(destination: str) -> int:
    """The lock of whoever writes to this destination, or merges what stands there."""
    return postgres.lock_key("scouter", "push", destination)


@dataclass(frozen=True)
class Drain:
    """Merges what waits, over one connection to each database and one client. It must hold the destination's lock."""

    ops: postgres.Connection
    leads: postgres.Connection
    client: PostgrestClient
    mapping: FieldMapping
    statements: Statements
    destination: str
    run_id: str
    probe: Probe = no_probe

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.ops, TOPIC)

    @property
    def bases(self) -> FieldBases:
        return FieldBases(self.ops, self.destination, self.statements.fields)

    def settle(self) -> int:
        """Finish what a process that was killed has begun; how many leads it had left."""
        self._copy_merged()
        with postgres.errors_about(TABULADORMAX):
            adopt(self.bases, self.leads, self.statements)
        left = self.bases.unfinished()
        for at in range(0, len(left), BatchSize.rows):
            self.merge([], also=left[at : at + BatchSize.rows])
        return len(left)

    def take(self, found: Mapping[int, bytes]) -> list[WaitingLead]:
        """Keep rows that changed there without an announcement in the inbox, and take them from it."""
        before = self.ops.execute("select coalesce(max(id), 0) from ops.inbox").fetchone()
        payloads = ((lead_id, f'{{"lead": {row.decode()}}}') for lead_id, row in found.items())
        self.inbox.add_many(Arrival(str(lead_id), FOUND, text) for lead_id, text in payloads)
        assert before is not None
        rows = self.ops.execute(
            "select id, key::bigint, source, payload::text, received_at from ops.inbox"
            " where topic = %s and source = %s and status = 'waiting' and id > %s order by id",
            (TOPIC, FOUND, before[0]),
        ).fetchall()
        return [WaitingLead(*row) for row in rows if row[1] in found]

    def row_hashes(self, rows: Mapping[int, bytes]) -> list[tuple[int, str, UUID | None]]:
        """By row of Gestão Scouter the hashes of its fields, as one text, and that of its content."""
        with postgres.errors_about(TABULADORMAX):
            return self.leads.execute(
                self.statements.hash_rows,
                {"ids": postgres.array(rows), "rows": [row.decode() for row in rows.values()]},
            ).fetchall()

    def merge(
        self, waiting: Sequence[WaitingLead], *, also: Collection[int] = ()
    ) -> tuple[DrainReport, list[LeadMerge]]:
        """Merge the leads of these changes, and others; what became of the changes, and of the leads."""
        ids = sorted({one.lead_id for one in waiting} | set(also))
        stored, rows = self.bases.load(ids), self.rows(ids)
        merge = BatchMerge(self.statements, self.destination, self.run_id, probe=self.probe)
        batch = Batch(waiting, rows, stored=stored, repeated=self.inbox.repeated)
        report = DrainReport()
        with postgres.errors_about(TABULADORMAX), self.leads.transaction():
            merges, results = merge.run(self.leads, batch)
            unknown = merge.unknown_keys(self.leads)
        self.probe("committed")
        report.add(results, unknown)
        report.conflicts = sum(len(one.merge.conflicts) for one in merges)
        decisions = [Decision(one.id, _DECIDED[one.outcome], one.reason) for one in results]
        self._copy_merged(decisions, finished=ids)
        self.probe("recorded")
        return report, merges

    def rows(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The rows of these leads that stand there. Raises SchemaError if the table lacks a column of the mapping."""
        # The stamps stay the end of a row: `digest_of` cuts them off.
        dated = self.mapping.destinations
        columns = (*dated, *(() if VERSION in dated else (VERSION,)), *STAMPS)
        answers = read_rows(self.client, columns, ids)
        # A json column may hold a NUL, which jsonb does not take: such a row is as if it were not there.
        return {lead_id: row for rows in answers for lead_id, row in rows if rb"\u0000" not in row}

    def _copy_merged(self, decisions: Sequence[Decision] = (), *, finished: Sequence[int] = ()) -> None:
        """Record in the ops database what merges have seen, and what became of the inbox's rows."""
        with postgres.errors_about(TABULADORMAX):
            rows = self.leads.execute(
                "select lead_id, seen from sync_private.leads_merged where destination = %s",
                (self.destination,),
            ).fetchall()
        with postgres.errors_about(OPS), self.ops.transaction():
            # A base that a crash of the server undoes would call our own values somebody's changes.
            self.ops.execute("set local synchronous_commit = on")
            self.bases.record_merged([seen for _, seen in rows], run_id=self.run_id)
            self.bases.finish(finished)
            self.inbox.decide(decisions, self.run_id)
        if rows:
            with postgres.errors_about(TABULADORMAX):
                self.leads.execute(
                    "delete from sync_private.leads_merged where destination = %s and lead_id = any(%s::bigint[])",
                    (self.destination, postgres.array(lead_id for lead_id, _ in rows)),
                )


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
            total.one_way = drain.statements.reverse.one_way
            while True:
                # A push that waits for the lock comes between two batches.
                with self._alone(drain.ops):
                    total.settled += drain.settle()
                    waiting = self._take(drain.inbox, total, at_most)
                    if not waiting:
                        return total
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
                types = source_types(leads)
            yield Drain(
                ops=ops,
                leads=leads,
                client=client,
                mapping=self.mapping,
                statements=Statements.of(self.mapping, types, known=self.known),
                destination=self.destination,
                run_id=run_id,
                probe=self.probe,
            )

    def _take(self, inbox: Inbox, report: DrainReport, at_most: int | None) -> list[WaitingLead]:
        most = self.batch.rows if at_most is None else min(self.batch.rows, at_most - report.read)
        if most <= 0:
            return []
        return take_leads(inbox, most=most, most_bytes=self.batch.bytes)


def source_types(connection: postgres.Connection) -> dict[str, str]:
    """The columns of TabuladorMax's leads with their types and precision."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped order by attnum"
    ).fetchall()
    return dict(rows)
