"""The drain of the inbox: what Gestão Scouter changed becomes true in TabuladorMax, in bulk and at most once.

A batch is one transaction in TabuladorMax, and then one in the ops database, which marks the rows of the inbox last.
A crash between them leaves rows that wait though they are applied: the next drain finds that nothing differs and
marks them. What is recorded as exchanged is the lead as it stands afterwards, so that the push does not send it
straight back. Two drains never overlap: one lock in the ops database is held throughout.

- An echo of our own push is known by its content, whatever its mark says; a mark of ours alone ignores only a lead of
  which no exchange is known, because the mark stays on a row that people edit later.
- A null never travels back, nor does a column that belongs to Gestão Scouter or is made of several of ours.
- A lead that TabuladorMax does not have is created, as the requirement's upsert says, and reported: its number may be
  one that Gestão Scouter gave itself and the CRM will give again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Decision, Inbox
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION
from sync_pipelines.scouter.reverse.inbox import TOPIC, WaitingLead, take_leads
from sync_pipelines.scouter.reverse.sql_texts import INCOMING
from sync_pipelines.scouter.reverse.statements import Statements

TABULADORMAX = "the TabuladorMax database"
LOCK = postgres.lock_key("scouter", "leads_inbound")
BATCH_ROWS = 2000
BATCH_BYTES = 16 << 20
_LIMITS = {"statement_timeout": "120000", "lock_timeout": "10000"}
#: What a single row may be refused for by the table's own rules and triggers.
_ROW_ERRORS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)
_EXCHANGES = """
insert into ops.lead_exchanges (destination, lead_id, content_hash, updated_at, direction, run_id)
select %s, made.lead_id, made.content_hash, made.updated_at, 'taken_back', %s
from unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) as made (lead_id, content_hash, updated_at)
on conflict (destination, lead_id) do update set
    content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
    run_id = excluded.run_id, exchanged_at = now()
"""


@dataclass
class Drained:
    """What became of the rows of the inbox. `unknown` are columns that no side of the mapping knows."""

    read: int = 0
    updated: int = 0
    created: int = 0
    batches: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    one_way: tuple[str, ...] = ()
    created_ids: list[int] = field(default_factory=list)

    @property
    def applied(self) -> int:
        return self.updated + self.created


@dataclass(frozen=True)
class _Result:
    id: int
    lead_id: int
    outcome: str
    reason: str | None
    updated_at: Any
    content_hash: Any


def source_types(connection: postgres.Connection) -> dict[str, str]:
    """The columns of TabuladorMax's leads with their types and precision."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped order by attnum"
    ).fetchall()
    return dict(rows)


def drain(
    ops_url: str,
    tabuladormax_url: str,
    mapping: FieldMapping,
    *,
    destination: str,
    run_id: str,
    known: Collection[str] = OWNED,
    batch_rows: int = BATCH_ROWS,
    batch_bytes: int = BATCH_BYTES,
    at_most: int | None = None,
    wait_seconds: float = 60.0,
    step: Callable[[str], None] = lambda _name: None,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Drained:
    """Work through what waits, up to `at_most` rows; returns what became of it.

    `destination` is the other side as ops.lead_exchanges calls it. `step` is told where the drain stands: `staged`,
    `applied` (not committed), `committed` (the inbox does not know), `recorded`. Raises TransientError where another
    drain is under way and is not done within `wait_seconds`.
    """
    drained = Drained()
    with (
        postgres.connect(ops_url, what=OPS) as ops,
        postgres.errors_about(OPS),
        postgres.session_lock(
            ops, LOCK, wait_seconds=wait_seconds, busy="Another drain of the inbox is under way."
        ),
        postgres.connect(tabuladormax_url, what=TABULADORMAX, session={**SESSION, **_LIMITS}) as leads,
    ):
        inbox = Inbox(ops, TOPIC)
        with postgres.errors_about(TABULADORMAX):
            statements = Statements(mapping, source_types(leads), known)
        drained.one_way = statements.back.one_way
        while at_most is None or drained.read < at_most:
            most = batch_rows if at_most is None else min(batch_rows, at_most - drained.read)
            waiting = take_leads(inbox, destination, most=most, most_bytes=batch_bytes)
            if not waiting:
                break
            with postgres.errors_about(TABULADORMAX):
                results, unknown = _apply(leads, statements, waiting, step=step)
            step("committed")
            _record(inbox, results, destination, run_id=run_id)
            step("recorded")
            _count(drained, results, unknown)
            tell(f"{drained.read} changes were decided, {drained.applied} of them applied.")
    return drained


def _apply(
    leads: postgres.Connection,
    statements: Statements,
    waiting: Sequence[WaitingLead],
    step: Callable[[str], None],
) -> tuple[list[_Result], Mapping[str, int]]:
    with leads.transaction():
        leads.execute(statements.create)
        postgres.copy_rows(leads, "incoming", INCOMING, rows=waiting)
        for statement in (statements.unpack, statements.date, statements.collapse, statements.reject):
            leads.execute(statement)
        leads.execute(statements.take)
        leads.execute(statements.lock)
        leads.execute(statements.decide)
        step("staged")
        chosen = leads.execute(
            "select id from incoming where outcome in ('created', 'updated') order by id"
        ).fetchall()
        _write(leads, statements, [row[0] for row in chosen])
        leads.execute(statements.events)
        results = [_Result(*row) for row in leads.execute(statements.results).fetchall()]
        unknown: dict[str, int] = dict(leads.execute(statements.unknown).fetchall())
        step("applied")
    return results, unknown


def _write(leads: postgres.Connection, statements: Statements, ids: list[int]) -> None:
    """Write these rows; of a batch that the table refuses the halves, down to the row that it means."""
    if not ids:
        return
    try:
        with leads.transaction():  # a savepoint
            leads.execute(statements.insert, {"ids": ids})
            leads.execute(statements.update, {"ids": ids})
    except _ROW_ERRORS as error:
        if len(ids) > 1:
            middle = len(ids) // 2
            _write(leads, statements, ids[:middle])
            _write(leads, statements, ids[middle:])
            return
        leads.execute(
            "update incoming set outcome = 'rejected', reason = %s where id = any(%s)",
            (str(from_postgres(error, what="leads")), ids),
        )


def _record(inbox: Inbox, results: Sequence[_Result], destination: str, run_id: str) -> None:
    known = [one for one in results if one.content_hash is not None]
    statuses = {"created": "applied", "updated": "applied", "same": "applied"}
    with inbox.connection.transaction():
        inbox.connection.execute(
            _EXCHANGES,
            (
                *(destination, run_id),
                *(
                    [getattr(one, name) for one in known]
                    for name in ("lead_id", "content_hash", "updated_at")
                ),
            ),
        )
        inbox.decide(
            [Decision(one.id, statuses.get(one.outcome, one.outcome), one.reason) for one in results],  # type: ignore[arg-type]
            run_id,
        )


def _count(drained: Drained, results: Sequence[_Result], unknown: Mapping[str, int]) -> None:
    drained.batches += 1
    drained.read += len(results)
    drained.unknown.update(unknown)
    for one in results:
        if one.outcome == "created":
            drained.created += 1
            drained.created_ids.append(one.lead_id)
        elif one.outcome == "updated":
            drained.updated += 1
        elif one.outcome == "rejected":
            drained.rejected[one.reason or ""] += 1
        else:
            drained.ignored[one.reason or ""] += 1
