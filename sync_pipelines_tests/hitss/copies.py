"""Both ends of a mirror, and a table with its backups: what tests of the copies stand on."""

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
    """Source and destination, each over a connection of the test's own."""

    source: psycopg.Connection[Any]
    destination: psycopg.Connection[Any]
    mirror: Mirror
    problems: dict[str, str] = field(default_factory=dict)

    def fill(self, rows: int = 400) -> None:
        """Rows over three months, each tenth of them a true duplicate of another but for its occurrence."""
        self.source.execute(
            "insert into dre_hitss (execution_id, conta, descricao, valor, tipo, periodo, empresa, competencia, ano,"
            " mes, natureza, valor_exato, line_hash, occurrence)"
            " select 'run', 'CLT', 'Provisão -  ' || n / 2 %% 50, -1.25 * (n / 2), 'DESPESA', 1 + n %% 3 || '/2025',"
            " 'HITSS', make_date(2025, 1 + n %% 3, 1), 2025, 1 + n %% 3, 'CUSTO', -1.2501 * (n / 2),"
            " md5((n / 2)::text)::uuid, n from generate_series(1, %s) as n",
            (rows,),
        )

    def run(self, decision: Decision | None = None, **kept: Any) -> dict[str, MirrorOutcome]:
        """Mirror every month; what stopped one is kept in `problems`."""
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
