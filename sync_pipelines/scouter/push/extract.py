"""Reads the leads of TabuladorMax in pages, rendered by Postgres as they are sent.

Python never parses a lead: the database writes its JSON and its hash. A page is read in two steps: first positions (an
index alone answers), then the content of the leads whose hash or time differs from the last-synced state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from sync_pipelines.lib import failures, postgres
from sync_pipelines.lib.postgres import catalog
from sync_pipelines.scouter.export_jobs.days import Span
from sync_pipelines.scouter.last_synced import Known
from sync_pipelines.scouter.lead import Lead, Position
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.mapping.field_hashes import FieldList, here_hashes_sql
from sync_pipelines.scouter.schema.report import SchemaReport

WHAT = "the tabuladormax database"
SENT_AT = "last_sync_at"
PAGE = 1000
#: No application had leads before it: an earlier time is a typing error, and would be thousands of empty days.
FIRST_MOMENT = datetime(1900, 1, 2, tzinfo=UTC)

_POSITIONS: LiteralString = """
    select updated_at, id from public.leads
    where updated_at >= coalesce(%(begin)s::timestamptz, '-infinity')
        and (updated_at, id) < (coalesce(%(at)s::timestamptz, 'infinity'), %(id)s)
    order by updated_at desc, id desc limit %(page)s
"""
#: Leads of no day: without a time, with one before all days (BC, -infinity) or in the future (infinity, 20225). Each
#: part reads a small range of the index of times. The times stay in the database: Python does not hold some of them.
_UNDATED: LiteralString = """
    select null::timestamptz, id from (
        select id from (select id from public.leads where updated_at is null offset 0) as none
        union all
        select id from (select id from public.leads where updated_at < %(first)s offset 0) as before
        union all
        select id from (select id from public.leads where updated_at >= %(future)s offset 0) as after
    ) as lead
    where id < %(id)s order by id desc limit %(page)s
"""
_COUNT_UNDATED: LiteralString = """
    select count(*) from public.leads
    where updated_at is null or updated_at < %(first)s or updated_at >= %(future)s
"""
_BY_NUMBER: LiteralString = "select id from public.leads where id < %(id)s order by id desc limit %(page)s"
_CONTENT: LiteralString = """
    select wanted, gone, updated_at::text, hash, body, to_json(criado) #>> '{{}}', suspect, known is null, fields,
        hash = known and updated_at is not distinct from known_at as is_same
    from (
        select wanted, lead.id is null as gone, lead.updated_at, lead.criado, hashed.hash,
            {body} as body, {suspect} as suspect,
            -- What is not sent needs no hashes of its fields.
            case when %(all)s or hashed.hash is distinct from known.hash
                or lead.updated_at is distinct from known.updated_at then {fields} end as fields,
            known.hash as known, known.updated_at as known_at, known.doubted
        from unnest(%(ids)s::bigint[]) as wanted
        left join unnest(
            %(known_ids)s::bigint[], %(hashes)s::uuid[], %(times)s::timestamptz[], %(doubts)s::boolean[]
        ) as known (id, hash, updated_at, doubted) on known.id = wanted
        -- `offset 0` forces the index, also for few leads: a merge join would read all between the first and the last
        left join lateral (select * from public.leads where id = wanted offset 0) as lead on true
        -- And that the hash is computed once, not at each of the three places that name it.
        cross join lateral (select {hash} as hash offset 0) as hashed
    ) as lead
    where gone or known is null or doubted or %(whole)s or hash <> known or updated_at is distinct from known_at
