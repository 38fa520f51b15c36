"""Merges a batch of leads in TabuladorMax, in the caller's transaction: reads both sides, decides, writes, lists.

What a person sees of it: the leads, `sync_events`, and the conflicts in `sync_private.lead_conflicts`. For us
`sync_private.leads_merged` keeps what was seen there until the ops database has it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.destination_rows import digest_of
from sync_pipelines.scouter.mapping.field_hashes import is_refused
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse.base import Reading, is_our_time
from sync_pipelines.scouter.reverse.claims import may_speak
from sync_pipelines.scouter.reverse.inbox import FOUND, WaitingLead
from sync_pipelines.scouter.reverse.lead_merge import LOCAL, LeadMerge
from sync_pipelines.scouter.reverse.outcomes import OLDER, results_of
from sync_pipelines.scouter.reverse.report import Outcome, Result
from sync_pipelines.scouter.reverse.sides import Here, There
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.reverse.statements import Statements
from sync_pipelines.scouter.reverse.three_way import Conflict
from sync_pipelines.scouter.reverse.write import LeadWriter
from sync_pipelines.scouter.stored_lead import Stored

#: Of some changes, those whose text came before.
Repeated = Callable[[Sequence[int]], Collection[int]]
_Values = tuple[str | None, str | None]


@dataclass(frozen=True)
class Batch:
    """The changes that wait, the rows that stand there by lead, and what is kept of each lead."""

    waiting: Sequence[WaitingLead]
    rows: Mapping[int, bytes]
    stored: Mapping[int, Stored]
    repeated: Repeated


@dataclass(frozen=True)
class BatchMerge:
    """Merges batches under one mapping. `destination` is Gestão Scouter's name in the ops database."""

    statements: Statements
    destination: str
    run_id: str
    probe: Probe = no_probe

    def run(self, leads: postgres.Connection, batch: Batch) -> tuple[list[LeadMerge], list[Result]]:
        """Merge the leads of a batch; what became of each of them, and of each waiting change."""
        merges, rejected = self._read(leads, batch)
        reversible = frozenset(one.destination for one in self.statements.reverse.fields)
        for one in merges:
            _mark_repeated(one, batch.repeated)
            one.decide(reversible)
        self.probe("decided")
        conflicts = self._conflicts(leads, merges)
        self._write(leads, merges)
        self._keep_conflicts(leads, conflicts)
        kinds = {one.destination: one.kind for one in self.statements.reverse.fields}
        results = [*rejected, *(result for one in merges for result in results_of(one, kinds))]
        _log_events(leads, merges, results)
        self._keep_merged(leads, merges, results)
        self.probe("applied")
        return merges, results

    def unknown_keys(self, leads: postgres.Connection) -> Mapping[str, int]:
        """Keys of the payloads that no side of the mapping knows, with how often each occurred."""
        return dict(leads.execute(self.statements.count_unknown_keys).fetchall())

    def _read(self, leads: postgres.Connection, batch: Batch) -> tuple[list[LeadMerge], list[Result]]:
        """The leads of both sides, those of TabuladorMax locked; and the changes that hold no lead, or another one."""
        leads.execute(statement("create_readings"))
        announced = [(one.id, one.lead_id, one.payload, one.received_at) for one in batch.waiting]
        there = [
            (-lead_id, lead_id, f'{{"lead": {row.decode()}}}', None) for lead_id, row in batch.rows.items()
        ]
        columns = ("id", "lead_id", "payload", "received_at")
        postgres.copy_rows(leads, "readings", columns, rows=[*announced, *there])
        leads.execute(statement("unpack_leads"))
        ids = sorted({one.lead_id for one in batch.waiting} | batch.rows.keys())
        here, now = self._lock(leads, ids), _now(leads)
        there_are = leads.execute(
            "select id from public.leads where id = any(%s::bigint[])", (postgres.array(ids),)
        ).fetchall()
        busy = {lead_id for (lead_id,) in there_are} - here.keys()
        merges = {
            lead_id: LeadMerge(lead_id, batch.stored.get(lead_id, Stored()), here=here.get(lead_id), now=now)
            for lead_id in ids
            if lead_id not in busy
        }
        changes: dict[int, list[Reading]] = {}
        rejected = []
        waiting = {one.id: one for one in batch.waiting}
        for row in leads.execute(self.statements.read_readings).fetchall():
            number, lead_id, is_object, *_, content_hash, created, source, updated_at = row
            if lead_id in busy:
                continue
            if not is_object:
                rejected.append(Result(number, lead_id, "rejected", reason="lead: is no object"))
                continue
            reading = self._reading(row, waiting.get(number), now=now)
            if number < 0:
                digest = digest_of(batch.rows[lead_id])
                merges[lead_id].there = There(
                    reading, content_hash, created, sync_source=source, updated_at=updated_at, digest=digest
                )
            elif merges[lead_id].is_of_another(reading, source, created):
                rejected.append(Result(number, lead_id, "rejected", reason=LOCAL))
            else:
                changes.setdefault(lead_id, []).append(reading)
        for lead_id, found in changes.items():
            merges[lead_id].changes = found
        self._recognize(leads, list(merges.values()))
        return list(merges.values()), rejected

    def _recognize(self, leads: postgres.Connection, merges: Sequence[LeadMerge]) -> None:
        """Give odd values that are the same on both sides, such as the year 20225, the same hash.

        What there looks like a value that no column takes came from a column of ours.
        """
        odd = [
            (one, name)
            for one in merges
            if one.there is not None and one.here is not None
            for name, value in one.there.reading.hashes.items()
            if is_refused(value)
        ]
        values = self._values(leads, [(one.lead_id, name, -one.lead_id) for one, name in odd])
        for (one, name), (mine, theirs) in zip(odd, values, strict=True):
            if mine == theirs and one.there is not None and one.here is not None:
                one.recognize(name, one.there.reading.hashes[name], one.here.hashes[name])

    def _reading(self, row: Sequence[Any], change: WaitingLead | None, *, now: float) -> Reading:
        number, _, _, hashes, version, stamp, arrived, *_ = row
        return Reading(
            id=number,
            hashes=self.statements.fields.read(hashes),
            version=version,
            stamp=stamp if is_our_time(stamp, now) else None,
            arrived=now if arrived is None else arrived,
            replayed=change.replayed if change else frozenset(),
            is_announced=change is not None and change.source != FOUND,
        )

    def _lock(self, leads: postgres.Connection, ids: Sequence[int]) -> dict[int, Here]:
        found = leads.execute(self.statements.lock_leads, {"ids": postgres.array(ids)}).fetchall()
        return {row[0]: Here(self.statements.fields.read(row[1]), *row[2:]) for row in found}

    def _conflicts(
        self, leads: postgres.Connection, merges: Sequence[LeadMerge]
    ) -> list[tuple[LeadMerge, Conflict, _Values]]:
        """Conflicts with the values of both sides, as they are before anything is written."""
        listed = [(one, conflict) for one in merges for conflict in one.merge.conflicts]
        if not listed:
            return []
        values = self._values(
            leads, [(one.lead_id, conflict.field, conflict.reading) for one, conflict in listed]
        )
        return [(*pair, both) for pair, both in zip(listed, values, strict=True)]

    def _values(self, leads: postgres.Connection, wanted: Sequence[tuple[int, str, int]]) -> list[_Values]:
        """By lead, field and reading the values of both sides, as JSON texts."""
        if not wanted:
            return []
        ids, fields, readings = zip(*wanted, strict=True)
        return leads.execute(
            self.statements.read_values,
            {"ids": postgres.array(ids), "fields": list(fields), "readings": postgres.array(readings)},
        ).fetchall()

    def _write(self, leads: postgres.Connection, merges: Sequence[LeadMerge]) -> None:
        writer = LeadWriter(leads, self.statements)
        takes = {one.lead_id: one.taken for one in merges if one.taken}
        new = {one.lead_id: one for one in merges if one.here is None and one.taken}
        failed = writer.write(takes, frozenset(new))
        writer.fill([(one.row or one.changes[-1]).id for one in new.values()])
        states = self._lock(leads, [one.lead_id for one in merges])
        for one in merges:
            one.failed = dict(failed.get(one.lead_id, {}))
            one.note_after(states.get(one.lead_id), self.statements.rewritten)
        # A write has dated its lead already; one that differs without a write would wait for its next change.
        written = {
            lead_id for lead_id, fields in takes.items() if fields.keys() - failed.get(lead_id, {}).keys()
        }
        stay = [one for one in merges if one.is_seen and one.differs and one.lead_id not in written]
        times = writer.touch([one.lead_id for one in stay])
        for one in stay:
            assert one.after is not None
            one.after = one.after._replace(updated_at=times.get(one.lead_id, one.after.updated_at))

    def _keep_conflicts(
        self, leads: postgres.Connection, conflicts: Sequence[tuple[LeadMerge, Conflict, _Values]]
    ) -> None:
        sources = {one.destination: one.sources[0] for one in self.statements.fields.fields}
        rows: list[dict[str, Any]] = []
        for one, conflict, (here_value, there_value) in conflicts:
            if conflict not in one.merge.conflicts:
                continue
            failure = one.failed.get(conflict.field)
            rows.append(
                {
                    "lead_id": one.lead_id,
                    "field": conflict.field,
                    "source_column": sources[conflict.field],
                    "here_value": here_value,
                    "there_value": there_value,
                    "here_version": _seconds(one.here_version),
                    "there_version": _seconds(conflict.there_version),
                    "kept": "here" if failure else conflict.kept,
                    "reason": failure or conflict.reason,
                }
            )
        if rows:
            leads.execute(
                statement("insert_conflicts"), {"conflicts": json.dumps(rows), "run_id": self.run_id}
            )

    def _keep_merged(
        self, leads: postgres.Connection, merges: Sequence[LeadMerge], results: Sequence[Result]
    ) -> None:
        """Keep what was seen of each lead, and what became of its changes: after a kill nobody decides them again."""
        fields = self.statements.fields
        changes: dict[int, list[tuple[int, Outcome, str | None]]] = {}
        for result in results:
            changes.setdefault(result.lead_id, []).append((result.id, result.outcome, result.reason))
        seen = [
            {
                "lead_id": one.lead_id,
                "changes": changes.get(one.lead_id, []),
                **(one.recorded().document(fields) if one.is_recorded else {}),
            }
            for one in merges
            if one.is_recorded or one.lead_id in changes
        ]
        if seen:
            leads.execute(
                statement("insert_merged"), {"destination": self.destination, "merged": json.dumps(seen)}
            )


