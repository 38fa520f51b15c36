"""The drain of the inbox: what people changed in Gestão Scouter is merged into TabuladorMax, a batch at a time.

A batch is three steps, each of which may be the last one of a process that is killed:

1. one transaction in TabuladorMax: leads, conflicts, `sync_events`, and what was seen there (`batch.BatchMerge`);
2. one in the ops database: what was seen becomes the base of the next merge, the inbox says what became of its rows;
3. what the second one copied is deleted in TabuladorMax.

After a kill between the first and the second the next process copies what it finds, before it does anything else
(`settle`), also what became of the inbox's rows: no change is decided twice. The push writes to the same leads, so the
two exclude each other: whoever works holds the destination's lock in the ops database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient, SchemaError
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Arrival, Decision, Inbox
from sync_pipelines.lib.records.inbox import Status as InboxStatus
from sync_pipelines.scouter.destination_rows import read_rows
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse.adoption import adopt
from sync_pipelines.scouter.reverse.batch import Batch, BatchMerge
from sync_pipelines.scouter.reverse.former_fields import FormerFields, labels_of
from sync_pipelines.scouter.reverse.inbox import FOUND, WaitingLead
from sync_pipelines.scouter.reverse.lead_merge import LeadMerge
from sync_pipelines.scouter.reverse.report import DrainReport, Outcome, Result
from sync_pipelines.scouter.reverse.reverse_mapping import VERSION
from sync_pipelines.scouter.reverse.statements import Statements
from sync_pipelines.scouter.reverse.write import is_about_a_row
from sync_pipelines.scouter.stored_lead import Stored

TABULADORMAX = "the TabuladorMax database"
#: Leads of one transaction.
AT_ONCE = 2000
LOCK_LIMIT = {"lock_timeout": "10000"}
UNREADABLE = "lead: its row at Gestão Scouter cannot be read"
_DECIDED: Mapping[Outcome, InboxStatus] = {
    "created": "applied",
    "updated": "applied",
    "same": "applied",
    "ignored": "ignored",
    "rejected": "rejected",
}
_Found = TypeVar("_Found")


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
        left = self.bases.writes.unfinished()
        for at in range(0, len(left), AT_ONCE):
            self.merge([], also=left[at : at + AT_ONCE])
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

    def waiting(self, ids: Iterable[int]) -> frozenset[int]:
        """Those of these leads of which a change waits in the inbox."""
        return frozenset(map(int, self.inbox.waiting_keys(ids)))

    def row_hashes(
        self, rows: Mapping[int, bytes]
    ) -> tuple[list[tuple[int, str, UUID | None]], frozenset[int]]:
        """By row of Gestão Scouter the hashes of its fields, as one text, and that of its content.

        And the leads whose row no statement reads: a json column may hold what jsonb does not.
        """
        return self._each_part(rows, self._row_hashes)

    def _row_hashes(self, rows: Mapping[int, bytes]) -> list[tuple[int, str, UUID | None]]:
        given = {"ids": postgres.array(rows), "rows": [row.decode() for row in rows.values()]}
        return self.leads.execute(self.statements.hash_rows, given).fetchall()

    def stored(self, ids: Sequence[int], rows: Mapping[int, bytes]) -> dict[int, Stored]:
        """What is kept of these leads, some of which have a row there."""
        found = self.bases.load(ids)
        former = {one: rows[one] for one in found.keys() & rows.keys() if labels_of(found[one])}
        if not former:
            return found
        read = self.statements.fields.read
        hashes = {one: read(text) for one, text, _ in self.row_hashes(former)[0]}
        with postgres.errors_about(TABULADORMAX):
            return FormerFields(self.leads).translated(found, former, hashes)

    def merge(
        self, waiting: Sequence[WaitingLead], *, also: Collection[int] = ()
    ) -> tuple[DrainReport, list[LeadMerge]]:
        """Merge the leads of these changes, and others; what became of the changes, and of the leads.

        A lead whose values no statement can read costs nobody else: its changes are rejected.
        """
        ids = sorted({one.lead_id for one in waiting} | set(also))
        rows, odd = self.readable(self.rows(ids))
        if odd:
            rest = [one for one in waiting if one.lead_id not in odd]
            done = self.merge(rest, also=set(also) - odd)
            done[0].merge(self._reject([one for one in waiting if one.lead_id in odd], UNREADABLE, odd))
            return done
        self.bases.keep_list()  # whoever goes on after a kill must be able to read what was merged
        batch = Batch(waiting, rows, stored=self.stored(ids, rows), repeated=self.inbox.repeated)
        merge = BatchMerge(self.statements, self.destination, self.run_id, probe=self.probe)
        report = DrainReport()
        try:
            with self.leads.transaction():
                merges, results = merge.run(self.leads, batch)
                unknown = merge.unknown_keys(self.leads)
        except psycopg.Error as error:
            return self._apart(waiting, ids, error)
        self.probe("committed")
        report.add(results, unknown)
        report.conflicts = sum(len(one.merge.conflicts) for one in merges)
        self._copy_merged(ids=[one.lead_id for one in merges])
        self.probe("recorded")
        return report, merges

    def _apart(
        self, waiting: Sequence[WaitingLead], ids: Sequence[int], error: psycopg.Error
    ) -> tuple[DrainReport, list[LeadMerge]]:
        """Merge halves of a batch that failed, down to the lead that it failed for."""
        if not is_about_a_row(error):
            raise from_postgres(error, what=TABULADORMAX) from None
        if len(ids) == 1:
            return self._reject(waiting, f"lead: {from_postgres(error, what='leads')}", ids), []
        report, merges = DrainReport(), list[LeadMerge]()
        for half in (set(ids[: len(ids) // 2]), set(ids[len(ids) // 2 :])):
            done, merged = self.merge([one for one in waiting if one.lead_id in half], also=half)
            report.merge(done)
            merges += merged
        return report, merges

    def _reject(self, waiting: Sequence[WaitingLead], reason: str, ids: Collection[int]) -> DrainReport:
        """Reject changes whose lead cannot be merged; what was about to be sent of it is looked for no more."""
        results = [Result(one.id, one.lead_id, "rejected", reason=reason) for one in waiting]
        self._copy_merged(results, list(ids))
        report = DrainReport()
        report.add(results, {})
        return report

    def readable(self, rows: Mapping[int, bytes]) -> tuple[dict[int, bytes], frozenset[int]]:
        """The rows that jsonb takes, and the leads of the others."""
        found, odd = self._each_part(rows, self._readable)
        return dict(found), odd

    def _readable(self, rows: Mapping[int, bytes]) -> list[tuple[int, bytes]]:
        # One text: to make an array of texts takes psycopg longer than all else here.
        text = f"[{b','.join(rows.values()).decode()}]"
        self.leads.execute("select count(*) from jsonb_array_elements(%s::jsonb)", (text,))
        return [*rows.items()]

    def _each_part(
        self, rows: Mapping[int, bytes], read: Callable[[Mapping[int, bytes]], list[_Found]]
    ) -> tuple[list[_Found], frozenset[int]]:
        """What is found of rows, and the leads whose row is refused: these cost no others."""
        if not rows:
            return [], frozenset()
        try:
            return read(rows), frozenset()
        except psycopg.DataError:
            if len(rows) == 1:
                return [], frozenset(rows)
        except psycopg.Error as error:
            raise from_postgres(error, what=TABULADORMAX) from None
        ids = list(rows)
        first, second = (
            self._each_part({one: rows[one] for one in half}, read)
            for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :])
        )
        return [*first[0], *second[0]], first[1] | second[1]

    def rows(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The rows of these leads that stand there. Raises SchemaError if the table lacks a column of the mapping."""
        # The stamps stay the end of a row: `digest_of` cuts them off.
        dated = self.mapping.destinations
        columns = (*dated, *(() if VERSION in dated else (VERSION,)), *STAMPS)
        try:
            return {lead_id: row for rows in read_rows(self.client, columns, ids) for lead_id, row in rows}
        except SchemaError as error:
            LastSynced(self.ops, self.destination).doubt_what_was_away(error.problem)
            raise

    def _copy_merged(self, results: Sequence[Result] = (), ids: Sequence[int] | None = None) -> None:
        """Record in the ops database what merges have seen, and what became of the inbox's rows; and of `results`.

        `ids` are the leads of a batch: another thread's batch is its own. None means all.
        """
        with postgres.errors_about(TABULADORMAX):
            rows = self.leads.execute(
                "select lead_id, seen from sync_private.leads_merged where destination = %(destination)s"
                " and (%(ids)s::bigint[] is null or lead_id = any(%(ids)s::bigint[]))",
                {"destination": self.destination, "ids": None if ids is None else list(ids)},
            ).fetchall()
        changes = [(one.lead_id, (one.id, one.outcome, one.reason)) for one in results]
        changes += [(lead_id, change) for lead_id, seen in rows for change in seen["changes"]]
        decisions = [
            Decision(number, _DECIDED[outcome], reason, key=str(lead_id))
            for lead_id, (number, outcome, reason) in changes
        ]
        with postgres.errors_about(OPS), self.ops.transaction():
            # A base that a crash of the server undoes would call our own values somebody's changes.
            self.ops.execute("set local synchronous_commit = on")
            self.bases.record_merged([seen for _, seen in rows if "fields" in seen], run_id=self.run_id)
            self.bases.writes.finish(ids or [])
            self.inbox.decide(decisions, self.run_id)
        if rows:
            with postgres.errors_about(TABULADORMAX):
                self.leads.execute(
                    "delete from sync_private.leads_merged where destination = %s and lead_id = any(%s::bigint[])",
                    (self.destination, postgres.array(lead_id for lead_id, _ in rows)),
                )
