"""What the four tables hold now, and where that is not what it should be.

`dre_lines` is compared with the workbook's content, each published table row by row with what the lines of the
same moment derive, the summary with what the published rows of the same moment add up to. Nothing here rests on
what an earlier run recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.hitss.dre import summary, tables
from sync_pipelines.hitss.dre.columns import ORCADO, REALIZADO
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, Totals
from sync_pipelines.hitss.dre.tables import BUDGET, HITSS, PROJECT, PublishedTable
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.postgres.digest import Digest, row_hash_sql

#: The month chain in the order in which its tables feed each other.
CHAIN = ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary")


class LiveLines(NamedTuple):
    """A month of `dre_lines`. `misnumbered` are rows whose occurrence is not one of 1, 2, 3 … of equal lines."""

    content: MonthContent
    misnumbered: int


class LiveTable(NamedTuple):
    """A month of a published table: its rows, and the rows that differ from those derived (or lack, or exceed).

    Rows of nobody's (without `line_hash`) count among those that differ: whoever adds up the month adds them, too.
    """

    rows: int
    differing: int


_TABLES = (tables.LINES, HITSS.name, BUDGET.name, "public.dre_summary")
#: What rows without a month are called.
WITHOUT_MONTH = "no month"
NO_LINES = LiveLines(EMPTY_MONTH, 0)
NO_ROWS = LiveTable(0, 0)


@dataclass(frozen=True)
class Live:
    """What was found in one look, by month; months without rows are absent."""

    lines: Mapping[str, LiveLines] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, LiveTable]] = field(default_factory=dict)
    stored: Mapping[str, summary.Row] = field(default_factory=dict)
    computed: Mapping[str, summary.Row] = field(default_factory=dict)

    def months(self) -> set[str]:
        """Every month of which a table holds something."""
        found = set(self.lines).union(*self.published.values())
        return found | {month for month, row in self.stored.items() if not summary.is_empty(row)}

    def rows(self, asset: str, month: str) -> int:
        """How many rows a table holds of a month."""
        match asset:
            case "dre_lines":
                return self.lines.get(month, NO_LINES).content.full.rows
            case "dre_summary":
                return int(month in self.stored)
        return self.published.get(asset, {}).get(month, NO_ROWS).rows

    def problem(self, asset: str, month: str, content: MonthContent) -> str | None:
        """Why a table's month is not what it should be, in words that follow its name; None when it is.

        `content` is what the lines should hold. The later tables are held against the tables that feed them.
        """
        match asset:
            case "dre_lines":
                return _lines_problem(self.lines.get(month, NO_LINES), content)
            case "dre_summary":
                return self._summary_problem(month, content)
        return self._published_problem(asset, month)

    def problems(self, month: str, content: MonthContent) -> dict[str, str]:
        """What is wrong with a month, by table in the order of the chain."""
        found = {asset: self.problem(asset, month, content) for asset in CHAIN}
        return {asset: sentence for asset, sentence in found.items() if sentence}

    def _published_problem(self, asset: str, month: str) -> str | None:
        found = self.published.get(asset, {}).get(month, NO_ROWS)
        if found.differing:
            return f"has {found.differing} rows that dre_lines does not derive"
        lines = self.lines.get(month, NO_LINES).content
        derived = (lines.realizado if asset == HITSS.asset else lines.orcado).rows
        if found.rows != derived:
            # Each equals a derived row: it comes twice, without the unique index or in a table that inherits.
            return (
                f"holds {found.rows} rows where dre_lines derives {derived}: rows come twice. Remove those that are too"
                " many by hand, and look whether the table has its unique index and no child table"
            )
        return None

    def _summary_problem(self, month: str, content: MonthContent) -> str | None:
        stored, computed = self.stored.get(month), self.computed.get(month)
        if stored is None:
            wanted = content.full.rows or (computed and not summary.is_empty(computed))
            return "has no row" if wanted else None
        if computed is None:
            return None if summary.is_empty(stored) else "has figures and the published tables have no rows"
        differing = [name for name in stored if stored[name] != computed[name]]
        names = ", ".join(differing)
        return f"is not what the published rows add up to ({names})" if differing else None


def _lines_problem(found: LiveLines, content: MonthContent) -> str | None:
    if found.content.full.rows != content.full.rows:
        return f"holds {found.content.full.rows} rows, the workbook {content.full.rows}"
    if found.content.full != content.full or found.content.totals != content.totals:
        return "holds other values than the workbook"
    keys = (found.content.realizado, found.content.orcado)
    if found.misnumbered or keys != (content.realizado, content.orcado):
        return "holds rows under keys that are not theirs"
    return None


def read_live(url: str, empresa: str, months: Collection[str] | None = None) -> Live:
    """Look at all four tables, at `months` or at whatever they hold.

    Over two connections, because a digest keeps one core of the server busy; both see the same moment.
    """
    wanted = None if months is None else sorted(months)
    with (
        ThreadPoolExecutor(max_workers=1) as pool,
        _snapshot(url) as (connection, moment),
    ):

        def lines() -> dict[str, LiveLines]:
            with _snapshot(url, moment) as (other, _):
                return read_lines(other, wanted)

        reading = pool.submit(lines)
        published = {
            table.asset: compare_published(connection, table, empresa, months=wanted)
            for table in (HITSS, BUDGET)
        }
        stored = summary.stored(connection, None)
        known = set(stored).union(*published.values()) if wanted is None else set(wanted)
        computed = summary.computed(connection, known - {WITHOUT_MONTH})
        return Live(lines=reading.result(), published=published, stored=stored, computed=computed)


def look_at(connection: Connection, empresa: str, month: str) -> Live:
    """Look at one month in the caller's transaction."""
    return Live(
        lines=read_lines(connection, [month]),
        published={
            table.asset: compare_published(connection, table, empresa, months=[month])
            for table in (HITSS, BUDGET)
        },
        stored=summary.stored(connection, [month]),
        computed=summary.computed(connection, [month]),
    )


