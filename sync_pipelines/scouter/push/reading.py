"""The leads of TabuladorMax, read in pages by position, rendered by Postgres as they are sent.

Python never parses a lead: the database writes its JSON and its hash. A page is asked in two steps, positions first
(an index alone answers), then the content of those whose hash or time differs from the last exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.push.days import Span
from sync_pipelines.scouter.push.exchanges import Known
from sync_pipelines.scouter.push.leads import Lead, Position

WHAT = "the tabuladormax database"
PAGE = 1000

_POSITIONS: LiteralString = """
    select updated_at, id from public.leads
    where updated_at >= coalesce(%(begin)s::timestamptz, '-infinity')
        and (updated_at, id) < (coalesce(%(at)s::timestamptz, 'infinity'), %(id)s)
    order by updated_at desc, id desc limit %(page)s
"""
_UNDATED: LiteralString = """
    select updated_at, id from public.leads where updated_at is null and id < %(id)s
    order by id desc limit %(page)s
"""
_CONTENT: LiteralString = """
    select wanted, gone, updated_at, hash, body, criado, suspect, known is null
    from (
        select wanted, lead.id is null as gone, lead.updated_at, lead.criado, {hash} as hash,
            {body} as body, {suspect} as suspect, known.hash as known, known.updated_at as known_at
        from unnest(%(ids)s::bigint[]) as wanted
        left join unnest(%(known_ids)s::bigint[], %(hashes)s::uuid[], %(times)s::timestamptz[])
            as known (id, hash, updated_at) on known.id = wanted
        -- by the index, however few leads there are: a merge would read all between the first and the last
        left join lateral (select * from public.leads where id = wanted offset 0) as lead on true
    ) as lead
    where gone or known is null or %(all)s or hash <> known or updated_at is distinct from known_at
"""
_FIRST_ID, _LAST_ID = -(2**63), 2**63 - 1


class Content(NamedTuple):
    """The leads that differ from what is known of them, and the numbers that are no lead's any more."""

    changed: dict[int, Lead]
    gone: frozenset[int]


@dataclass(frozen=True)
class Renderings:
    """SQL expressions over `lead`: the JSON text to send, the hash of its content, whether it will be refused."""

    body: sql.Composable
    hash: sql.Composable
    suspect: sql.Composable


@dataclass(frozen=True)
class LeadReader:
    """Reads over one connection whose session is as `rendering.SESSION` says; `stamps` are bound into each body."""

    connection: postgres.Connection
    renderings: Renderings
    stamps: Mapping[str, str]

    def count(self, span: Span) -> int:
        """Leads whose `updated_at` lies in the span."""
        row = self.connection.execute(
            "select count(*) from public.leads where updated_at >= coalesce(%s::timestamptz, '-infinity')"
            " and updated_at < coalesce(%s::timestamptz, 'infinity')",
            span,
        ).fetchone()
        return int(row[0]) if row else 0

    def count_undated(self) -> int:
        row = self.connection.execute("select count(*) from public.leads where updated_at is null").fetchone()
        return int(row[0]) if row else 0

    def oldest_day(self, zone: ZoneInfo) -> date | None:
        """The day of the oldest lead, in `zone`; None where no lead has a time."""
        row = self.connection.execute("select min(updated_at) from public.leads").fetchone()
        return row[0].astimezone(zone).date() if row and row[0] else None

    def now(self) -> datetime:
        """The database's clock: the one that stamps `updated_at`."""
        row = self.connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        found: datetime = row[0]
        return found

    def pages(self, span: Span | None, after: Position | None = None) -> Iterator[list[Position]]:
        """Positions of the span, newest first, behind `after`; without a span those of leads without a time."""
        statement = _UNDATED if span is None else _POSITIONS
        begin, end = span or (None, None)
        at, last = after or (None, _LAST_ID)
        # The end as a position too: beside a second bound the index would be entered there, for every page.
        if end is not None and (at is None or at >= end):
            at, last = end, _FIRST_ID
        while True:
            rows = self.connection.execute(
                statement, {"begin": begin, "at": at, "id": last, "page": PAGE}, binary=True
            ).fetchall()
            if not rows:
                return
            page = [Position(*row) for row in rows]
            yield page
            at, last = page[-1]

    def content(self, ids: Sequence[int], known: Known, *, send_all: bool = False) -> Content:
        """Those of `ids` that differ from what is known of them, as they are now; with `send_all` all."""
        rows = self.connection.execute(
            self._content,
            {
                **self.stamps,
                "ids": postgres.array(ids),
                "known_ids": known.ids,
                "hashes": known.hashes,
                "times": known.times,
                "all": send_all,
            },
            binary=True,
        ).fetchall()
        leads = (
            Lead(lead_id, at, digest, body, created, is_suspect=bool(suspect), is_new=new)
            for lead_id, gone, at, digest, body, created, suspect, new in rows
            if not gone
        )
        return Content({lead.id: lead for lead in leads}, frozenset(row[0] for row in rows if row[1]))

    @property
    def _content(self) -> sql.Composed:
        return sql.SQL(_CONTENT).format(
            hash=self.renderings.hash, body=self.renderings.body, suspect=self.renderings.suspect
        )