"""
_FIRST_ID, _LAST_ID = -(2**63), 2**63 - 1


class Content(NamedTuple):
    """Leads by what has to be done with them.

    `changed` differ from the last-synced state. `same` do not, and are to be read at the destination. `gone` were
    deleted here. `unreadable` hold a value that no statement can render, with the database's reason.
    """

    changed: dict[int, Lead]
    same: dict[int, Lead]
    gone: frozenset[int]
    unreadable: dict[int, str]


def require_sight(connection: postgres.Connection) -> None:
    """Raise PermanentError if our role sees only some of the leads: a part would be proved as the whole."""
    catalog.require_sight(connection, ["public.leads"], WHAT)


@dataclass(frozen=True)
class Renderings:
    """SQL expressions over `lead`: the JSON text to send, the hash of its content, whether it will be rejected.

    `fields` are the hashes of its fields, where the reverse sync needs them.
    """

    body: sql.Composable
    hash: sql.Composable
    suspect: sql.Composable
    fields: sql.Composable


@dataclass(frozen=True)
class LeadReader:
    """Reads over one connection whose session is as `rendering.SESSION` says; `stamps` are bound into each body."""

    connection: postgres.Connection
    renderings: Renderings
    stamps: Mapping[str, str]

    @classmethod
    def for_report(
        cls,
        report: SchemaReport,
        connection: postgres.Connection,
        sent_at: datetime,
        *,
        by_field: bool = False,
    ) -> LeadReader:
        """A reader that renders by the report's mapping; `sent_at` becomes the `last_sync_at` of every lead.

        A push has one such time: the destination's trigger recognises a push by a `last_sync_at` that changed.
        `by_field` also makes the hash of each field.
        """
        as_text = rendering.columns_sent_as_text(
            report.mapping, report.source_types, report.destination_columns
        )
        renderings = Renderings(
            body=rendering.body_sql(report.mapping, as_text=as_text),
            hash=rendering.hash_sql(report.mapping),
            suspect=rendering.suspect_sql(report.suspects),
            fields=here_hashes_sql(FieldList.of(report.mapping, report.source_types))
            if by_field
            else sql.SQL("''"),
        )
        return cls(connection, renderings, {**STAMPS, SENT_AT: sent_at.isoformat()})

    def marked(self, stamp: str) -> LeadReader:
        """The reader with another `last_sync_at`."""
        return replace(self, stamps={**self.stamps, SENT_AT: stamp})

    def count(self, span: Span) -> int:
        """Leads whose `updated_at` lies in the span."""
        row = self.connection.execute(
            "select count(*) from public.leads where updated_at >= coalesce(%s::timestamptz, '-infinity')"
            " and updated_at < coalesce(%s::timestamptz, 'infinity')",
            span,
        ).fetchone()
        return int(row[0]) if row else 0

    def count_undated(self, future: datetime) -> int:
        """How many leads are in no day before `future`."""
        row = self.connection.execute(_COUNT_UNDATED, {"first": FIRST_MOMENT, "future": future}).fetchone()
        return int(row[0]) if row else 0

    def now(self) -> datetime:
        """The database's clock: the one that stamps `updated_at`."""
        row = self.connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        found: datetime = row[0]
        return found

    def pages(self, span: Span, after: Position | None = None) -> Iterator[list[Position]]:
        """Positions of the span, newest first, from behind `after`."""
        begin, end = span
        at, last = after or (None, _LAST_ID)
        # The end is a position too: with a second bound Postgres would start each page at that bound.
        if end is not None and (at is None or at >= end):
            at, last = end, _FIRST_ID
        while page := self._page(_POSITIONS, begin=begin, at=at, id=last):
            yield page
            at, last = page[-1]

    def undated_pages(self, future: datetime, after: Position | None = None) -> Iterator[list[Position]]:
        """Positions of the leads that are in no day before `future`, by number."""
        last = after.id if after else _LAST_ID
        while page := self._page(_UNDATED, first=FIRST_MOMENT, future=future, id=last):
            yield page
            last = page[-1].id

    def all_ids(self) -> Iterator[list[int]]:
        """The numbers of all leads, a page at a time."""
        last = _LAST_ID
        while rows := self.connection.execute(_BY_NUMBER, {"id": last, "page": PAGE}).fetchall():
            yield [lead_id for (lead_id,) in rows]
            last = rows[-1][0]

    def _page(self, statement: LiteralString, **bounds: object) -> list[Position]:
        rows = self.connection.execute(statement, {**bounds, "page": PAGE}, binary=True).fetchall()
        return [Position(*row) for row in rows]

    def content(
        self, ids: Sequence[int], known: Known, *, send_all: bool = False, compare: bool = False
    ) -> Content:
        """The leads of `ids` that differ from the last-synced state, as they are now; with `send_all` all.

        With `compare` also those that do not differ; without it, of these only the doubted ones.
        """
        try:
            rows = self._rows(ids, known, send_all=send_all, compare=compare)
        except psycopg.Error as error:
            if not failures.is_about_a_value(error):
                raise
            if len(ids) == 1:
                return Content(
                    changed={},
                    same={},
                    gone=frozenset(),
                    unreadable={ids[0]: str(failures.from_postgres(error, what=WHAT))},
                )
            halves = [
                self.content(half, known, send_all=send_all, compare=compare)
                for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :])
            ]
            return _joined(*halves)
        content = Content(
            changed={}, same={}, gone=frozenset(row[0] for row in rows if row[1]), unreadable={}
        )
        for lead_id, gone, at, digest, body, created, suspect, new, fields, same in rows:
            if not gone:
                lead = Lead(
                    id=lead_id,
                    updated_at=at,
                    content_hash=digest,
                    body=body,
                    created_at=created,
                    is_suspect=bool(suspect),
                    is_new=new,
                    field_hashes=fields or "",
                    stamp=self.stamps[SENT_AT],
                )
                (content.same if same and not send_all else content.changed)[lead_id] = lead
        return content

    def _rows(
        self, ids: Sequence[int], known: Known, *, send_all: bool, compare: bool
    ) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            self._content,
            {
                **self.stamps,
                "ids": postgres.array(ids),
                "known_ids": known.ids,
                "hashes": known.hashes,
                "times": known.times,
                "doubts": known.doubts,
                "all": send_all,
                "whole": send_all or compare,
            },
            binary=True,
        ).fetchall()

    @property
    def _content(self) -> sql.Composed:
        return sql.SQL(_CONTENT).format(
            hash=self.renderings.hash,
            body=self.renderings.body,
            suspect=self.renderings.suspect,
            fields=self.renderings.fields,
        )


def _joined(one: Content, other: Content) -> Content:
    return Content(
        changed=one.changed | other.changed,
        same=one.same | other.same,
        gone=one.gone | other.gone,
        unreadable=one.unreadable | other.unreadable,
    )
