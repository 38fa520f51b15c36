"""The lead push: claim a job, open connections, examine both schemas, and run the job's stages.

Replaces the Edge Function `export-to-gestao-scouter-batch`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import psycopg

from sync_pipelines.lib import postgres, redaction
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.client import destination_label, gestao_client, known_key
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.last_synced import SESSION, LastSynced
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.push import job_range
from sync_pipelines.scouter.push.batcher import Batcher
from sync_pipelines.scouter.push.destination_schema import DestinationSchema, ReloadSchema
from sync_pipelines.scouter.push.engine import PushEngine
from sync_pipelines.scouter.push.extract import WHAT, LeadReader, require_sight
from sync_pipelines.scouter.push.job_end import MISMATCH, STOPPED, pause
from sync_pipelines.scouter.push.job_run import JobRun
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.prefetch import BATCHERS
from sync_pipelines.scouter.push.prove import Comparison, Prover
from sync_pipelines.scouter.push.report import Progress
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.scouter.schema.connection import ConnectionTest
from sync_pipelines.scouter.schema.doctor import SchemaDoctor
from sync_pipelines.scouter.schema.reload import reload_schema
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.unmapped_columns import UnmappedColumns
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.scouter import ScouterSettings

_log = logging.getLogger(__name__)
OPS = "the ops database"
BUSY = "Outro envio para o Gestão Scouter está em andamento; tente de novo quando ele terminar."


@dataclass(frozen=True)
class LeadPush:
    """The push as the assets know it. Clock, client, waiting and probe are parameters, so tests replace no code."""

    settings: ScouterSettings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    client: Callable[[ScouterSettings], PostgrestClient] = gestao_client
    reload: ReloadSchema = reload_schema
    probe: Probe = no_probe
    #: How long to wait for another push to end.
    wait_seconds: float = 5.0

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    def open_since(self) -> date:
        """The day up to which earlier pushes completed everything: today, or a day before it. Today if none did."""
        zone = self.settings.zone
        with self.source() as connection:
            until = ExportActions(connection).pushed_until(zone.key)
        return min(until.astimezone(zone).date(), self.today()) if until else self.today()

    @contextmanager
    def open(
        self,
        run_id: str,
        *,
        job_id: str | None = None,
        days: tuple[date, date] | None = None,
        options: PushOptions | None = None,
    ) -> Iterator[JobRun]:
        """Claim a job, or create one for `days` (newest, oldest), and open what its run needs.

        Raises PausedError if the doctor finds that nothing can be sent, SyncError if nothing was begun.
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
            with _leaving_no_job_running(work, job):
                options = options.joined(job.options)
                work.keep_options(job.id, options.document())
                stack.callback(_release, work, job)
                stack.enter_context(postgres.errors_about(WHAT))
                run = self._job_run(stack, work, work.get(job.id), ops=ops, run_id=run_id)
                stack.callback(run.leave)
                yield run

    @contextmanager
    def alone(self) -> Iterator[postgres.Connection]:
        """A connection to the ops database that holds this destination's lock; TransientError where another does."""
        lock = postgres.lock_key("scouter", "push", destination_label(self.settings))
        with self.ops() as ops, postgres.session_lock(ops, lock, wait_seconds=self.wait_seconds, busy=BUSY):
            yield ops

    def ops(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        url = self.settings.ops_url
        return postgres.connect(url, what=OPS, session=SESSION)

    def source(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        """A connection to TabuladorMax whose values are written as the hashes need them."""
        url = self.settings.tabuladormax_url
        return postgres.connect(url, what=WHAT, session=rendering.SESSION)

    def doctor(self) -> SchemaDoctor:
        return SchemaDoctor(
            source_url=self.settings.tabuladormax_url,
            client_factory=lambda: self.client(self.settings),
            ops_url=self.settings.ops_url,
            destination=destination_label(self.settings),
            clock=self.clock,
        )

    def reload_cache(self) -> object:
        """Reload the destination's schema cache, and wait until writes find every column that a push maps.

        The doctor's cached report expires before and after: before, because the columns must be the live ones.
        Raises what `reload_schema` raises.
        """
        doctor = self.doctor()
        with self.source() as connection, self.client(self.settings) as client:
            doctor.forget()
            mapping = self.examine(connection).mapping
            done = self.reload(client, mapping.columns)
            doctor.forget()
        return done

    def _job_run(
        self, stack: ExitStack, work: ExportWork, job: ExportJob, *, ops: postgres.Connection, run_id: str
    ) -> JobRun:
        report = self._require_fit(work, job)
        client = stack.enter_context(self.client(self.settings))
        last_synced = LastSynced(ops, destination_label(self.settings))
        options = PushOptions.from_document(job.options)
        options = replace(options, compare=options.compare and self._has_collected())
        reader = LeadReader.for_report(report, work.connection, sent_at=self.clock())
        comparison = Comparison(client, report.mapping.columns, report.destination_columns)
        assert job.watermark is not None
        engine = PushEngine(
            reader=reader,
            batchers=self._batchers(stack, reader, comparison, options=options, run_id=run_id),
            sender=Sender(client, report.mapping.columns),
            progress=Progress(connection=work.connection, jobs=work, job_id=job.id, run_id=run_id),
            prover=Prover(comparison, last_synced, run_id=run_id, stamp=reader.stamp),
            zone=self.settings.zone,
            watermark=job.watermark,
            in_flight=self.settings.scouter_in_flight,
            probe=self.probe,
        )
        days = job_range.days_of(job, reader, self.settings.zone)
        if job.total_leads == 0:
            work.set_total(job.id, job_range.count_leads(job, days, reader, zone=self.settings.zone))
        left = job_range.days_left(job, days)
        return JobRun(
            job=job,
            work=work,
            engine=engine,
            schema=DestinationSchema(self.doctor(), client, report.mapping, reload_schema=self.reload),
            last_synced=last_synced,
            all_days=days,
            days=left,
            # A run that compares also vouches for what earlier runs of the job did.
            rereads_earlier_days=options.compare and len(left) < len(days),
            unproved=list(job.unproved),
            unmapped=UnmappedColumns.of(report).undecided,
        )

    def _batchers(
        self,
        stack: ExitStack,
        reader: LeadReader,
        comparison: Comparison,
        *,
        options: PushOptions,
        run_id: str,
    ) -> list[Batcher]:
        """Batchers for the prefetching threads, with connections of their own."""
        last_synced = LastSynced(stack.enter_context(self.ops()), destination_label(self.settings))
        return [
            Batcher(
                reader=replace(reader, connection=stack.enter_context(self.source())),
                last_synced=last_synced,
                comparison=comparison.of_content(),
                size=self.settings.scouter_batch_size,
                run_id=run_id,
                options=options,
            )
            for _ in range(BATCHERS)
        ]

    def _require_fit(self, work: ExportWork, job: ExportJob) -> SchemaReport:
        """The doctor's report; pauses the job if the report, or our role, lets no push start."""
        try:
            require_sight(work.connection)
            report = self.examine(work.connection, job)
        except SyncError as error:
            raise pause(work, job.id, f"{STOPPED} {error}") from None
        if not report.fits:
            raise pause(work, job.id, f"{MISMATCH} {report.refusal()}")
        return report

    def _has_collected(self) -> bool:
        """Collect people's changes at the destination into the inbox: a comparison must not undo them.

        If that fails nothing is compared: the push rests on earlier readings, and its proof says so.
        """
        if not self.settings.scouter_outbox:
            return True
        try:
            self.reverse_sync().collect()
        except SyncError as error:
            _log.warning("Unchanged leads are not compared: %s", error)
            return False
        return True

    def examine(
        self, connection: postgres.Connection, job: ExportJob | None = None, *, fresh: bool = False
    ) -> SchemaReport:
        """The doctor's report for a job's own mapping, else for the default preset, else for the contract's pairs.

        PermanentError where what is stored is no mapping.
        """
        return self.doctor().examine_push(connection, job, fresh=fresh)

    def connection_test(self) -> ConnectionTest:
        """A test of what the settings name, and of what the application's screen says."""
        with self.source() as connection:
            configuration = read_configuration(connection)
            try:
                columns = self.examine(connection).mapping.columns
            except (SyncError, SettingsError):
                columns = (KEY, "updated_at")  # the test itself tells what is wrong
        return ConnectionTest(
            url=self.settings.gestao_scouter_url,
            key=known_key(self.settings),
            client_factory=lambda: self.client(self.settings),
            columns=columns,
            configuration=configuration,
            clock=self.clock,
        )

    def reverse_sync(self) -> ReverseSync:
        """The reverse sync with this push's own mapping, without which no echo is recognised by its content."""
        return ReverseSync.from_settings(self.settings, push=self)


@contextmanager
def _leaving_no_job_running(work: ExportWork, job: ExportJob) -> Iterator[None]:
    """Pause a job whose push ends by an unexpected error: no worker is left, and the screen must show that.

    If the database itself is away the job stays `running`, and the sensor resumes it.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        reason = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
        with contextlib.suppress(SyncError, psycopg.Error):
            if work.get(job.id).status == "running":
                pause(work, job.id, f"{STOPPED} {reason}")
        raise


def _release(work: ExportWork, job: ExportJob) -> None:
    if not work.connection.closed and not work.connection.broken:
        work.release(job.id)
