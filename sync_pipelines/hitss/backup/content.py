"""What a table of the DRE holds, month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from sync_pipelines.hitss.mirror.table import DRE, MonthDigest, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns
from sync_pipelines.lib.postgres.digest import VERSION, Column, Digest, Version, digest_query


@dataclass(frozen=True)
class Content:
    """What a table holds or held, by month; the empty key is for rows without a month."""

    months: Mapping[str, MonthDigest]

    @property
    def rows(self) -> int:
        return sum(one.digest.rows for one in self.months.values())

    @property
    def digest(self) -> Digest:
        return sum((one.digest for one in self.months.values()), Digest())

    def as_json(self) -> dict[str, list[str | None]]:
        return {month: [str(one.digest), one.total] for month, one in self.months.items()}

    @classmethod
    def from_json(cls, months: Mapping[str, Sequence[str]]) -> Content:
        return cls({month: MonthDigest(Digest.parse(text), total) for month, (text, total) in months.items()})

    def differences(self, found: Content) -> list[str]:
        """Where another content is not the same, a sentence a month."""
        sentences = []
        for month in sorted(self.months.keys() | found.months.keys()):
            wanted, is_now = self.months.get(month, MonthDigest()), found.months.get(month, MonthDigest())
            label = month_label(month) or "no month"
            if wanted.digest.rows != is_now.digest.rows:
                sentences.append(f"{label}: {is_now.digest.rows} rows instead of {wanted.digest.rows}")
            elif wanted != is_now:
                sentences.append(f"{label}: rows were altered, {is_now.total} instead of {wanted.total}")
        return sentences


def read_content(
    connection: Connection, table: str, columns: Sequence[Column], version: Version = VERSION
) -> Content:
    """What a table holds in these columns, by month."""
    query = digest_query(
        postgres.table(table), columns, by=sql.SQL(DRE.month), sums=("valor",), version=version
    )
    rows = connection.execute(query).fetchall()
    return Content({key or "": MonthDigest(Digest.parse(text), total) for key, text, total in rows})


def read_whole_content(connection: Connection, table: str, version: Version = VERSION) -> Content:
    """What a table holds in all its columns."""
    return read_content(connection, table, digest_columns(columns_of(connection, table)), version=version)
