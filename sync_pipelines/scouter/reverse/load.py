"""Applies the valid changes of a batch to the leads of TabuladorMax, in the caller's transaction.

- An echo of our own push is recognised by its content, whatever its `sync_source` says.
- A null is never applied, nor is a column that belongs to Gestão Scouter or has several sources here.
- A lead that TabuladorMax does not have is created, as the requirement's upsert says, and reported: Gestão Scouter may
  have given its number itself, and the CRM will give that number again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import psycopg
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import ALIAS, hash_sql, payload_hash_sql
from sync_pipelines.scouter.reverse.report import Result
from sync_pipelines.scouter.reverse.reverse_mapping import STAMPS, SYNC_SOURCE, ReverseMapping, moment_sql
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.sync_source import OURS

#: What the rules and triggers of the table may refuse a single row for.
_ROW_ERRORS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)


class BatchLoad:
    """The statements that apply a batch, composed once for a mapping under the live types of TabuladorMax.

    `known` are further columns of Gestão Scouter: they are expected in a payload, and not reported as unknown.
    """

    def __init__(
        self,
        mapping: FieldMapping,
        reverse: ReverseMapping,
        source_types: Mapping[str, str],
        known: Collection[str],
    ) -> None:
        content_hash = hash_sql(mapping, ALIAS)
        expected = sorted({*known, *mapping.destinations, *STAMPS})
        self._stage = _stage(reverse)
        self._decide = statement("decide").format(
            ours=sql.Literal(list(OURS)),
            hash=content_hash,
            applied=moment_sql(sql.Identifier("whole", "applied_version")),
            payload_hash=payload_hash_sql(mapping, source_types, sql.Identifier("whole", "lead")),
            differing=_differing(reverse),
        )
        self._update = statement("update_leads").format(changes=_changes(reverse, source_types))
        self._results = statement("read_results").format(hash=content_hash)
        self._unknown = statement("count_unknown_keys").format(known=sql.Literal(expected))

    def decide(self, leads: postgres.Connection) -> None:
        """Lock the leads of the valid changes, and decide of each change whether it is applied."""
        leads.execute(self._stage)
        leads.execute(statement("lock_leads"))
        leads.execute(self._decide)

    def write(self, leads: postgres.Connection) -> list[Result]:
        """Write what was decided, with its events; returns what became of every change of the batch."""
        writable = leads.execute(statement("read_writable")).fetchall()
        self._write(leads, [row[0] for row in writable])
        leads.execute(statement("log_events"))
        return [Result(*row) for row in leads.execute(self._results).fetchall()]

    def unknown_keys(self, leads: postgres.Connection) -> Mapping[str, int]:
        """Keys of the payloads that no side of the mapping knows, with how often each occurred."""
        return dict(leads.execute(self._unknown).fetchall())

    def _write(self, leads: postgres.Connection, ids: Sequence[int]) -> None:
        """Write these rows. If the table refuses them, write their halves, down to the bad row, which is rejected."""
        if not ids:
            return
        try:
            with leads.transaction():  # a savepoint
                leads.execute(statement("insert_leads"), {"ids": ids})
                leads.execute(self._update, {"ids": ids})
        except _ROW_ERRORS as error:
            if len(ids) > 1:
                middle = len(ids) // 2
                self._write(leads, ids[:middle])
                self._write(leads, ids[middle:])
                return
            reason = str(from_postgres(error, what="leads"))
            leads.execute(statement("reject_row"), {"reason": reason, "id": ids[0]})


def _stage(reverse: ReverseMapping) -> sql.Composed:
    values = [
        sql.SQL(", {} as {}").format(field.checked_value, sql.Identifier(field.source))
        for field in reverse.fields
    ]
    return statement("stage_values").format(
        record=reverse.record, sync_source=sql.Identifier(SYNC_SOURCE), values=sql.SQL("").join(values)
    )


def _differing(reverse: ReverseMapping) -> sql.Composed:
    """How many columns of a lead a change would write with another value."""
    columns: list[sql.Composable] = [
        sql.SQL("({0} is not null and {0} is distinct from {1})::integer").format(
            field.comparable("staged"), field.comparable(ALIAS)
        )
        for field in reverse.fields
    ]
    return sql.SQL(" + ").join(columns or [sql.SQL("0")])


def _changes(reverse: ReverseMapping, source_types: Mapping[str, str]) -> sql.Composed:
    changes: list[sql.Composable] = [
        # A null is never applied: what is empty there may be filled here.
        sql.SQL("{0} = coalesce(staged.{0}, lead.{0})").format(sql.Identifier(field.source))
        for field in reverse.fields
    ]
    changes += [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.SQL(value))
        for name, value in STAMPS.items()
        if name in source_types
    ]
    return sql.SQL(", ").join(changes)
