"""A push from the settings on: connections, locks, the doctor's word, and the walk over what is to be sent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgrest import PostgrestClient
from sync_pipelines.scouter.client import destination_label, gestao_client, known_key
from sync_pipelines.scouter.exports.actions import ExportActions
from sync_pipelines.scouter.exports.table import ExportJob, read_configuration
from sync_pipelines.scouter.exports.work import ExportWork
from sync_pipelines.scouter.fields import rendering
from sync_pipelines.scouter.fields.mapping import KEY, STAMPS, Mapping
from sync_pipelines.scouter.fields.presets import Presets
from sync_pipelines.scouter.inbound.way_back import WayBack
from sync_pipelines.scouter.push import extent
from sync_pipelines.scouter.push.exchanges import SESSION, Exchanges
from sync_pipelines.scouter.push.job_walk import MISMATCH, STOPPED, JobWalk, pause
from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines.scouter.push.progress import Progress
from sync_pipelines.scouter.push.push import Push
from sync_pipelines.scouter.push.readback import Comparison
from sync_pipelines.scouter.push.reading import WHAT, LeadReader, Renderings
from sync_pipelines.scouter.push.sending import Sender
from sync_pipelines.scouter.push.slicing import MARKS, Slicer
from sync_pipelines.scouter.push.walk import PAGES_AT_ONCE
from sync_pipelines.scouter.schema.connection import ConnectionTest
from sync_pipelines.scouter.schema.doctor import SchemaDoctor
from sync_pipelines.scouter.schema.reload import reload_schema
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.settings import Settings, SettingsError

OPS = "the ops database"
BUSY = "Outro envio para o Gestão Scouter está em andamento; tente de novo quando ele terminar."


@dataclass(frozen=True)
class LeadPush:
    """The push as the assets know it. Clock, client and hooks are parameters: tests replace no code."""

    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    client: Callable[[Settings], PostgrestClient] = gestao_client
    reload: Callable[[PostgrestClient, Sequence[str]], object] = reload_schema
    before_commit: Callable[[], None] = lambda: None
    #: How long to wait for another push to end.
    wait_seconds: float = 5.0

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    @contextmanager
    def open(
        self,
        run_id: str,
        *,
        job_id: str | None = None,
        days: tuple[date, date] | None = None,
        options: PushOptions | None = None,
    ) -> Iterator[JobWalk]:
        """Claim a job, or make one for `days` (newest, oldest), and open what it needs.

        Raises PausedError where the doctor finds that nothing can be sent, SyncError where nothing was begun.
        """
        options = options or PushOptions()
        with ExitStack() as stack:
            ops = stack.enter_context(self.alone())
            control = stack.enter_context(self.source())
            if job_id is None:
                assert days is not None
                job_id = ExportActions(control).create(*days).id
            work = ExportWork(control)
            job = work.claim(job_id, run_id)
            options = options.joined(job.options)
            work.keep_options(job.id, options.document())
            stack.callback(_release, work, job)
            stack.enter_context(postgres.errors_about(WHAT))
            client = stack.enter_context(self.client(self.settings))
            run = self._run(
                stack, job, work, client, Exchanges(ops, destination_label(self.settings)), run_id, options
            )
            stack.callback(run.leave)
            yield run

    @contextmanager
    def alone(self) -> Iterator[postgres.Connection]:
        """A connection to the ops database that holds this destination's lock; TransientError where another does."""
        lock = postgres.lock_key("scouter", "push", destination_label(self.settings))
        with self.ops() as ops, postgres.session_lock(ops, lock, wait_seconds=self.wait_seconds, busy=BUSY):
            yield ops

    def ops(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        url = self.settings.require("ops_database_url")
        return postgres.connect(url, what=OPS, session=SESSION)

    def source(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        """A connection to TabuladorMax whose values are written as the hashes need them."""
        url = self.settings.require("tabuladormax_database_url")
        return postgres.connect(url, what=WHAT, session=rendering.SESSION)

    def doctor(self) -> SchemaDoctor:
        return SchemaDoctor(
            self.settings.require("tabuladormax_database_url"),
            lambda: self.client(self.settings),
            self.settings.require("ops_database_url"),
            destination_label(self.settings),
            self.clock,
        )

    def _run(
        self,
        stack: ExitStack,
        job: ExportJob,
        work: ExportWork,
        client: PostgrestClient,
        exchanges: Exchanges,
        run_id: str,
        options: PushOptions,
    ) -> JobWalk:
        doctor = self.doctor()
        try:
            report = self.examine(work.connection, job)
        except SyncError as error:
            raise pause(work, job, f"{STOPPED} {error}") from None
        if not report.fits:
            raise pause(work, job, f"{MISMATCH} {report.refusal()}")
        reader = self.reader(work.connection, report)
        # What is read ahead is read by threads of their own, so by connections of their own.
        ahead = [replace(reader, connection=stack.enter_context(self.source())) for _ in range(PAGES_AT_ONCE)]
        known = Exchanges(stack.enter_context(self.ops()), exchanges.destination)
        progress = Progress(work.connection, work, job.id, run_id)
        engine = self.engine(reader, ahead, known, client, exchanges, report, progress, options)
        assert job.watermark is not None
        engine.watermark = job.watermark
        days = extent.days(job, reader, self.settings.zone)
        if job.total_leads == 0:
            work.set_total(job.id, extent.total(job, days, reader, self.settings.zone))
        done, begun = job.last_completed_date, job.processing_date
        left = [day for day in days if (not done or day < done) and (not begun or day <= begun)]
        columns = report.mapping.columns
        return JobWalk(
            job,
            work,
            engine,
            left if job.phase in (None, "days") else [],
            reload=lambda: self._reload(doctor, client, columns),
            look_again=lambda: doctor.examine(report.mapping, fresh=True),
            unproved=list(job.unproved),
        )

    def _reload(self, doctor: SchemaDoctor, client: PostgrestClient, columns: Sequence[str]) -> None:
        doctor.forget()
        self.reload(client, columns)

    def examine(
        self, connection: postgres.Connection, job: ExportJob | None = None, *, fresh: bool = False
    ) -> SchemaReport:
        """The doctor's report for a job's own mapping, else for the default preset, else for the contract's pairs.

        PermanentError where what is stored is no mapping.
        """
        wanted = Mapping.parse(job.field_mappings) if job and job.field_mappings else None
        if wanted is None and (preset := Presets(connection).default()):
            wanted = preset.mapping
        doctor = self.doctor()
        report = doctor.examine(wanted, fresh=fresh)
        if job and job.fields_selected:
            return doctor.examine(report.mapping.only(job.fields_selected))
        return report

    def connection_test(self) -> ConnectionTest:
        """A test of what the settings name, and of what the application's screen says."""
        with self.source() as connection:
            configuration = read_configuration(connection)
            try:
                columns = self.examine(connection).mapping.columns
            except (SyncError, SettingsError):
                columns = (KEY, "updated_at")  # the test itself tells what is wrong
        return ConnectionTest(
            self.settings.gestao_scouter_url,
            known_key(self.settings),
            lambda: self.client(self.settings),
            columns,
            configuration,
            self.clock,
        )

    def way_back(self) -> WayBack:
        """The way back by this push's own mapping, without which no echo is known by its content."""
        client = (lambda: self.client(self.settings)) if self.settings.scouter_outbox else None
        return WayBack(
            self.settings,
            mapping=lambda: self._report().mapping,
            columns=lambda: list(self._report().destination_columns),
            client=client,
        )

    def _report(self) -> SchemaReport:
        with self.source() as connection:
            return self.examine(connection)

    def engine(
        self,
        reader: LeadReader,
        ahead: Sequence[LeadReader],
        known: Exchanges,
        client: PostgrestClient,
        exchanges: Exchanges,
        report: SchemaReport,
        progress: Progress,
        options: PushOptions,
    ) -> Push:
        columns = report.mapping.columns
        types = report.destination_columns
        return Push(
            reader,
            [
                Slicer(
                    one,
                    known,
                    client,
                    self.settings.scouter_batch_size,
                    send_all=options.send_all,
                    overwrites=OVERWRITE in options.accepted,
                    has_marks=not types or set(MARKS) <= set(types),
                )
                for one in ahead
            ],
            Sender(client, columns),
            Comparison(client, columns, types),
            progress,
            exchanges,
            self.settings.zone,
            self.clock(),
            self.settings.scouter_in_flight,
            self.before_commit,
        )

    def reader(self, connection: postgres.Connection, report: SchemaReport) -> LeadReader:
        # One moment a push: the other side's trigger knows a push by a `last_sync_at` that has changed.
        stamps: MappingOf[str, str] = {**STAMPS, "last_sync_at": self.clock().isoformat()}
        in_words = rendering.in_words(report.mapping, report.source_types, report.destination_columns)
        renderings = Renderings(
            rendering.body_sql(report.mapping, in_words=in_words),
            rendering.hash_sql(report.mapping),
            rendering.suspect_sql(report.suspects),
        )
        return LeadReader(connection, renderings, stamps)


def _release(work: ExportWork, job: ExportJob) -> None:
    if not work.connection.closed and not work.connection.broken:
        work.release(job.id)
