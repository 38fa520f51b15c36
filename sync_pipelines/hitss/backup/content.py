"""What a table of the DRE holds, month by month, and whether a backup still holds what was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from sync_pipelines.hitss.mirror.table import DRE, Side, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns, exists
from sync_pipelines.lib.postgres.digest import VERSION, Column, Digest, Version, digest_query, stored_version
from sync_pipelines.lib.records.backups import Backup


@dataclass(frozen=True)
class Content:
    """What a table held or holds, by month: under an empty key what has no month."""

    months: Mapping[str, Side]

    @property
    def rows(self) -> int:
        return sum(side.digest.rows for side in self.months.values())

    @property
    def digest(self) -> Digest:
        return sum((side.digest for side in self.months.values()), Digest())

    def as_json(self) -> dict[str, list[str | None]]:
        return {month: [str(side.digest), side.total] for month, side in self.months.items()}

    @classmethod
    def from_json(cls, months: Mapping[str, Sequence[str]]) -> Content:
        return cls({month: Side(Digest.parse(text), total) for month, (text, total) in months.items()})

    def differences(self, found: Content) -> list[str]:
        """What another content lacks or has otherwise, a sentence a month."""
        sentences = []
        for month in sorted(self.months.keys() | found.months.keys()):
            wanted, is_now = self.months.get(month, Side()), found.months.get(month, Side())
            label = month_label(month) or "no month"
            if wanted.digest.rows != is_now.digest.rows:
                sentences.append(f"{label}: {is_now.digest.rows} rows instead of {wanted.digest.rows}")
            elif wanted != is_now:
                sentences.append(f"{label}: rows were altered, {is_now.total} instead of {wanted.total}")
        return sentences


def content_of(
    connection: Connection, table: str, columns: Sequence[Column], version: Version = VERSION
) -> Content:
    """What a table holds in these columns, by month."""
    query = digest_query(
        postgres.table(table), columns, by=sql.SQL(DRE.month), sums=("valor",), version=version
    )
    rows = connection.execute(query).fetchall()
    return Content({key or "": Side(Digest.parse(text), total) for key, text, total in rows})


def whole_content_of(connection: Connection, table: str, version: Version = VERSION) -> Content:
    """What a table holds in all its columns."""
    return content_of(connection, table, digest_columns(columns_of(connection, table)), version=version)


def verify(connection: Connection, copy: Backup) -> list[str]:
    """What is no longer as it was when the backup was proved; empty when all is.

    It is compared in the version of the formula that its digests were made with.
    """
    table = f"public.{copy.name}"
    with postgres.errors_about(f"the backup {copy.name}"):
        if not exists(connection, table):
            return ["the table is gone"]
        columns = {column.name: column for column in columns_of(connection, table)}
        recorded: Sequence[str] = copy.details["columns"]
        if missing := sorted(set(recorded) - columns.keys()):
            return [f"it lacks the columns {', '.join(missing)}"]
        kept = digest_columns(columns[name] for name in recorded)
        found = content_of(connection, table, kept, version=stored_version(copy.details["digest"]))
    return Content.from_json(copy.details["months"]).differences(found)