def _mark_repeated(one: LeadMerge, repeated: Repeated) -> None:
    """Mark the changes that came before: asked only of those that may say more than the row there."""
    speaking = [change.id for change in one.changes if may_speak(change, one.row, one.base, now=one.now)]
    if speaking:
        before = set(repeated(speaking))
        one.changes = [change if change.id not in before else change.again() for change in one.changes]


def _log_events(leads: postgres.Connection, merges: Sequence[LeadMerge], results: Sequence[Result]) -> None:
    told: list[tuple[str, int, str, str | None, int]] = [
        ("update" if one.here else "create", one.lead_id, "success", None, len(one.taken))
        for one in merges
        if one.taken
    ]
    told += [
        ("update", one.lead_id, "error" if one.outcome == "rejected" else "success", one.reason, one.fields)
        for one in results
        if one.outcome == "rejected" or one.reason == OLDER
    ]
    if told:
        kinds, ids, statuses, messages, fields = (list(column) for column in zip(*told, strict=True))
        leads.execute(
            statement("log_events"),
            {"kinds": kinds, "ids": ids, "statuses": statuses, "messages": messages, "fields": fields},
        )


def _now(leads: postgres.Connection) -> float:
    row = leads.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])


def _seconds(moment: float | None) -> float | str | None:
    """As JSON takes it, which has no infinity."""
    return str(moment) if moment is not None and math.isinf(moment) else moment
