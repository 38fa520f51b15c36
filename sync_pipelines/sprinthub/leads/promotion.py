"""Fields that were kept in `extra` and have a column by now: the column is filled without calling the CRM again.

A person adds a column that the check of unknown fields suggested. The details that were read have its values already;
to read them again would cost a call a lead (58,788 in the largest segment). Promoted are the leads of one segment whose
row is as its detail left it; all others are due anyway. A value that the column cannot hold stays in `extra`, as a
reject.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql

from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import PermanentError, from_postgres
from sync_pipelines.lib.postgres import KeyMerge
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.sprinthub.leads.contract_columns import EXTRA, TABLE
from sync_pipelines.sprinthub.leads.load import DetailLoader, not_proved
from sync_pipelines.sprinthub.leads.row_errors import is_of_a_row
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines.sprinthub.leads.validate import rejected_value
from sync_pipelines.sprinthub.leads.work_list import content_hash

#: Leads in one transaction.
BATCH = 500
_KEYS = """
select distinct key from sync_private.segment_leads as s
join api.leads as t on t.id = s.lead_id
cross join lateral jsonb_object_keys(t.extra) as key
where s.segment_id = %s and jsonb_typeof(t.extra) = 'object'
"""
_CANDIDATES = """
select t.id from sync_private.segment_leads as s join api.leads as t on t.id = s.lead_id
where s.segment_id = %s and jsonb_typeof(t.extra) = 'object' and t.extra ?| %s order by t.id
"""
_ROWS = """
select t.id, t.extra::text from api.leads as t join sync_private.lead_details as d on d.lead_id = t.id
where t.id = any(%s::bigint[]) and jsonb_typeof(t.extra) = 'object' and d.content_hash = {content}
order by t.id for no key update of t
"""
_STAGE = (
    "create temporary table if not exists promoted (id bigint primary key, doc jsonb not null)"
    " on commit delete rows"
)
_RECORD = """
update sync_private.lead_details as d set content_hash = {content}
from api.leads as t join pg_temp.promoted as p on p.id = t.id where t.id = d.lead_id
"""


@dataclass(frozen=True)
class Promotion:
    """Moves values from `extra` to their columns, while the run of `loader` has its segment."""

    loader: DetailLoader
    merge: KeyMerge

    @classmethod
    def open(cls, loader: DetailLoader) -> Self:
        """With the merge into the live table."""
        merge = KeyMerge.of_table(
            loader.connection,
            source=sql.SQL("pg_temp.promoted"),
            target=TABLE,
            key=["id"],
            columns=loader.columns.written,
            stamped=["synced_at"],
        )
        return cls(loader, merge)

    def run(self, segment_id: int) -> int:
        """Fill the columns of the segment's leads; returns how many rows were written.

        Raises PermanentError, with nothing of that batch committed, for a row that is altered as it is written.
        """
        connection = self.loader.connection
        kept = {name for (name,) in connection.execute(_KEYS, (segment_id,)).fetchall()}
        names = sorted(kept & self.loader.columns.fields.keys())
        if not names:
            return 0
        rows = connection.execute(_CANDIDATES, (segment_id, names)).fetchall()
        ids = [lead_id for (lead_id,) in rows]
        return sum(self._promote(ids[at : at + BATCH], names) for at in range(0, len(ids), BATCH))

    def _promote(self, ids: Sequence[int], names: Collection[str]) -> int:
        """Promote leads, in halves where the table refuses one of them."""
        try:
            return self._write(ids, names)
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            if len(ids) == 1:
                self.loader.reject_lead(
                    ids[0], rule="row_is_taken", reason=str(from_postgres(error, what=TABLE))
                )
                return 0
        middle = len(ids) // 2
        return self._promote(ids[:middle], names) + self._promote(ids[middle:], names)

    def _write(self, ids: Sequence[int], names: Collection[str]) -> int:
        connection = self.loader.connection
        content = content_hash(self.loader.columns.detailed)
        rejects: list[RejectedRow] = []
        with connection.transaction():
            if self.loader.work is not None:
                self.loader.work.fence(connection)
            connection.execute(_STAGE)
            locked = connection.execute(sql.SQL(_ROWS).format(content=content), (postgres.array(ids),))
            documents = []
            for lead_id, text in locked.fetchall():
                if document := self._document(lead_id, exact_json.loads(text), names, rejects=rejects):
                    documents.append((lead_id, exact_json.dumps(document)))
            postgres.copy_rows(connection, "pg_temp.promoted", ["id", "doc"], rows=documents)
            merged = self.merge.run(connection, {"synced_at": self.loader.clock()})
            connection.execute(sql.SQL(_RECORD).format(content=content))
            postgres.end_writes(connection)
            if differences := self.merge.differences(connection):
                raise PermanentError(not_proved(differences))
        self.loader.reject(rejects)
        return len(merged.changed)

    def _document(
        self,
        lead_id: int,
        extra: Mapping[str, Any],
        names: Collection[str],
        *,
        rejects: list[RejectedRow],
    ) -> dict[str, Any]:
        """The columns that are filled and what is left of `extra`; empty where nothing can be moved."""
        fields = self.loader.columns.fields
        document: dict[str, Any] = {}
        left = dict(extra)
        for name in [name for name in names if name in extra]:
            try:
                document[fields[name].column] = fields[name].read(extra[name])
            except UnusableError as problem:
                rejects.append(
                    rejected_value(
                        problem, lead_id, name, value=extra[name], partition_key=self.loader.partition_key
                    )
                )
            else:
                del left[name]
        return {**document, EXTRA: left or None} if document else {}
