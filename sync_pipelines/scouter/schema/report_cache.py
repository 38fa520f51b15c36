"""The last schema report on a destination, cached in the ops database (`ops.schema_reports`).

A destination column that the last report missed, or saw with another type, is empty now or was converted. Then what we
know of the leads there is doubted: a push reads each lead again before it counts as unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.scouter.last_synced import EVERY, LastSynced
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.verdicts import errors

VALID_FOR = timedelta(minutes=5)
OPS = "the ops database"


@dataclass(frozen=True)
class ReportCache:
    """One report per destination; a report on another mapping replaces it."""

    ops_url: str
    destination: str

    def get(self, mapping_hash: str, now: datetime) -> SchemaReport | None:
        """The report on this mapping, if it is not older than VALID_FOR."""
        with postgres.connect(self.ops_url, what=OPS, read_only=True) as ops:
            row = ops.execute(
                "select report from ops.schema_reports"
                " where destination = %s and mapping_hash = %s and checked_at > %s and checked_at <= %s",
                (self.destination, mapping_hash, now - VALID_FOR, now),
            ).fetchone()
        return SchemaReport.from_document(row[0]) if row else None

    def put(self, mapping_hash: str, report: SchemaReport) -> None:
        """Replace the report; doubt what is known of the leads if columns have changed since the last one."""
        with postgres.connect(self.ops_url, what=OPS) as ops, postgres.errors_about(OPS), ops.transaction():
            row = ops.execute(
                "select report from ops.schema_reports where destination = %s for update", (self.destination,)
            ).fetchone()
            if row and (before := _read(row[0])) and (columns := changed_columns(before, report)):
                LastSynced(ops, self.destination).doubt_all(columns, written=report.mapping.columns)
            ops.execute(
                "insert into ops.schema_reports (destination, mapping_hash, report, checked_at)"
                " values (%s, %s, %s, %s) on conflict (destination) do update set mapping_hash = excluded.mapping_hash,"
                " report = excluded.report, checked_at = excluded.checked_at",
                (self.destination, mapping_hash, Jsonb(report.document()), report.checked_at),
            )

    def expire(self) -> None:
        """Make `get` return nothing. The report itself stays: the next `put` compares its columns with the new ones."""
        with postgres.connect(self.ops_url, what=OPS) as ops:
            ops.execute(
                "update ops.schema_reports set checked_at = to_timestamp(0) where destination = %s",
                (self.destination,),
            )


def changed_columns(before: SchemaReport, now: SchemaReport) -> tuple[str, ...]:
    """Columns there that were missing or of another type before; EVERY if the old ones are unknown.

    Also those that this mapping does not write: the next report is compared with this one.
    """
    if any(one.rule in ("stale_cache", "table") for one in errors(before.verdicts)) and now.fits:
        return (EVERY,)
    missed = set(before.missing_in_gestao_scouter)
    # Without the OpenAPI document a report knows the names of the mapped columns, and no types.
    are_types_known = not before.notes and not now.notes and before.destination_columns
    types = before.destination_columns
    return tuple(
        name
        for name, kind in now.destination_columns.items()
        if name not in now.missing_in_gestao_scouter
        and (name in missed or (are_types_known and types.get(name) != kind))
    )


def _read(document: Mapping[str, Any]) -> SchemaReport | None:
    """A cached report; None if another version of this software wrote it in another form."""
    try:
        return SchemaReport.from_document(document)
    except (SyncError, KeyError, TypeError, ValueError):
        return None
