"""Details merged into `api.leads`, a batch in one transaction with the record that they were read, proved within it.

An error that one lead brings (a constraint of the application that its value breaks, a trigger that alters it) is that
lead's: the batch is halved until it stands alone, and the others are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, from_postgres
from sync_pipelines.lib.postgres import KeyMerge
from sync_pipelines.lib.postgres.key_merge import Difference
from sync_pipelines.lib.records.rejects import RejectedRow, Rejects
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.row_errors import is_of_a_row
from sync_pipelines.sprinthub.leads.validate import ValidLead, validate
from sync_pipelines.sprinthub.leads.work_list import DueLead, content_hash
from sync_pipelines.sprinthub.segments.execution import SegmentWork

ASSET = "sprinthub/leads"
TABLE = "api.leads"
_STAGE = (
    "create temporary table if not exists detailed"
    " (id bigint primary key, doc jsonb not null, list_hash uuid) on commit delete rows"
)
_RECORD = """
insert into sync_private.lead_details as d (lead_id, list_hash, content_hash, detailed_at, run_id)
select t.id, s.list_hash, {content}, %(now)s, %(run_id)s
from pg_temp.detailed as s join api.leads as t on t.id = s.id order by t.id
on conflict (lead_id) do update set (list_hash, content_hash, detailed_at, run_id)
    = (excluded.list_hash, excluded.content_hash, excluded.detailed_at, excluded.run_id)
"""
_SEGMENT_OF_NEW = "update api.leads set segmento = %s where id = any(%s) and segmento is distinct from %s"


class LeadLoad(NamedTuple):
    """A detail to be loaded, and what it was read for; `document` is its valid part as Postgres reads it."""

    lead: DueLead
    detail: Mapping[str, Any]
    valid: ValidLead
    document: str


class LoadedLead(NamedTuple):
    """What became of a detail."""

    id: int
    outcome: Literal["inserted", "changed", "unchanged", "rejected"]
    rejected_fields: int = 0


class _RowError(Exception):
    """One lead of a batch cannot be loaded, or is not what it should be once it is."""

    def __init__(self, sentence: str, rule: str) -> None:
        super().__init__(sentence)
        self.rule = rule


@dataclass
class DetailLoader:
    """Validates and merges details, while `work` has the segment."""

    connection: postgres.Connection
    columns: LeadColumns
    merge: KeyMerge
    rejects: Rejects
    run_id: str
    clock: Callable[[], datetime]
    #: The run of a segment that this is part of; None for leads of a webhook.
    work: SegmentWork | None = None
    #: Leads that this run inserted from the list.
    fresh: frozenset[int] = frozenset()

    @classmethod
    def open(cls, connection: postgres.Connection, columns: LeadColumns, **rest: Any) -> DetailLoader:
        """A loader with its merge into the live table."""
        merge = KeyMerge.of_table(
            connection,
            source=sql.SQL("pg_temp.detailed"),
            target=TABLE,
            key=["id"],
            columns=columns.written,
            stamped=["synced_at"],
        )
        return cls(connection=connection, columns=columns, merge=merge, **rest)

    @property
    def segment_id(self) -> int | None:
        return self.work.segment_id if self.work else None

    @property
    def partition_key(self) -> str | None:
        return None if self.segment_id is None else str(self.segment_id)

    def reject(self, rows: Sequence[RejectedRow]) -> None:
        """Keep rejects with their raw values, in our own database."""
        if not rows:
            return
        self.rejects.record(ASSET, rows, run_id=self.run_id)

    def reject_lead(
        self, lead_id: int, *, rule: str, reason: str, raw: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a lead that cannot be loaded at all, with the reason."""
        row = RejectedRow(
            partition_key=self.partition_key,
            locator={"lead": lead_id},
            value=None,
            rule=rule,
            reason=f"lead {lead_id}: {reason}",
            raw=raw or {},
        )
        self.reject([row])

    def validated(self, lead: DueLead, detail: Mapping[str, Any]) -> LeadLoad:
        """The detail, ready to be loaded. Any thread may call it."""
        valid = validate(detail, self.columns, partition_key=self.partition_key)
        return LeadLoad(lead, detail, valid=valid, document=valid.json)

    def load(self, loads: Sequence[LeadLoad]) -> list[LoadedLead]:
        """Load details, all that can be. Raises SyncError if the database is not there, or a lead is not proved."""
        if not loads:
            return []
        # Before the load: the reasons are kept whatever becomes of it.
        self.reject([row for one in loads for row in one.valid.rejects])
        return self._load(loads)

    def _load(self, loads: Sequence[LeadLoad]) -> list[LoadedLead]:
        try:
            return self._commit(loads)
        except _RowError as error:
            if len(loads) > 1:
                middle = len(loads) // 2
                return [*self._load(loads[:middle]), *self._load(loads[middle:])]
            return [self._refused(loads[0], error)]

    def _commit(self, loads: Sequence[LeadLoad]) -> list[LoadedLead]:
        now = self.clock()
        try:
            with self.connection.transaction():
                if self.work is not None:
                    self.work.fence(self.connection)
                self.connection.execute(_STAGE)
                rows = ((one.lead.id, one.document, one.lead.list_hash) for one in loads)
                postgres.copy_rows(self.connection, "pg_temp.detailed", ["id", "doc", "list_hash"], rows=rows)
                merged = self.merge.run(self.connection, {"synced_at": now})
                if merged.inserted and self.segment_id is not None:
                    new = [key for (key,) in merged.inserted]
                    self.connection.execute(_SEGMENT_OF_NEW, (self.segment_id, new, self.segment_id))
                record = sql.SQL(_RECORD).format(content=content_hash(self.columns.detailed))
                self.connection.execute(record, {"now": now, "run_id": self.run_id})
                postgres.end_writes(self.connection)
                if differences := self.merge.differences(self.connection):
                    raise _RowError(not_proved(differences), "detail_equals_the_row")
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            raise _RowError(str(from_postgres(error, what=TABLE)), "row_is_taken") from None
        inserted = self.fresh | {key for (key,) in merged.inserted}
        changed = {key for (key,) in merged.changed}
        return [
            LoadedLead(
                id=one.lead.id,
                outcome="inserted"
                if one.lead.id in inserted
                else "changed"
                if one.lead.id in changed
                else "unchanged",
                rejected_fields=len(one.valid.rejects),
            )
            for one in loads
        ]

    def _refused(self, load: LeadLoad, error: _RowError) -> LoadedLead:
        """A lead that the table does not take as it is. Raises PermanentError for one that is altered there."""
        if error.rule == "detail_equals_the_row":
            raise PermanentError(str(error))
        self.reject_lead(load.lead.id, rule=error.rule, reason=str(error), raw=load.detail)
        return LoadedLead(load.lead.id, "rejected")


def not_proved(differences: Sequence[Difference]) -> str:
    first = differences[0]
    where = "is not there" if first.is_missing else f"differs in {', '.join(first.columns[:5])}"
    return (
        f"Lead {first.key[0]} {where} right after it was written: a trigger of {TABLE} alters what is written."
        " Nothing of it was committed."
    )
