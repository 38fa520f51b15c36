"""A segment as it lies in the tables, beside what the CRM said: keys and members of its list, content of its details.

What a detail said was compared with its row when it was written; its hash was recorded then. Here the live rows are
hashed again, so that what was changed or lost since then is found, also of leads that this run did not read. Who is in
the segment, and `segmento` of each lead, were right when the list was stored, and may have been changed since.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import VERSION, Proof, digest_of, row_hash
from sync_pipelines.sprinthub.leads.work_list import content_hash

PLACED = "leads whose segmento lists them"
_HALVES = (
    "'v' || {version} || ':' || count({key}) || ':' || coalesce(sum(('x' || left({hash}, 16))::bit(64)::bigint), 0)"
    " || ':' || coalesce(sum(('x' || right({hash}, 16))::bit(64)::bigint), 0)"
)
_QUERY = """
with segment as materialized (
    select t.id, s.lead_id, s.lead_id = any(%(left_out)s::bigint[]) as is_left_out,
        replace(d.content_hash::text, '-', '') as said, d.detailed_at,
        case when d.lead_id is not null then replace({content}::text, '-', '') end as live, md5(t.id::text) as key_hash,
        exists (
            select from sync_private.segment_membership as m
            where m.segment_id = s.segment_id and m.lead_id = s.lead_id and m.left_at is null
        ) as is_member,
        -- another segment that lists the lead may have done so since
        t.segmento = s.segment_id or exists (
            select from sync_private.segment_leads as o where o.segment_id = t.segmento and o.lead_id = s.lead_id
        ) as is_placed
    from sync_private.segment_leads as s
    left join api.leads as t on t.id = s.lead_id
    left join sync_private.lead_details as d on d.lead_id = s.lead_id
    where s.segment_id = %(segment)s
), compared as (
    select case when not is_left_out then said end as said, case when not is_left_out then live end as live,
        id, key_hash, detailed_at, is_left_out, is_member, is_placed
    from segment
)
select {keys}, {said}, {live}, min(detailed_at),
    count(*) filter (where said is distinct from live and said is not null),
    count(id) filter (where said is null and not is_left_out),
    array(select lead_id from segment where is_left_out and id is null),
    count(*) filter (where is_member),
    (select count(*) from sync_private.segment_membership where segment_id = %(segment)s and left_at is null),
    count(id) filter (where is_placed), count(id)
from compared
"""


class SegmentProof(NamedTuple):
    """The comparison, when the oldest detail that it rests on was read, and what it could not compare."""

    proof: Proof
    oldest_reading: datetime | None
    #: Rows that are not what their detail left.
    altered: int
    #: Leads of which no detail was ever read, though nobody said that they could not be.
    without_detail: int

    @property
    def holds(self) -> bool:
        return self.proof.holds and not self.without_detail

    def sentence(self) -> str:
        """What differs, without a value."""
        wrong = {name for name, said in self.proof.source.items() if said != self.proof.destination[name]}
        if "keys" in wrong:
            return "the leads of its list are not those that the table has."
        if {"members", "open memberships"} & wrong:
            return "its memberships are not those of its list, somebody changed them meanwhile."
        if PLACED in wrong:
            return (
                "segmento of some leads names no segment that lists them: a trigger or somebody changed it."
            )
        if self.altered:
            return f"{self.altered} rows are not what their detail left, somebody changed them meanwhile."
        return f"{self.without_detail} leads have no detail, and this run knows of no reason."


def prove(
    connection: postgres.Connection,
    segment_id: int,
    listed: Collection[int],
    *,
    columns: Sequence[str],
    left_out: Collection[int] = (),
) -> SegmentProof:
    """Compare a segment's list and details with `api.leads`.

    `listed` are the numbers in the CRM's list, `columns` those that details fill. `left_out` are leads whose
    details this run could not use: they may be missing, and their content is not compared.
    """
    statement = sql.SQL(_QUERY).format(
        content=content_hash(columns),
        keys=_digest("id", "key_hash"),
        said=_digest("said", "said"),
        live=_digest("said", "live"),
    )
    row = connection.execute(
        statement, {"segment": segment_id, "left_out": postgres.array(left_out)}
    ).fetchone()
    assert row is not None
    found = _Found(*row)
    return SegmentProof(
        found.proof(listed),
        oldest_reading=found.oldest_reading,
        altered=found.altered,
        without_detail=found.without_detail,
    )


class _Found(NamedTuple):
    """The row of the query."""

    keys: str
    said: str
    live: str
    oldest_reading: datetime | None
    altered: int
    without_detail: int
    #: Leads that were left out and that the table does not have.
    missing: list[int]
    members: int
    open_memberships: int
    placed: int
    present: int

    def proof(self, listed: Collection[int]) -> Proof:
        expected, count = set(listed).difference(self.missing), str(len(listed))
        return Proof(
            {
                "keys": str(digest_of(row_hash([str(lead_id)]) for lead_id in expected)),
                "content": self.said,
                "members": count,
                "open memberships": count,
                PLACED: str(self.present),
            },
            {
                "keys": self.keys,
                "content": self.live,
                "members": str(self.members),
                "open memberships": str(self.open_memberships),
                PLACED: str(self.placed),
            },
        )


def _digest(key: str, found: str) -> sql.Composed:
    return sql.SQL(_HALVES).format(
        version=sql.Literal(VERSION), key=sql.Identifier(key), hash=sql.Identifier(found)
    )
