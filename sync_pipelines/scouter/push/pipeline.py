"""The lead push: claim a job, open connections, examine both schemas, and run the job's stages.

Replaces the Edge Function `export-to-gestao-scouter-batch`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.scouter.client import GestaoScouter
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.last_synced import SESSION, LastSynced
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.push import job_range
from sync_pipelines.scouter.push.destination_schema import DestinationSchema, ReloadSchema
from sync_pipelines.scouter.push.engine import PushEngine
from sync_pipelines.scouter.push.extract import WHAT, require_sight
from sync_pipelines.scouter.push.job_end import MISMATCH, STOPPED, pause, pausing_on_error, release
from sync_pipelines.scouter.push.job_run import JobRun
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.parts import PushParts
from sync_pipelines.scouter.push.prefetch import BATCHERS
from sync_pipelines.scouter.push.report import Progress
from sync_pipelines.scouter.reverse.drain import LOCK_LIMIT, push_lock
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
#: A batch of the reverse sync takes less, and a push waits for it.
BATCH_SECONDS = 60.0


@dataclass(frozen=True)
class LeadPush:
    """The push as the assets know it. Clock, waiting and probe are parameters, so tests replace no code."""

    source_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    destination: GestaoScouter
    zone: ZoneInfo
    batch_size: int = 50
    in_flight: int = 4
    #: Whether changes that people make at the destination are collected from its outbox.
    uses_outbox: bool = False
    #: Whether people's changes at the destination are taken back: then none of them is overwritten unseen.
    merges_first: bool = False
    #: For how long error rows are kept: they hold snapshots of leads.
    error_retention_days: int = 90
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    reload: ReloadSchema = reload_schema
    probe: Probe = no_probe
    #: How long to wait for another push to end.
    wait_seconds: float = 5.0

    @classmethod
    def from_settings(cls, settings: ScouterSettings, **client_options: Any) -> Self:
        """Raises SettingsError if TabuladorMax or the ops database is not set. `client_options` as `GestaoScouter`."""
        return cls(
            source_url=settings.tabuladormax_url,
            ops_url=settings.ops_url,
            destination=GestaoScouter.from_settings(settings, **client_options),
            zone=settings.zone,
            batch_size=settings.scouter_batch_size,
            in_flight=settings.scouter_in_flight,
            uses_outbox=settings.scouter_outbox,
            merges_first=settings.scouter_way_back,
            error_retention_days=settings.scouter_error_retention_days,
        )

    def today(self) -> date:
        return self.clock().astimezone(self.zone).date()

    def open_since(self) -> date:
        """The day up to which earlier pushes completed everything: today, or a day before it. Today if none did."""
        with self.source() as connection:
            until = ExportActions(connection).pushed_until(self.zone.key)
        return min(until.astimezone(self.zone).date(), self.today()) if until else self.today()

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
            with pausing_on_error(work, job.id):
                options = options.joined(job.options)
                work.keep_options(job.id, options.document())
                stack.callback(release, work, job.id)
                stack.enter_context(postgres.errors_about(WHAT))
                run = self._job_run(stack, work, work.get(job.id), ops=ops, run_id=run_id)
                stack.callback(run.leave)
                yield run

    @contextmanager
    def alone(self) -> Iterator[postgres.Connection]:
        """A connection to the ops database that holds this destination's lock.

        Raises TransientError if another push holds it.
        """
        lock = push_lock(self.destination.label)
        # A drain holds the same lock for a batch at a time.
        wait = max(self.wait_seconds, BATCH_SECONDS) if self.merges_first else self.wait_seconds
        with self.ops() as ops, postgres.session_lock(ops, lock, wait_seconds=wait, busy=BUSY):
            yield ops

    def ops(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        return postgres.connect(self.ops_url, what=OPS, session=SESSION)

    def source(self) -> contextlib.AbstractContextManager[postgres.Connection]:
        """A connection to TabuladorMax whose values are written as the hashes need them."""
        session = {**rendering.SESSION, **(LOCK_LIMIT if self.merges_first else {})}
        return postgres.connect(self.source_url, what=WHAT, session=session)

    def doctor(self) -> SchemaDoctor:
        return SchemaDoctor(
            source_url=self.source_url,
            client_factory=self.destination.client,
            ops_url=self.ops_url,
            destination=self.destination.label,
            clock=self.clock,
        )

    def reload_cache(self) -> object:
        """Reload the destination's schema cache, and wait until writes find every column that a push maps.

        The doctor's cached report expires before and after: before, because the columns must be the live ones.
        Raises what `reload_schema` raises.
        """
        doctor = self.doctor()
        with self.source() as connection, self.destination.client() as client:
            doctor.forget()
            mapping = self.examine(connection).mapping
            done = self.reload(client, mapping.columns)
            doctor.forget()
        return done

    def _job_run(
        self, stack: ExitStack, work: ExportWork, job: ExportJob, *, ops: postgres.Connection, run_id: str
    ) -> JobRun:
        report = self._require_fit(work, job)
        client = stack.enter_context(self.destination.client())
        parts = PushParts(self, stack, report, client=client, ops=ops, run_id=run_id)
        last_synced = LastSynced(ops, self.destination.label)
        options = PushOptions.from_document(job.options)
        if options.compare or self.merges_first:
            options = replace(options, compare=self._has_collected() and options.compare)
        parts.settle(work.connection)
        reader = parts.reader(work.connection)
        assert job.watermark is not None
        days = job_range.days_of(job, reader, self.zone)
        total = job.total_leads
        if total == 0:
            total = job_range.count_leads(job, days, reader, zone=self.zone)
            work.set_total(job.id, total)
        engine = PushEngine(
            reader=reader,
            # Most pushes are of a few leads: a second thread would only open its connections.
            batchers=[
                parts.batcher(reader, options) for _ in range(BATCHERS if total > self.batch_size else 1)
            ],
            sender=Sender(client, report.mapping.columns),
            progress=Progress(connection=work.connection, jobs=work, job_id=job.id, run_id=run_id),
            prover=parts.prover(last_synced),
            zone=self.zone,
            watermark=job.watermark,
            in_flight=self.in_flight,
            probe=self.probe,
        )
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
        """Collect people's changes at the destination into the inbox: a push must not undo them.

        If that fails nothing is compared: the push rests on earlier readings, and its proof says so.
        """
        if not self.uses_outbox:
            return True
        try:
            ReverseSync(self.ops_url, self.source_url, push=self, uses_outbox=True).collect()
        except SyncError as error:
            _log.warning("Unchanged leads are not compared: %s", error)
            return False
        return True

    def examine(
        self, connection: postgres.Connection, job: ExportJob | None = None, *, fresh: bool = False
    ) -> SchemaReport:
        """The doctor's report on the mapping of a push: a job's own, else the default preset, else the default mapping.

        Raises PermanentError if the stored document is no mapping.
        """
        return self.doctor().examine_push(connection, job, fresh=fresh)

    def connection_test(self) -> ConnectionTest:
        """A test of the destination, and of what the application's screen stores about it."""
        with self.source() as connection:
            configuration = read_configuration(connection)
            try:
                columns = self.examine(connection).mapping.columns
            except (SyncError, SettingsError):
                columns = (KEY, "updated_at")  # the test itself reports what is wrong
        return ConnectionTest(
            url=self.destination.url,
            key=self.destination.known_key(),
            client_factory=self.destination.client,
            columns=columns,
            configuration=configuration,
            clock=self.clock,
        )
