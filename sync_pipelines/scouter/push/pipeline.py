"""A push from the settings on: connections, locks, the doctor's word, and the walk over what is to be sent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
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
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.push import job_range
from sync_pipelines.scouter.push.engine import PAGES_AT_ONCE
from sync_pipelines.scouter.push.extract import WHAT, require_sight
from sync_pipelines.scouter.push.job_run import MISMATCH, STOPPED, JobWalk, pause
from sync_pipelines.scouter.push.last_synced import SESSION, Exchanges
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.parts import Engine
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
    """The push as the assets know it. Clock, client and hooks are parameters: tests replace no code."""

    settings: ScouterSettings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    client: Callable[[ScouterSettings], PostgrestClient] = gestao_client
    reload: Callable[[PostgrestClient, Sequence[str]], object] = reload_schema
    before_commit: Callable[[], None] = lambda: None
    #: How long to wait for another push to end.
    wait_seconds: float = 5.0

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    def open_since(self) -> date:
        """The day in which the last push came to its present: today, or one before it. Today where none is known."""
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
            with _leaving_nothing_running(work, job):
                options = options.joined(job.options)
                work.keep_options(job.id, options.document())
                stack.callback(_release, work, job)
                stack.enter_context(postgres.errors_about(WHAT))
                client = stack.enter_context(self.client(self.settings))
                exchanges = Exchanges(ops, destination_label(self.settings))
                run = self._run(stack, job, work, client=client, exchanges=exchanges, run_id=run_id)
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

    def _run(
        self,
        stack: ExitStack,
        job: ExportJob,
        work: ExportWork,
        *,
        client: PostgrestClient,
        exchanges: Exchanges,
        run_id: str,
    ) -> JobWalk:
        doctor = self.doctor()
        try:
            require_sight(work.connection)
            report = self.examine(work.connection, job)
        except SyncError as error:
            raise pause(work, job, f"{STOPPED} {error}") from None
        if not report.fits:
            raise pause(work, job, f"{MISMATCH} {report.refusal()}")
        options = PushOptions.from_document(work.get(job.id).options)
        options = replace(options, compare=options.compare and self._has_collected())
        engine = Engine(settings=self.settings, clock=self.clock, client=client, report=report)
        reader = engine.reader(work.connection)
        # What is read ahead is read by threads of their own, so by connections of their own.
        ahead = [replace(reader, connection=stack.enter_context(self.source())) for _ in range(PAGES_AT_ONCE)]
        known = Exchanges(stack.enter_context(self.ops()), exchanges.destination)
        push = engine.push(
            reader,
            [engine.slicer(one, known, options, run_id=run_id) for one in ahead],
            exchanges=exchanges,
            progress=Progress(connection=work.connection, jobs=work, job_id=job.id, run_id=run_id),
            before_commit=self.before_commit,
        )
        assert job.watermark is not None
        push.watermark = job.watermark
        days = job_range.days(job, reader, self.settings.zone)
        if job.total_leads == 0:
            work.set_total(job.id, job_range.total(job, days, reader, zone=self.settings.zone))
        done, begun = job.last_completed_date, job.processing_date
        left = [day for day in days if (not done or day < done) and (not begun or day <= begun)]
        left = left if job.phase in (None, "days") else []
        columns = report.mapping.columns
        return JobWalk(
            job=job,
            work=work,
            push=push,
            days=left,
            whole=days,
            # What earlier runs of the job did counts as done now, so a comparing one looks at it again.
            looks_again=options.compare and len(left) < len(days),
            reload=lambda: self._reload(doctor, client, columns),
            look_again=lambda: doctor.examine(report.mapping, fresh=True),
            doubt=exchanges.doubt_all,
            unproved=list(job.unproved),
            left_out=UnmappedColumns.of(report).undecided,
        )

    def _has_collected(self) -> bool:
        """Fetch what people changed there into the inbox, because a comparison must not undo it before it came over.

        Where that cannot be had nothing is compared: the push rests on earlier readings, and its proof says so.
        """
        if not self.settings.scouter_outbox:
            return True
        try:
            self.reverse_sync().collect()
        except SyncError as error:
            _log.warning("Unchanged leads are not compared: %s", error)
            return False
        return True

    def reload_cache(self) -> object:
        """Reload the destination's schema cache, and wait until writes find every column that this push maps.

        The doctor's cached report is expired before and after: before, because the columns must be the live ones.
        Raises what `reload_schema` raises.
        """
        doctor = self.doctor()
        with self.source() as connection, self.client(self.settings) as client:
            doctor.forget()
            columns = self.examine(connection).mapping.columns
            done = self.reload(client, columns)
            doctor.forget()
        return done

    def _reload(self, doctor: SchemaDoctor, client: PostgrestClient, columns: Sequence[str]) -> None:
        doctor.forget()
        self.reload(client, columns)

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
def _leaving_nothing_running(work: ExportWork, job: ExportJob) -> Iterator[None]:
    """Pause a job whose push ends by an error that nobody expected: its worker is gone, and the screen must say so.

    Where the database itself is away the job stays as it is, and the sensor takes it up.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        told = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
        with contextlib.suppress(SyncError, psycopg.Error):
            if work.get(job.id).status == "running":
                pause(work, job, f"{STOPPED} {told}")
        raise


def _release(work: ExportWork, job: ExportJob) -> None:
    if not work.connection.closed and not work.connection.broken:
        work.release(job.id)
