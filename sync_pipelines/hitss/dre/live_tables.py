"""What the four tables hold now, and where that is not what it should be.

`dre_lines` is compared with the content of the workbook, each published table row by row with what the lines of the
same moment derive, the summary with the sums of the published rows of the same moment. Nothing here rests on what an
earlier run recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre import summary, tables
from sync_pipelines.hitss.dre.lines import MonthContent
from sync_pipelines.hitss.dre.proof_queries import (
    NO_LINES,
    NO_ROWS,
    WITHOUT_MONTH,
    LiveLines,
    LivePublished,
    compare_published,
    read_lines,
)
from sync_pipelines.hitss.dre.tables import CHAIN, DRE_HITSS, PUBLISHED
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import require_sight

_TABLES = (tables.LINES, *(table.name for table in PUBLISHED), tables.SUMMARY)


@dataclass(frozen=True)
class LiveTables:
    """What one reading found in the four tables, by month; months without rows are absent."""

    lines: Mapping[str, LiveLines] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, LivePublished]] = field(default_factory=dict)
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
                return self.lines_of(month).full.rows
            case "dre_summary":
                return int(month in self.stored)
        return self.published.get(asset, {}).get(month, NO_ROWS).rows

    def lines_of(self, month: str) -> MonthContent:
        """What the lines of a month hold."""
        return self.lines.get(month, NO_LINES).content

    def problem(self, asset: str, month: str, content: MonthContent) -> str | None:
        """Why a table's month is not what it should be, in words that follow its name; None if it is.

        `content` is what the lines should hold. The later tables are compared with the tables that feed them.
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
        lines = self.lines_of(month)
        derived = (lines.realizado if asset == DRE_HITSS.asset else lines.orcado).rows
        if found.rows != derived:
            # Each equals a derived row, so it comes twice: no unique index, or a table that inherits.
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


def read_live_tables(url: str, empresa: str, months: Collection[str] | None = None) -> LiveTables:
    """Read all four tables: `months`, or every month of which one holds something.

    Over two connections, because a digest keeps one core of the server busy; both see the same moment.
    """
    wanted = None if months is None else sorted(months)
    with ThreadPoolExecutor(max_workers=1) as pool, _snapshot(url) as (connection, moment):

        def lines() -> dict[str, LiveLines]:
            with _snapshot(url, moment) as (other, _):
                return read_lines(other, wanted)

        reading = pool.submit(lines)
        published = {
            table.asset: compare_published(connection, table, empresa, months=wanted) for table in PUBLISHED
        }
        stored = summary.read(connection, None)
        known = set(stored).union(*published.values()) if wanted is None else set(wanted)
        computed = summary.compute(connection, known - {WITHOUT_MONTH})
        return LiveTables(lines=reading.result(), published=published, stored=stored, computed=computed)


def read_live_month(connection: Connection, empresa: str, month: str) -> LiveTables:
    """Read one month of all four tables in the caller's transaction."""
    return LiveTables(
        lines=read_lines(connection, [month]),
        published={
            table.asset: compare_published(connection, table, empresa, months=[month]) for table in PUBLISHED
        },
        stored=summary.read(connection, [month]),
        computed=summary.compute(connection, [month]),
    )


@contextmanager
def _snapshot(url: str, moment: str | None = None) -> Iterator[tuple[Connection, str]]:
    """A read-only transaction on one moment of the database: a new one, or the exported `moment`."""
    with (
        postgres.connect(url, what=FABRICIO, read_only=True) as connection,
        postgres.errors_about(FABRICIO),
        connection.transaction(),
    ):
        connection.execute("set transaction isolation level repeatable read")
        # The tables are joined whole: with the server's usual work_mem the join would spill to disk.
        connection.execute("set local work_mem = '64MB'")
        if moment is not None:
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(moment)))
            yield connection, moment
            return
        # The application adds up rows that row-level security would hide from us.
        require_sight(connection, _TABLES, FABRICIO)
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield connection, str(row[0])
