"""A day of the project: its backup, proved; its archive, in the same snapshot; and what is told when one fails.

Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary` and the Edge Function `auto-backup`, which looked
at the transport and never at the answer. The database may be unable to take a log row; the alert goes out even so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

from sync_pipelines.aimindset import recovery
from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.archive.pipeline import Archiver
from sync_pipelines.aimindset.backup import answer as answers
from sync_pipelines.aimindset.backup import load as backups
from sync_pipelines.aimindset.backup import recorded, side_effects, validate
from sync_pipelines.aimindset.backup.answer import Answer, AnswerError
from sync_pipelines.aimindset.backup.coverage import WHAT
from sync_pipelines.aimindset.backup.load import BusyError, Moment
from sync_pipelines.aimindset.backup.report import Logbook
from sync_pipelines.aimindset.client import Project, project_client
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.notification import FailedDay
from sync_pipelines.lib import postgres, vault
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.calendar import require_today
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records.backups import Backup, BackupCatalog, open_backup_catalog
from sync_pipelines.lib.redaction import redacted_exception
from sync_pipelines.settings.aimindset import AimindsetSettings

ASSET = "aimindset/backup"
OPS = "the ops database"
#: Under which the service key may lie in the project's Vault.
VAULT_NAMES = ("AIMINDSET_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY")
CONNECT_PAUSES = (5.0, 30.0)


@dataclass(frozen=True)
class AimindsetPipeline:
    """The system with its settings, its clock and its way out to the network."""

    settings: AimindsetSettings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    http: Callable[[], JsonClient] = project_client
    sleep: Callable[[float], None] = time.sleep
    at: Callable[[Moment, Connection], None] = lambda moment, connection: None

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    @property
    def archiver(self) -> Archiver:
        settings, identity = self.settings, self.settings.archive_age_identity
        policy = Policy.parse(settings.aimindset_archive_retention)
        secret = identity.get_secret_value() if identity else None
        return Archiver(
            store=settings.landing_store,
            policy=policy,
            recipient=settings.archive_age_recipient,
            identity=secret,
        )

    def run(
        self,
        run_id: str,
        partition_key: str,
        *,
        wanted: Collection[str] = (ASSET, archives.ASSET),
        force: bool = False,
        accepted: Collection[str] = (),
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> Day:
        """Back up and archive today. What fails is in the day's `problems`, and was told once.

        Raises PermanentError, before anything is called, for another day than today.
        """
        require_today(partition_key, self.today(), "the AIMindset project")
        if self.settings.aimindset_backup_by == "rpc":
            _ = self.settings.project_url  # raises before anything is called
        day = Day(partition_key)
        url = self.settings.aimindset_url
        try:
            with (
                open_backup_catalog(self.settings.ops_url) as catalog,
                recovery.alone(catalog),
            ):
                with postgres.errors_about(OPS):
                    recovery.settle(catalog, ASSET, url, logbook=self._logbook(url), tell=tell)
                    if archives.ASSET in wanted:
                        recovery.settle_archives(catalog, self.archiver, tell)
                    if not force:
                        today = recovery.Wanted(wanted, partition_key)
                        day.already = recovery.already(catalog, self.archiver, url, today=today, tell=tell)
                if ASSET in day.already:
                    day.uncovered = recovery.uncovered(url)
                if there := day.already.get(archives.ASSET):
                    self._attempt(day, archives.ASSET, partial(self._prune, day, catalog, there.name, tell))
                if due := [asset for asset in wanted if asset not in day.already]:
                    with self._connected(url) as opened:
                        if ASSET in due:
                            self._attempt(
                                day,
                                ASSET,
                                lambda: self._back_up(
                                    day, catalog, opened, run_id=run_id, accepted=accepted, tell=tell
                                ),
                            )
                        if archives.ASSET in due:
                            self._attempt(
                                day,
                                archives.ASSET,
                                lambda: self._archive(
                                    day, catalog, opened[0], run_id=run_id, accepted=accepted, tell=tell
                                ),
                            )
        except SyncError as error:
            # Without a connection, or without our own database, what is not done yet cannot be.
            done = {ASSET: day.backup or day.unproved, archives.ASSET: day.archive}
            for asset in wanted:
                if not done[asset] and asset not in day.already:
                    day.problems.setdefault(asset, error)
        if problems := {a: e for a, e in day.problems.items() if not isinstance(e, BusyError)}:
            failed = FailedDay(
                settings=self.settings,
                asset=ASSET,
                partition_key=partition_key,
                run_id=run_id,
                project=self.project,
                clock=self.clock,
            )
            day.delivery = failed.tell(problems)
        return day

    @contextmanager
    def _connected(self, url: str) -> Iterator[tuple[Connection, str]]:
        """The snapshot; a connection that is not to be had is tried again, since nothing was called yet."""
        for pause in (*CONNECT_PAUSES, None):
            try:
                with postgres.connect(url, what=WHAT):
                    break
            except TransientError:
                if pause is None:
                    raise
                self.sleep(pause)
        with archives.snapshot(url) as opened:
            yield opened

    def _attempt(self, day: Day, asset: str, work: Callable[[], None]) -> None:
        try:
            with postgres.errors_about(f"{WHAT} or {OPS}"):
                work()
        except SyncError as error:
            day.problems[asset] = error
        except Exception as error:  # a bug is a failed day as well, and has to be told like one
            day.problems[asset] = PermanentError(redacted_exception(error))

    def _back_up(
        self,
        day: Day,
        catalog: BackupCatalog,
        opened: tuple[Connection, str],
        run_id: str,
        accepted: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        url, settings = self.settings.aimindset_url, self.settings
        with connect(url, read_only=True) as connection:
            day.look = validate.look(connection)
        day.uncovered = day.look.uncovered
        for note in day.look.notes:
            tell(note)
        logbook = self._logbook(url)
        last = catalog.newest_proved(ASSET)
        before = last.details.get("counts") if last else None
        if settings.aimindset_backup_by == "rpc":
            answer = answers.parse(self.project().call_backup())
            if recorded.is_there(opened[0], answer.backup_id):
                raise AnswerError(
                    f"backup_all_data() gives the backup_id {answer.backup_id}, which was there before the call."
                )
            if before is None:
                before = next((copy.details.get("counts") for copy in catalog.backups(ASSET)), None)
            backups.stop_if_implausible(answer, before, accepted, fate="is there and counts for nothing")
            day.unproved, day.fewer = answer, backups.fewer(answer, before)
            self._enter(catalog, day, answer, run_id=run_id, proved=False, details={})
            logbook.success(
                "Backup automático chamado por RPC: não comprovado.", self._context(day, answer, run_id)
            )
            return
        day.backup = backups.back_up(
            url,
            snapshot=opened[1],
            before=before,
            accepted=accepted,
            may_change=side_effects.names(settings.aimindset_backup_may_change),
            announce=lambda answer, proof: self._enter(
                catalog, day, answer, run_id=run_id, proved=False, details={"announced": proof.destination}
            ),
            at=self.at,
        )
        answer = day.backup.answer
        day.fewer = backups.fewer(answer, before)
        for sentence in day.fewer:
            tell(sentence)
        try:
            # First the row that people see: what a crash leaves announced is settled with it by the next run.
            logbook.success(
                f"Backup automático concluído e comprovado: {answer.total} registros.",
                self._context(day, answer, run_id),
            )
        finally:
            details = {"proof": day.backup.proof.destination, "looked_at": day.backup.looked_at}
            self._enter(catalog, day, answer, run_id=run_id, proved=True, details=details)
        with connect(url, read_only=True) as connection:
            day.generations = recorded.generations(connection)

    def _logbook(self, url: str) -> Logbook:
        return Logbook(url, self.settings.aimindset_panel_log_types)

    def _enter(
        self,
        catalog: BackupCatalog,
        day: Day,
        answer: Answer,
        run_id: str,
        *,
        proved: bool,
        details: Mapping[str, object],
    ) -> None:
        catalog.record(
            Backup(
                *(ASSET, day.partition_key, answer.backup_id, self.clock(), proved, answer.total, None),
                *({"counts": dict(answer.counts), **details}, run_id),
            )
        )

    def _archive(
        self,
        day: Day,
        catalog: BackupCatalog,
        reader: Connection,
        run_id: str,
        accepted: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        day.archive = self.archiver.write(
            reader,
            catalog,
            partition_key=day.partition_key,
            made_at=self.clock(),
            run_id=run_id,
            accepted=accepted,
        )
        self._prune(day, catalog, day.archive.id, tell=tell)

    def _prune(self, day: Day, catalog: BackupCatalog, newest: str, tell: Callable[[str], None]) -> None:
        """Look at what is to stay, say what goes, and let go of it; `newest` was looked at just now."""
        day.pruning = self.archiver.prune(catalog, self.clock(), intact=[newest])
        for sentence in day.pruning.sentences():
            tell(sentence)
        self.archiver.apply(catalog, day.pruning.plan)

    def _context(self, day: Day, answer: Answer, run_id: str) -> dict[str, object]:
        return {
            "backup_id": answer.backup_id,
            "total_records": answer.total,
            "date": day.partition_key,
            "run_id": run_id,
            "proved": day.backup is not None,
        }

    def project(self) -> Project:
        """The project's endpoints, with the service key from the environment or the project's Vault."""
        settings = self.settings
        url = settings.project_url
        if settings.aimindset_service_key is None and settings.aimindset_secrets_from == "vault":
            with connect(settings.aimindset_url) as connection:
                secrets = vault.read_vault(connection, VAULT_NAMES, what=WHAT)
            return Project(
                url=url,
                service_key=vault.one_of(secrets, VAULT_NAMES, what=WHAT),
                http=self.http,
                sleep=self.sleep,
            )
        return Project(
            url=url, service_key=settings.require("aimindset_service_key"), http=self.http, sleep=self.sleep
        )
