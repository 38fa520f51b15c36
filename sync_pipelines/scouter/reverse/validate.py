"""Which changes of a batch can be applied: a lead from the other side, the newest of its lead, with values that fit.

The rules of the webhook's body are in `webhook.py`. Here a change that is older than another of the same lead is
ignored, and one with a value that its column does not take is rejected with the field and the type.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.guarded_cast import guarded_cast
from sync_pipelines.scouter.reverse.inbox import WaitingLead
from sync_pipelines.scouter.reverse.reverse_mapping import RECORD, VERSION, ReverseMapping, moment_sql
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.sync_source import OURS

#: Columns of `incoming` that a row of the inbox fills, in the order of `WaitingLead`.
_INCOMING = (
    "id",
    "lead_id",
    "source",
    "payload",
    "received_at",
    "known_hash",
    "known_direction",
    "applied_version",
    "applied_at",
)


class Validation:
    """The statements that validate a batch, composed once for a mapping."""

    def __init__(self, reverse: ReverseMapping) -> None:
        version = sql.Identifier(VERSION)
        self._statements = (
            statement("unpack_leads").format(ours=sql.Literal(list(OURS))),
            statement("set_versions").format(version=moment_sql(version), column=version),
            statement("merge_changes"),
            statement("reject_invalid").format(problem=problem_sql(reverse), record=reverse.record),
        )

    def run(self, leads: postgres.Connection, waiting: Sequence[WaitingLead]) -> None:
        """Make the temporary table `incoming` of these rows, in the caller's transaction, and validate them."""
        leads.execute(statement("create_incoming"))
        postgres.copy_rows(leads, "incoming", _INCOMING, rows=waiting)
        for one in self._statements:
            leads.execute(one)


def problem_sql(reverse: ReverseMapping) -> sql.Composed:
    """The first field whose value does not fit, and the type that it should have; NULL if all values fit."""
    version = guarded_cast(sql.Identifier(RECORD, VERSION), types.TIMESTAMPTZ).guard
    guards = [(VERSION, types.TIMESTAMPTZ, version)]
    guards += [(field.destination, field.kind, field.guard) for field in reverse.fields]
    cases = [
        sql.SQL("when not coalesce({}, false) then {}").format(
            guard, sql.Literal(f"{name}: the value is no {kind}")
        )
        for name, kind, guard in guards
        if guard is not None
    ]
    return sql.SQL("case {} end").format(sql.SQL(" ").join(cases))
