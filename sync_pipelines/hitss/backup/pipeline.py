"""The daily copy of `dre_hitss`, in a table beside it, that counts only when it was compared.

Replaces `backup-dre-daily` (pg_cron) and `backup_dre_data()`, which collided in the same minute, lost keys,
indexes and row security, gave the API its default grants, kept an empty table as a backup, returned errors as
text and was never pruned (contract of HITSS, section 7). One table a run, `dre_hitss_backup_YYYYMMDD_HH24MI` by
the database's UTC clock, with `_2`, `_3` … within a minute. Done means: rows, total and digest of every month
over all columns are the source's, compared in the snapshot that was copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from sync_pipelines.hitss.backup import load, report, restore
from sync_pipelines.hitss.backup.report import BackupReport
from sync_pipelines.hitss.backup.restore import MonthDifference, RestoreReport
from sync_pipelines.hitss.backup.retention import plan_retention
from sync_pipelines.hitss.backup.tables import drop, find_tables
from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre.tables import EXECUTIONS as DRE_EXECUTIONS
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.calendar import require_today
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records import run_log
from sync_pipelines.lib.records.backups import BackupCatalog, open_backup_catalog
from sync_pipelines.settings.hitss import HitssSettings

#: How far the database's clock may be ahead of ours: what is dated later was dated by a wrong clock.
CLOCK_ERROR = timedelta(minutes=10)
EXECUTIONS = replace(DRE_EXECUTIONS, source="backup-dre")


class _OpenRun(NamedTuple):
    """What is open over one run: its row in the run log, the database, the backup catalog."""

    execution: run_log.Execution
    connection: Connection
    catalog: BackupCatalog


@dataclass(frozen=True)
class BackupPipeline:
    """Backups of the DRE: the database, our records, the retention policy, the clock. Days are days of UTC."""

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    policy: Policy
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: HitssSettings) -> Self:
        """Raises SettingsError for a database that is not set."""
        return cls(
            database_url=settings.fabricio_url,
            ops_url=settings.ops_url,
            policy=Policy.parse(settings.hitss_backup_retention),
        )

    def back_up(
        self, run_id: str, partition_key: str, *, notify: Callable[[str], None] = lambda sentence: None
    ) -> BackupReport:
        """Back up today, then drop what the policy no longer keeps; `notify` gets the plan before that.

        Raises PermanentError for another day than today, and what `load.back_up` raises.
        """
        require_today(partition_key, self.clock().astimezone(UTC).date(), "the DRE")
        with self._open(run_id, "backup", "Iniciando o backup do DRE.") as (execution, connection, catalog):
            recovered = report.record_missing(connection, catalog, run_id)
            backup = load.back_up(connection, run_id)
            report.record(catalog, backup, partition_key, run_id=run_id, purpose="daily")
            execution.processed = backup.content.rows
            execution.log("INFO", f"Backup {backup.name} criado e conferido: {backup.content.rows} linhas.")
            plan = plan_retention(connection, catalog, self.policy, now=self.clock() + CLOCK_ERROR)
            for sentence in plan.sentences():
                notify(sentence)
            for name, wrong in plan.altered.items():
                execution.log(
                    "WARN", f"Backup {name} não é mais o que foi conferido ({wrong}); não conta e fica."
                )
            for name in plan.drop:
                drop(connection, catalog, name)
                execution.log("INFO", f"Backup {name} removido pela política de retenção.")
            foreign = tuple(name for name, mark in find_tables(connection).items() if mark is None)
        return BackupReport(backup=backup, plan=plan, recovered=tuple(recovered), foreign=foreign)

    def difference(self, name: str) -> list[MonthDifference]:
        """What a restore of a backup would change; writes nothing."""
        with (
            load.connect(self.database_url) as connection,
            open_backup_catalog(self.ops_url) as catalog,
        ):
            return restore.difference(connection, restore.find(catalog, name))

    def restore(self, run_id: str, name: str) -> RestoreReport:
        """Restore a backup, after a safety copy."""
        started = f"Iniciando a restauração do DRE a partir de {name}."
        with self._open(run_id, "restore", started) as (execution, connection, catalog):
            backup = restore.find(catalog, name)
            today = f"{self.clock().astimezone(UTC):%Y-%m-%d}"
            done = restore.restore(connection, catalog, backup, run_id=run_id, partition_key=today)
            execution.processed = done.rows
            execution.log(
                "WARN",
                f"DRE restaurado de {name}: {done.rows} linhas; cópia de segurança em {done.safety.name}.",
            )
        return done

    @contextmanager
    def _open(self, run_id: str, phase: str, started: str) -> Iterator[_OpenRun]:
        with (
            run_log.open_execution(
                self.database_url,
                EXECUTIONS,
                run_id=run_id,
                what=FABRICIO,
                started=started,
                details={"phase": phase},
            ) as execution,
            load.connect(self.database_url) as connection,
            open_backup_catalog(self.ops_url) as catalog,
        ):
            yield _OpenRun(execution, connection, catalog)
