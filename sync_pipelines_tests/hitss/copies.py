"""The two databases of a mirror (`Pair`), and a filled `dre_hitss` with its backups (`Kept`).

`Pair.fill(6)` makes these rows in `dre_hitss` of the source (400 of them by default): three months, and pairs of rows
with one `line_hash` and one amount that differ in month and occurrence.

| competencia | conta | descricao     | valor | valor_exato | line_hash | occurrence |
|-------------|-------|---------------|-------|-------------|-----------|------------|
| 2025-02-01  | CLT   | Provisão -  0 |  0.00 |      0.0000 | md5('0')  | 1          |
| 2025-03-01  | CLT   | Provisão -  1 | -1.25 |     -1.2501 | md5('1')  | 2          |
| 2025-01-01  | CLT   | Provisão -  1 | -1.25 |     -1.2501 | md5('1')  | 3          |
| 2025-02-01  | CLT   | Provisão -  2 | -2.50 |     -2.5002 | md5('2')  | 4          |
| 2025-03-01  | CLT   | Provisão -  2 | -2.50 |     -2.5002 | md5('2')  | 5          |
| 2025-01-01  | CLT   | Provisão -  3 | -3.75 |     -3.7503 | md5('3')  | 6          |

The fixture `kept` makes 300 rows: `id` 1, 2, 3 … in February, March, January …, and `valor` 0 for the first five, then
1 for six, 2 for six, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.backup.report import BackupReport
from sync_pipelines.hitss.mirror.adoption import Decision
from sync_pipelines.hitss.mirror.extract import Mirror
from sync_pipelines.hitss.mirror.month_mirror import MirrorOutcome, open_mirror
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.backups import BackupCatalog
from sync_pipelines.settings.hitss import HitssSettings

CONTENT = (
    "execution_id, created_at, conta, descricao, valor, tipo, periodo, empresa, competencia, ano, mes, natureza,"
    " valor_exato, tipo_comercial, cliente, linha_negocio, codigo_projeto, projeto, id_homs, filial_faturamento,"
    " imposto, line_hash, occurrence"
)
JANUARY, FEBRUARY, MARCH = "2025-01-01", "2025-02-01", "2025-03-01"


@dataclass
class Pair:
    """Source and destination, each with a connection for the test itself."""

    source: psycopg.Connection[Any]
    destination: psycopg.Connection[Any]
    mirror: Mirror
    problems: dict[str, str] = field(default_factory=dict)

    def fill(self, rows: int = 400) -> None:
        """Make the rows of the table above in the source."""
        self.source.execute(
            "insert into dre_hitss (execution_id, conta, descricao, valor, tipo, periodo, empresa, competencia, ano,"
            " mes, natureza, valor_exato, line_hash, occurrence)"
            " select 'run', 'CLT', 'Provisão -  ' || n / 2 %% 50, -1.25 * (n / 2), 'DESPESA', 1 + n %% 3 || '/2025',"
            " 'HITSS', make_date(2025, 1 + n %% 3, 1), 2025, 1 + n %% 3, 'CUSTO', -1.2501 * (n / 2),"
            " md5((n / 2)::text)::uuid, n from generate_series(1, %s) as n",
            (rows,),
        )

    def run(self, decision: Decision | None = None, **kept: Any) -> dict[str, MirrorOutcome]:
        """Mirror every month; `problems` has the errors of months that failed."""
        self.problems = {}
        outcomes = {}
        with open_mirror(self.mirror, "run-1", decision=decision, **kept) as months:
            for month in months.databases.months:
                try:
                    outcomes[month] = months.copy(month)
                except SyncError as error:
                    self.problems[month] = str(error)
        return outcomes

    def touched(self) -> dict[str, int]:
        return {month: one.changes.touched for month, one in self.run().items() if one.changes.touched}

    def rows(self, side: psycopg.Connection[Any], where: str = "true") -> list[tuple[Any, ...]]:
        statement = f"select {CONTENT} from dre_hitss where {where} order by {CONTENT}"
        return side.execute(statement.encode()).fetchall()

    def assert_equal(self, where: str = "sync_source = 'fabricio'") -> None:
        assert self.rows(self.destination, where) == self.rows(self.source)

    def own(self) -> list[tuple[Any, ...]]:
        return self.destination.execute(
            "select * from dre_hitss where sync_source is distinct from 'fabricio' order by id"
        ).fetchall()


@dataclass
class Kept:
    """A filled dre_hitss, its backups and the catalog."""

    pipeline: BackupPipeline
    settings: HitssSettings
    url: str
    database: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]

    @property
    def today(self) -> str:
        return f"{self.pipeline.clock():%Y-%m-%d}"

    @property
    def catalog(self) -> BackupCatalog:
        return BackupCatalog(self.ops)

    def back_up(self, **options: Any) -> BackupReport:
        return self.pipeline.back_up("run-1", self.today, **options)

    def rows(self, table: str = "dre_hitss") -> list[tuple[Any, ...]]:
        return self.database.execute(f"select * from {table} order by id".encode()).fetchall()

    def value(self, query: str) -> Any:
        row = self.database.execute(query.encode()).fetchone()
        return row[0] if row else None