@contextmanager
def _snapshot(url: str, moment: str | None = None) -> Iterator[tuple[Connection, str]]:
    """A read-only transaction over one moment of the database: a new one, or the exported `moment`."""
    with (
        postgres.connect(url, what=PROJECT, read_only=True) as connection,
        postgres.errors_about(PROJECT),
        connection.transaction(),
    ):
        connection.execute("set transaction isolation level repeatable read")
        # The tables are joined whole: with the server's usual share of memory the join would go over the disk.
        connection.execute("set local work_mem = '64MB'")
        if moment is not None:
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(moment)))
            yield connection, moment
            return
        # Rows that row-level security hides from us are added up by those who see them.
        require_sight(connection, _TABLES, PROJECT)
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield connection, str(row[0])


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

    Apart from the digests: few rows repeat another, and beside a digest every row would be looked up.
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


def read_lines(connection: Connection, months: Collection[str] | None) -> dict[str, LiveLines]:
    """What `dre_lines` holds, in the terms in which a workbook's content is told."""
    found: dict[str, LiveLines] = {}
    parameters = {"months": list(months or ())}
    odd: Counter[str] = Counter()
    for month, rows in connection.execute(_misnumbered_query(of_months=months is not None), parameters):
        odd[month] += rows
    for month, report, natureza, *figures in connection.execute(
        _lines_query(of_months=months is not None), parameters
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
            odd[month],
        )
    return found


@cache
def _comparison(table: PublishedTable, *, of_months: bool) -> bytes:
    """By month the rows of a table, and those that are not, key and all, as the lines derive them."""
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


def compare_published(
    connection: Connection, table: PublishedTable, empresa: str, months: Collection[str] | None
) -> dict[str, LiveTable]:
    """A published table beside what the lines derive, row by row and not by a digest."""
    query = _comparison(table, of_months=months is not None)
    found = connection.execute(query, {"months": list(months or ()), "empresa": empresa})
    # Rows that somebody took the month from are a month of their own, which no partition has.
    return {month or WITHOUT_MONTH: LiveTable(rows, differing) for month, rows, differing in found}


def _of_months(*, chosen: bool) -> sql.SQL:
    return sql.SQL("competencia = any(%(months)s::date[])" if chosen else "true")
