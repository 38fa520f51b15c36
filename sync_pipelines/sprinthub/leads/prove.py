"""A segment as it lies in `api.leads`, beside what the CRM said: the key set of its list, the content of its details.

What a detail said was compared with its row when it was written; its hash was recorded then. Here the live rows are
hashed again, so that what was changed or lost since then is found, also of leads that this run did not read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import VERSION, Proof, digest_of, row_hash
from sync_pipelines.sprinthub.leads.work_list import content_hash

_HALVES = (
    "'v' || {version} || ':' || count({key}) || ':' || coalesce(sum(('x' || left({hash}, 16))::bit(64)::bigint), 0)"
    " || ':' || coalesce(sum(('x' || right({hash}, 16))::bit(64)::bigint), 0)"
)
_QUERY = """
with segment as materialized (
    select t.id, s.lead_id, s.lead_id = any(%(left_out)s::bigint[]) as is_left_out,
        replace(d.content_hash::text, '-', '') as said, d.detailed_at,
        case when d.lead_id is not null then replace({content}::text, '-', '') end as live, md5(t.id::text) as key_hash
    from sync_private.segment_leads as s
    left join api.leads as t on t.id = s.lead_id
    left join sync_private.lead_details as d on d.lead_id = s.lead_id
    where s.segment_id = %(segment)s
), compared as (
    select case when not is_left_out then said end as said, case when not is_left_out then live end as live,
        id, key_hash, detailed_at, is_left_out
    from segment
)
select {keys}, {said}, {live}, min(detailed_at),
    count(*) filter (where said is distinct from live and said is not null),
    count(id) filter (where said is null and not is_left_out),
    array(select lead_id from segment where is_left_out and id is null)
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
        if self.proof.source["keys"] != self.proof.destination["keys"]:
            return "the leads of its list are not those that the table has."
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
    keys, said, live, oldest, altered, without_detail, missing = row
    expected = set(listed).difference(missing)
    source = {"keys": str(digest_of(row_hash([str(lead_id)]) for lead_id in expected)), "content": said}
    return SegmentProof(
        Proof(source, {"keys": keys, "content": live}), oldest, altered=altered, without_detail=without_detail
    )


def _digest(key: str, found: str) -> sql.Composed:
    return sql.SQL(_HALVES).format(
        version=sql.Literal(VERSION), key=sql.Identifier(key), hash=sql.Identifier(found)
    )
