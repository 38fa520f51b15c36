"""A backup of the DRE with its records and its retention, and a restore: what assets and command line call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync_pipelines.hitss.backup import content, load, restore
from sync_pipelines.hitss.backup.load import ASSET, BackupReport
from sync_pipelines.hitss.backup.restore import MonthDifference, RestoreReport
from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.lib.archive import retention
from sync_pipelines.lib.archive.retention import Candidate, Plan, Policy
from sync_pipelines.lib.calendar import require_today
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records import run_log
from sync_pipelines.lib.records.backups import BackupCatalog, open_backup_catalog
from sync_pipelines.settings.hitss import HitssSettings

#: By how much the database's clock may be ahead of ours: what was made later than that was dated by a wrong one.
CLOCK_ERROR = timedelta(minutes=10)
EXECUTIONS = tables.EXECUTIONS._replace(source="backup-dre")


@dataclass(frozen=True)
class SafekeepingReport:
    """A backup, what retention decided, and tables of the name pattern that are not ours and stay."""

    backup: BackupReport
    plan: Plan
    healed: tuple[str, ...]
    foreign: tuple[str, ...]


@dataclass(frozen=True)
class BackupPipeline:
    """Backups of the DRE with their settings and clock. Days are UTC's, as in the tables' names."""

    settings: HitssSettings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @contextmanager
    def _open(
        self, run_id: str, phase: str, started: str
    ) -> Iterator[tuple[run_log.Execution, Connection, BackupCatalog]]:
        url = self.settings.fabricio_url
        with (
            run_log.execution(
                url, EXECUTIONS, run_id=run_id, what=PROJECT, started=started, details={"phase": phase}
            ) as record,
            load.backup_connection(url) as connection,
            open_backup_catalog(self.settings.ops_url) as catalog,
        ):
            yield record, connection, catalog

    def back_up(
        self, run_id: str, partition_key: str, *, tell: Callable[[str], None] = lambda sentence: None
    ) -> SafekeepingReport:
        """Back up today, then let go of what the policy no longer keeps; `tell` hears the plan before that.

        Raises PermanentError for another day than today, and what `backup.back_up` raises.
        """
        require_today(partition_key, self.clock().astimezone(UTC).date(), "the DRE")
        with self._open(run_id, "backup", "Iniciando o backup do DRE.") as (record, connection, catalog):
            healed = load.heal(connection, catalog, run_id)
            made = load.back_up(connection, run_id)
            load.record(catalog, made, partition_key, run_id=run_id, purpose="daily")
            record.processed = made.content.rows
            record.log("INFO", f"Backup {made.name} criado e conferido: {made.content.rows} linhas.")
            plan = self._retention(connection, catalog)
            for sentence in plan.sentences():
                tell(sentence)
            for name, wrong in plan.altered.items():
                record.log(
                    "WARN", f"Backup {name} não é mais o que foi conferido ({wrong}); não conta e fica."
                )
            for name in plan.drop:
                load.drop(connection, catalog, name)
                record.log("INFO", f"Backup {name} removido pela política de retenção.")
            marks = load.tables(connection)
        return SafekeepingReport(
            backup=made,
            plan=plan,
            healed=tuple(healed),
            foreign=tuple(name for name, mark in marks.items() if mark is None),
        )

    def difference(self, name: str) -> list[MonthDifference]:
        """What a restore of a backup would change; writes nothing."""
        url, ops = self.settings.fabricio_url, self.settings.ops_url
        with load.backup_connection(url) as connection, open_backup_catalog(ops) as catalog:
            return restore.difference(connection, restore.find(catalog, name))

    def restore(self, run_id: str, name: str) -> RestoreReport:
        """Restore a backup, after a safety copy."""
        started = f"Iniciando a restauração do DRE a partir de {name}."
        with self._open(run_id, "restore", started) as (record, connection, catalog):
            copy = restore.find(catalog, name)
            today = f"{self.clock().astimezone(UTC):%Y-%m-%d}"
            report = restore.restore(connection, catalog, copy, run_id=run_id, partition_key=today)
            record.processed = report.rows
            record.log(
                "WARN",
                f"DRE restaurado de {name}: {report.rows} linhas; cópia de segurança em {report.safety.name}.",
            )
        return report

    def _retention(self, connection: Connection, catalog: BackupCatalog) -> Plan:
        """The plan over the backups that are there; one that somebody else dropped is written down as gone.

        What stays in the place of what goes is compared with what was proved of it, as it is now. So is what would
        go: a table that somebody altered, or put there under an old name, is not ours to drop.
        """
        there = load.tables(connection)
        copies = catalog.backups(ASSET)
        for copy in copies:
            if copy.name not in there:
                catalog.mark_removed(ASSET, copy.name)
        known = {copy.name: copy for copy in copies if copy.name in there}
        candidates = [
            Candidate(copy.name, copy.made_at, copy.proved, purpose=copy.purpose, pinned=copy.pinned)
            for copy in known.values()
        ]

        def look(name: str) -> list[str]:
            if there[name] is None:
                return ["it does not bear our mark"]
            return content.verify(connection, known[name])

        def decide() -> Plan:
            return retention.plan_by_looking(
                candidates,
                Policy.parse(self.settings.hitss_backup_retention),
                zone=UTC,
                now=self.clock() + CLOCK_ERROR,
                look=look,
            )

        altered = {name: "; ".join(wrong[:3]) for name in decide().drop if (wrong := look(name))}
        candidates = [copy._replace(altered=altered.get(copy.name)) for copy in candidates]
        return decide()
