"""The SQL that the proofs rest on: what the lines hold, and how a published table differs from what they derive.

Each query is composed once a process: composing it costs as much as running it for a month.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.dre.columns import ORCADO, REALIZADO, digest_columns
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, Totals
from sync_pipelines.hitss.dre.tables import PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Digest, digest_query, row_hash_sql

#: The key of rows whose month is NULL.
WITHOUT_MONTH = "no month"


class LiveLines(NamedTuple):
    """A month of `dre_lines`. `misnumbered` are rows whose occurrence is not one of 1, 2, 3 … of equal lines."""

    content: MonthContent
    misnumbered: int


class LivePublished(NamedTuple):
    """A month of a published table: its rows, and how many differ from the derived ones, are missing or too many.

    Rows that this pipeline did not load (without `line_hash`) count as different: an application that adds up the month
    adds them too.
    """

    rows: int
    differing: int


NO_LINES = LiveLines(EMPTY_MONTH, 0)
NO_ROWS = LivePublished(0, 0)


def read_lines(connection: Connection, months: Collection[str] | None) -> dict[str, LiveLines]:
    """What `dre_lines` holds by month, in the terms in which the content of a workbook is described."""
    found: dict[str, LiveLines] = {}
    parameters = {"months": list(months or ())}
    of_months = months is not None
    misnumbered: Counter[str] = Counter()
    for month, rows in connection.execute(_misnumbered_query(of_months=of_months), parameters):
        misnumbered[month] += rows
    for month, report, natureza, *figures in connection.execute(
        _lines_query(of_months=of_months), parameters
    ):
        rows, high, low, key_high, key_low, exact, rounded = figures
        before, _ = found.get(month, NO_LINES)
        keys = Digest(rows, int(key_high), int(key_low))
        found[month] = LiveLines(
            MonthContent(
                realizado=before.realizado + keys if report == REALIZADO else before.realizado,
                orcado=before.orcado + keys if report == ORCADO else before.orcado,
                full=before.full + Digest(rows, int(high), int(low)),
                totals={
                    **before.totals,
                    f"{report} {natureza}": Totals(rows, Decimal(exact), Decimal(rounded)),
                },
            ),
            misnumbered[month],
        )
    return found


def compare_published(
    connection: Connection, table: PublishedTable, empresa: str, months: Collection[str] | None
) -> dict[str, LivePublished]:
    """A published table against what the lines derive, row by row and not by a digest."""
    query = _comparison(table, of_months=months is not None)
    found = connection.execute(query, {"months": list(months or ()), "empresa": empresa})
    # Rows whose month somebody removed are a month of their own, which is no partition.
    return {month or WITHOUT_MONTH: LivePublished(rows, differing) for month, rows, differing in found}


def read_control_totals(
    connection: Connection, table: PublishedTable, month: str
) -> tuple[Digest, dict[str, str]]:
    """The digest of a published month, and its control totals by Natureza, in one pass."""
    digest, totals = Digest(), {}
    for name, text, exact, rounded in connection.execute(_control_totals_query(table), {"month": month}):
        part = Digest.parse(text)
        digest += part
        totals[name] = total_text(part.rows, exact, rounded)
    return digest, totals


def total_text(rows: int, exact: object, rounded: object) -> str:
    """A control total as a proof records it."""
    return f"{rows} rows, {exact} exact, {rounded} rounded"


@cache
def _lines_query(*, of_months: bool) -> bytes:
    """Digests of content and of keys, and totals, by month, report and Natureza."""
    halves = sql.SQL(
        "sum(('x' || left({0}, 16))::bit(64)::bigint), sum(('x' || right({0}, 16))::bit(64)::bigint)"
    )
    return (
        sql.SQL(
            "select competencia::text, relatorio, natureza, count(*), {content}, {keys}, sum(lancamento),"
            " sum(valor) from (select competencia, relatorio, natureza, lancamento, valor, {hash} as hash,"
            "   replace(line_hash::text, '-', '') as key"
            "   from sync_private.dre_lines where {where} offset 0) as hashed group by 1, 2, 3"
        )
        .format(
            content=halves.format(sql.Identifier("hash")),
            keys=halves.format(sql.Identifier("key")),
            hash=row_hash_sql(tables.LINES_DIGEST),
            where=_of_months(chosen=of_months),
        )
        .as_bytes(None)
    )


@cache
def _misnumbered_query(*, of_months: bool) -> bytes:
    """Rows whose number is not one of 1, 2, 3 … of equal lines, by month.

    A query of its own: few rows repeat another, and beside the digest every row would be looked up.
    """
    return (
        sql.SQL(
            "select competencia::text, count(*) from sync_private.dre_lines where {where} and occurrence < 1 group by 1"
            " union all select competencia::text, count(*) from sync_private.dre_lines as line"
            " where {where} and occurrence > 1 and not exists (select from sync_private.dre_lines as earlier"
            "   where earlier.competencia = line.competencia and earlier.line_hash = line.line_hash"
            "   and earlier.occurrence = line.occurrence - 1) group by 1"
        )
        .format(where=_of_months(chosen=of_months))
        .as_bytes(None)
    )


@cache
def _comparison(table: PublishedTable, *, of_months: bool) -> bytes:
    """By month the rows of a table, and those that are not, key and all, what the lines derive."""
    names = [sql.Identifier(name) for name in (*table.columns, *tables.LINE_KEY)]

    def row(side: str) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(side) + sql.SQL(".") + name for name in names)

    where = _of_months(chosen=of_months)
    return (
        sql.SQL(
            "select coalesce(actual.competencia, derived.competencia)::text, count(actual.id),"
            " count(*) filter (where ({derived}) is distinct from ({actual}))"
            " from {source} as derived full join"
            " (select * from {table} where num_nonnulls(line_hash, competencia) > 0 and {where}) as actual"
            " on derived.competencia = actual.competencia and derived.line_hash = actual.line_hash"
            " and derived.occurrence = actual.occurrence group by 1"
        )
        .format(
            derived=row("derived"),
            actual=row("actual"),
            source=table.source(where),
            table=postgres.table(table.name),
            where=where,
        )
        .as_bytes(None)
    )


@cache
def _control_totals_query(table: PublishedTable) -> bytes:
    return digest_query(
        postgres.table(table.name),
        digest_columns((*table.columns, "occurrence")),
        by=sql.SQL("natureza"),
        where=sql.SQL("competencia = %(month)s and line_hash is not null"),
        sums=("valor_exato", "valor"),
    ).as_bytes(None)


def _of_months(*, chosen: bool) -> sql.SQL:
    return sql.SQL("competencia = any(%(months)s::date[])" if chosen else "true")
