"""Rows of the destination that the mirror must not lose: moved out whole, and compared after all writes.

These are the destination's own rows of a month, if a person decided so, and mirrored rows in which somebody filled a
column that the mirror does not bring: a replacement would lose what was written there.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of

_STAGE: LiteralString = """
    create temporary table mirror_leaving (
        id bigint primary key, is_own boolean not null, row_data jsonb not null
    ) on commit drop;
    create temporary table mirror_own on commit drop as
    select id, md5(own::text) as hash from {table} as own
    where {of_month} and sync_source is distinct from {mirror};
    create temporary table mirror_pairs (id bigint primary key, staged_id bigint unique) on commit drop;
"""
_MARK: LiteralString = """
    insert into mirror_leaving (id, is_own, row_data)
    select id, sync_source is distinct from {mirror}, (select to_jsonb(whole) from (select {whole}) as whole)
    from {table} as own
    where {of_month} and ({condition}) and not exists (select from mirror_leaving as noted where noted.id = own.id)
"""
_DELETE: LiteralString = "delete from {table} where id in (select id from mirror_leaving)"
_KEEP: LiteralString = """
    insert into sync_private.dre_hitss_set_aside (execution_id, row_id, row_data)
    select {execution_id}, id::text, row_data from mirror_leaving
"""
# The rows that this transaction set aside have its time, by the default of the column.
_LOST: LiteralString = """
    select count(*) from mirror_leaving as wanted
    full join (
        select row_id, row_data from sync_private.dre_hitss_set_aside
        where execution_id = {execution_id} and set_aside_at = now()
    ) as kept on kept.row_id = wanted.id::text and kept.row_data = wanted.row_data
    where wanted.id is null or kept.row_id is null
"""
_TOUCHED: LiteralString = """
    select count(*) from (
        select id, hash from mirror_own
        where id not in (select id from mirror_pairs) and id not in (select id from mirror_leaving)
    ) as wanted
    full join (
        select id, md5(own::text) as hash from {table} as own
        where {of_month} and sync_source is distinct from {mirror}
    ) as found using (id, hash)
    where wanted.id is null or found.id is null
"""
OWN: LiteralString = "sync_source is distinct from {mirror}"
UNPAIRED_OWN: LiteralString = (
    "sync_source is distinct from {mirror}"
    " and not exists (select from mirror_pairs as taken where taken.id = own.id)"
)
ANNOTATED: LiteralString = "sync_source = {mirror} and {filled}"


class SetAside:
    """The rows that leave one month of the destination, in the caller's transaction, under its lock of the table."""

    def __init__(
        self,
        destination: Connection,
        table: MirroredTable,
        month: str | None,
        execution_id: str,
        filled: sql.Composable,
    ) -> None:
        """`filled` is the condition that a row holds something that the mirror does not bring."""
        self.destination, self.table, self.month, self.filled = destination, table, month, filled
        # Not every json can become jsonb (a NUL, a number beyond its range): those are kept as text.
        whole = [
            sql.SQL("own.{0}::text as {0}" if column.type == "json" else "own.{0}").format(
                sql.Identifier(column.name)
            )
            for column in columns_of(destination, table.name)
        ]
        self._parts = {
            "table": table.identifier,
            "of_month": table.of(month),
            "mirror": sql.Literal(MIRROR),
            "execution_id": sql.Literal(execution_id),
            "whole": sql.SQL(", ").join(whole),
            "filled": filled,
        }
        destination.execute(sql.SQL(_STAGE).format(**self._parts))

    def mark(self, condition: LiteralString) -> int:
        """Mark the rows of the month that satisfy a condition as leaving; returns how many."""
        given = sql.SQL(condition).format(**self._parts)
        return self.destination.execute(sql.SQL(_MARK).format(**self._parts, condition=given)).rowcount

    def move(self) -> int:
        """Move the marked rows out of the table; returns how many were deleted."""
        deleted = self.destination.execute(sql.SQL(_DELETE).format(**self._parts)).rowcount
        self.destination.execute(sql.SQL(_KEEP).format(**self._parts))
        return deleted

    def differences(self) -> list[str]:
        """What is not as it should be after all writes; empty when every row is where it belongs."""
        sentences = []
        if lost := self._count(_LOST):
            sentences.append(f"{lost} rows are not whole in sync_private.dre_hitss_set_aside")
        if touched := self._count(_TOUCHED):
            sentences.append(f"{touched} rows of the destination's own are not as they were")
        return sentences

    def _count(self, statement: LiteralString) -> int:
        row = self.destination.execute(sql.SQL(statement).format(**self._parts)).fetchone()
        return int(row[0]) if row else 0
