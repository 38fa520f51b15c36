"""Which leads of a segment need their detail read: the database's answer, in pages, so that a run resumes anywhere.

Due are leads that are new, whose list item changed since their detail was read, whose detail is old, which `api.leads`
lost, and whose row there is no longer what the detail left (somebody changed it by hand, a backup was restored).
Nothing is kept of a run but what it read: one that died goes on at the next lead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from sync_pipelines.lib import postgres

#: Leads asked for at once. Another segment's run may have read some meanwhile, so that a page is not long.
PAGE = 500
_OF_DUE: LiteralString = """
from sync_private.segment_leads as s
left join sync_private.lead_details as d on d.lead_id = s.lead_id
left join api.leads as t on t.id = s.lead_id
where s.segment_id = %(segment)s
    and (d.lead_id is null or d.list_hash is distinct from s.list_hash or d.detailed_at < %(older_than)s
        or t.id is null or d.content_hash is distinct from {content})
"""
_DUE = f"""
select s.lead_id, s.list_hash {_OF_DUE} and s.lead_id < %(below)s
order by s.lead_id desc limit {{page}}
"""
_COUNT = f"select count(*) {_OF_DUE}"
_ABOVE_ALL = 2**63 - 1


class DueLead(NamedTuple):
    """A lead whose detail is to be read, and the hash of the list item that it is read for."""

    id: int
    list_hash: UUID | None


def content_hash(columns: Sequence[str]) -> sql.Composed:
    """The md5 of a row of `api.leads`, called `t`, as a uuid: of those of the columns that have a value.

    So a column that is added to the table changes no hash while it is empty. `columns` are those that details fill.
    The text has each name with its quoted value, which no other row has; as jsonb it would take three times as long.
    """
    # Statements with parameters double a per cent sign, in names and texts too.
    names = [name.replace("%", "%%") for name in sorted(columns)]
    values = [
        sql.SQL("{} || quote_literal({})").format(sql.Literal(name), sql.Identifier("t", name))
        for name in names
    ]
    return sql.SQL("md5(array_to_string(array[{}], ' '))::uuid").format(sql.SQL(", ").join(values))


@dataclass(frozen=True)
class WorkList:
    """The leads of one segment that are due, the newest numbers first: who entered last is called first."""

    connection: postgres.Connection
    segment_id: int
    older_than: datetime
    content: sql.Composed

    def count(self) -> int:
        ((count,),) = self._execute(_COUNT, {})
        return int(count)

    def __iter__(self) -> Iterator[DueLead]:
        below = _ABOVE_ALL
        while rows := self._execute(_DUE, {"below": below}):
            yield from (DueLead(*row) for row in rows)
            below = rows[-1][0]

    def _execute(self, statement: LiteralString, values: dict[str, object]) -> list[tuple[Any, ...]]:
        composed = sql.SQL(statement).format(content=self.content, page=sql.Literal(PAGE))
        return self.connection.execute(
            composed, {"segment": self.segment_id, "older_than": self.older_than, **values}
        ).fetchall()
