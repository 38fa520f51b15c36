"""What is mirrored of `dre_hitss`: its columns, the month of a row, and the digest of a month in either database.

The mirror owns the rows whose `sync_source` is its name; every other row of the destination is the destination's own.
Numbers (`id`) are not copied: each table counts by a sequence of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import Column, Digest, digest_query, row_hash_sql

#: The `sync_source` of a row that the mirror brought.
MIRROR = "fabricio"

_FIRST_DAY = re.compile(r"\d{4}-\d\d-01")
_TECHNICAL = (Column("execution_id"), Column("created_at", "timestamp"))
_SEED = (
    Column("conta"),
    Column("descricao"),
    Column("valor", "number"),
    Column("tipo"),
    Column("periodo"),
    Column("empresa"),
)
_WORKBOOK = (
    Column("competencia", "date"),
    Column("ano", "integer"),
    Column("mes", "integer"),
    Column("natureza"),
    Column("valor_exato", "number"),
    Column("tipo_comercial"),
    Column("cliente"),
    Column("linha_negocio"),
    Column("codigo_projeto"),
    Column("projeto"),
    Column("id_homs"),
    Column("filial_faturamento"),
    Column("imposto", "number"),
    Column("line_hash", "other"),
    Column("occurrence", "integer"),
)
# A row that others wrote has no competencia: its text has the month, in one of the forms that were seen.
_MONTH_OF_TEXT: LiteralString = """case
    when periodo ~ '^(0?[1-9]|1[0-2])/[12][0-9]{3}$'
    then make_date(split_part(periodo, '/', 2)::integer, split_part(periodo, '/', 1)::integer, 1)
    when periodo ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])(-[0-9]{2})?$'
    then make_date(left(periodo, 4)::integer, substr(periodo, 6, 2)::integer, 1)
end"""


def month_label(month: str) -> str:
    """`2025-08` of `2025-08-01`. A day that begins no month (`infinity`, `0044-03-15 BC`) stays whole."""
    return month[:7] if _FIRST_DAY.fullmatch(month) else month


class MonthDigest(NamedTuple):
    """A month in one of the databases: the digest of its rows, and the total of their amounts as text.

    `wrong_marks` are mirrored rows whose `sync_hash` is not their hash, or whose `last_sync_at` is impossible. The
    source has none.
    """

    digest: Digest = Digest()
    total: str | None = None
    wrong_marks: int = 0

    def as_proof(self) -> dict[str, str]:
        return {
            "rows": str(self.digest.rows),
            "digest": str(self.digest),
            "total": self.total or "0",
            "wrong_marks": str(self.wrong_marks),
        }


@dataclass(frozen=True)
class MirroredTable:
    """A table in both databases, and the SQL that reads it; `{month}` is the first day of a month.

    `content` are the columns by which two rows are the same line, `technical` those copied and proved beside
    them. `seed` is the part of the content that a row of the requirement's own shape has. `of_month` is a
    condition that an index serves.
    """

    name: str
    content: tuple[Column, ...]
    seed: tuple[Column, ...]
    technical: tuple[Column, ...]
    month: LiteralString
    of_month: LiteralString

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.technical, *self.content)

    @property
    def identifier(self) -> sql.Identifier:
        return postgres.table(self.name)

    @cached_property
    def names(self) -> sql.Composed:
        """The copied columns, and last the hash of the row."""
        names = [sql.Identifier(column.name) for column in self.columns]
        return sql.SQL(", ").join([*names, sql.Identifier("sync_hash")])

    def of(self, month: str | None) -> sql.Composed:
        """The condition that a row is of a month; with None, that it is of none."""
        if month is None:
            return sql.SQL("({}) is null").format(sql.SQL(self.month))
        return sql.SQL(self.of_month).format(month=sql.Literal(month))

    def rows_of(self, month: str) -> sql.Composed:
        """The query of a month's rows as they are sent, each with its hash. COPY takes no parameters."""
        names = [sql.Identifier(column.name) for column in self.columns]
        return sql.SQL("select {}, {} as sync_hash from {} where {}").format(
            sql.SQL(", ").join(names), row_hash_sql(self.columns), self.identifier, self.of(month)
        )

    def month_digests(
        self, connection: postgres.Connection, *, mirrored: bool, month: str | None = None
    ) -> dict[str | None, MonthDigest]:
        """Every month (or one) that has rows; the key None is for rows without a month.

        With `mirrored` only the rows that the mirror brought count, otherwise all rows, as in the source.
        """
        conditions = [sql.SQL("sync_source = {}").format(MIRROR)] if mirrored else []
        conditions += [self.of(month)] if month else []
        where = sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")
        by = sql.SQL(self.month)
        if mirrored:
            query = digest_query(
                self._with_marks(where), self.columns, by=by, sums=("valor", "wrong_mark"), hashed="row_md5"
            )
        else:
            query = digest_query(self.identifier, self.columns, by=by, where=where, sums=("valor",))
        rows = connection.execute(query).fetchall()
        return {
            key: MonthDigest(Digest.parse(text), total, int(marks[0]) if marks else 0)
            for key, text, total, *marks in rows
        }

    def _with_marks(self, where: sql.Composable) -> sql.Composed:
        """The table's rows, each with its hash, and whether the marks that the mirror left on it are wrong.

        A hash of version 1 of the formula is right too: it differs only for a row with a separator inside a value.
        """
        return sql.SQL(
            "(select *, (last_sync_at is null or last_sync_at > now() + interval '1 day'"
            " or sync_hash is distinct from row_md5 and sync_hash is distinct from {former})::integer as wrong_mark"
            " from (select *, {hash} as row_md5 from {table} where {where} offset 0) as hashed) as marked"
        ).format(
            hash=row_hash_sql(self.columns),
            former=row_hash_sql(self.columns, version=1),
            table=self.identifier,
            where=where,
        )

    def own_rows(self, connection: postgres.Connection, month: str | None = None) -> dict[str | None, int]:
        """How many rows of each month (or of one) the mirror did not bring."""
        statement = sql.SQL(
            "select ({})::text, count(*) from {} where sync_source is distinct from {} and {} group by 1"
        ).format(sql.SQL(self.month), self.identifier, MIRROR, self.of(month) if month else sql.SQL("true"))
        return dict(connection.execute(statement).fetchall())


DRE = MirroredTable(
    "public.dre_hitss",
    content=(*_SEED, *_WORKBOOK),
    seed=_SEED,
    technical=_TECHNICAL,
    month=f"coalesce(competencia, {_MONTH_OF_TEXT})",
    of_month="(competencia = {month}::date or competencia is null and "
    + _MONTH_OF_TEXT.replace("{", "{{").replace("}", "}}")
    + " = {month}::date)",
)


def months_of(*digests: Mapping[str | None, object]) -> list[str]:
    """The months that any of these has, in order."""
    return sorted({month for found in digests for month in found if month is not None})
