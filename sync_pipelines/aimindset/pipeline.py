"""A day of the project: recover, back up, archive the same snapshot, prune, and notify of a failure.

Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary` and the Edge Function `auto-backup`, which looked
at the transport and never at the answer. The alert leaves even if the database cannot take a log row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Self

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.access import ProjectAccess
from sync_pipelines.aimindset.archive.pipeline import ArchivePipeline
from sync_pipelines.aimindset.backup import side_effects
from sync_pipelines.aimindset.backup.load import Probe, no_probe
from sync_pipelines.aimindset.backup.pipeline import BackupPipeline
from sync_pipelines.aimindset.backup.report import ProjectLog
from sync_pipelines.aimindset.client import json_client
from sync_pipelines.aimindset.database import WHAT, await_database, open_snapshot
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.notification import FailureNotifier
from sync_pipelines.aimindset.recovery import Recovery, day_lock
from sync_pipelines.aimindset.request import DayRequest
from sync_pipelines.lib import postgres
from sync_pipelines.lib.alerts import Channel
from sync_pipelines.lib.calendar import require_today
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.records import OPS
from sync_pipelines.lib.records.backups import BackupCatalog, open_backup_catalog
from sync_pipelines.settings.aimindset import AimindsetSettings


@dataclass(frozen=True)
class AimindsetPipeline:
    """The system: what it needs of the settings, its clock and its network."""

    database: str = field(repr=False)
    ops: str = field(repr=False)
    access: ProjectAccess
    by_rpc: bool
    may_change: tuple[str, ...]
    project_log: ProjectLog
    archive: ArchivePipeline
    mail: tuple[Channel, ...]
    zone: tzinfo
    #: The server on which drills make their database; None for one of our own.
    scratch: str | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    probe: Probe = no_probe

    @classmethod
    def from_settings(
        cls,
        settings: AimindsetSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        http: Callable[[], JsonClient] = json_client,
    ) -> Self:
        """Raises SettingsError if the project's database or ours is not set."""
        scratch = settings.scratch_database_url
        return cls(
            database=settings.aimindset_url,
            ops=settings.ops_url,
            access=replace(ProjectAccess.from_settings(settings), http=http, sleep=sleep),
            by_rpc=settings.aimindset_backup_by == "rpc",
            may_change=side_effects.table_names(settings.aimindset_backup_may_change),
            project_log=ProjectLog(settings.aimindset_url, settings.aimindset_panel_log_types),
            archive=ArchivePipeline.from_settings(settings),
            mail=tuple(settings.alert_channels),
            zone=settings.zone,
            scratch=scratch.get_secret_value() if scratch else None,
            clock=clock,
            sleep=sleep,
        )

    def today(self) -> date:
        return self.clock().astimezone(self.zone).date()

    def run(
        self,
        run_id: str,
        partition_key: str,
        *,
        wanted: Collection[str] = (assets.BACKUP, assets.ARCHIVE),
        force: bool = False,
        accepted: Collection[str] = (),
        log: Callable[[str], None] = lambda sentence: None,
    ) -> Day:
        """Back up and archive today. What fails is in the day's `problems`, and a person was notified once.

        Raises PermanentError for another day than today, and SettingsError without an address for RPC, both before
        anything is called.
        """
        require_today(partition_key, self.today(), "the AIMindset project")
        if self.by_rpc:
            self.access.require_url()
        request = DayRequest(
            run_id=run_id,
            partition_key=partition_key,
            wanted=wanted,
            force=force,
            accepted=accepted,
            log=log,
        )
        day = Day()
        try:
            with open_backup_catalog(self.ops) as catalog, day_lock(catalog):
                self._recover(request, day, catalog)
                self._make(request, day, catalog)
        except SyncError as error:
            # Without a connection, or without the ops database, what is not made yet cannot be made.
            for asset in wanted:
                if not day.is_made(asset):
                    day.problems.setdefault(asset, error)
        if failures := day.failures():
            day.delivery = self._notifier.notify(partition_key, run_id, failures)
        return day

    def _recover(self, request: DayRequest, day: Day, catalog: BackupCatalog) -> None:
        """Finish what a crash interrupted, and find what exists of today."""
        recovery = Recovery(
            catalog=catalog,
            database=self.database,
            project_log=self.project_log,
            archive=self.archive,
            log=request.log,
        )
        with postgres.errors_about(OPS):
            recovery.recover_backups()
            if assets.ARCHIVE in request.wanted:
                recovery.recover_archives()
            if not request.force:
                day.existing = recovery.existing(request.wanted, request.partition_key)
        if assets.BACKUP in day.existing:
            day.uncovered = recovery.uncovered()
        if archive := day.existing.get(assets.ARCHIVE):
            with self._catching(day, assets.ARCHIVE):
                self._prune(request, day, catalog, newest=archive.name)

    def _make(self, request: DayRequest, day: Day, catalog: BackupCatalog) -> None:
        """Make what does not exist of today, both assets from one snapshot; one may fail without the other."""
        due = [asset for asset in request.wanted if asset not in day.existing]
        if not due:
            return
        await_database(self.database, self.sleep)
        with open_snapshot(self.database) as snapshot:
            if assets.BACKUP in due:
                with self._catching(day, assets.BACKUP):
                    self._backup.run(request, day, catalog, snapshot=snapshot)
            if assets.ARCHIVE in due:
                with self._catching(day, assets.ARCHIVE):
                    day.archive = self.archive.run(
                        snapshot.connection,
                        catalog,
                        partition_key=request.partition_key,
                        made_at=self.clock(),
                        run_id=request.run_id,
                        accepted=request.accepted,
                    )
                    self._prune(request, day, catalog, newest=day.archive.id)

    def _prune(self, request: DayRequest, day: Day, catalog: BackupCatalog, *, newest: str) -> None:
        """Verify what stays, log the plan, then remove what goes; `newest` was verified by this run."""
        day.pruning = self.archive.retention.plan(catalog, self.clock(), intact=[newest])
        for sentence in day.pruning.sentences():
            request.log(sentence)
        self.archive.retention.apply(catalog, day.pruning.plan)

    def _catching(self, day: Day, asset: str) -> AbstractContextManager[None]:
        return day.catching(asset, f"{WHAT} or {OPS}")

    @property
    def _backup(self) -> BackupPipeline:
        return BackupPipeline(
            database=self.database,
            access=self.access,
            by_rpc=self.by_rpc,
            may_change=self.may_change,
            project_log=self.project_log,
            clock=self.clock,
            probe=self.probe,
        )

    @property
    def _notifier(self) -> FailureNotifier:
        return FailureNotifier(
            ops=self.ops,
            project_log=self.project_log,
            access=self.access,
            mail=self.mail,
            clock=self.clock,
        )
