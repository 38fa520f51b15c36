"""A segment from the CRM to proof, without Dagster: what the assets, the command line and a test call."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib import progress as shown
from sync_pipelines.lib.acceptance import known_words
from sync_pipelines.lib.cancellation import Cancellation, interrupted_by
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.load import DetailLoader
from sync_pipelines.sprinthub.leads.mass_rejection import MASS_REJECTION
from sync_pipelines.sprinthub.leads.snapshot import MASS_LEAVING
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segment_run import TOTAL_MISMATCH, DetailsError, SegmentRun
from sync_pipelines.sprinthub.segments.execution import SegmentRuns, SegmentWork
from sync_pipelines.sprinthub.segments.steward import SegmentBusyError
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

ACCEPTS = (MASS_LEAVING, MASS_REJECTION, TOTAL_MISMATCH)
#: The tables of which a run must see every row.
TABLES = (
    "api.leads",
    "public.sync_segments_control",
    "public.sync_segments_logs",
    "sync_private.segment_leads",
    "sync_private.segment_membership",
    "sync_private.lead_details",
    "sync_private.segments",
)
#: A row of `api.leads` that somebody keeps locked must not hold a run for ever; other segments' runs hold it briefly.
_SESSION = {"lock_timeout": "2min"}


@dataclass(frozen=True)
class SegmentSync:
    """Syncs segments. The CRM's address and token are read when a run begins."""

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    store: LandingStore
    access: SprinthubAccess
    runs: SegmentRuns
    in_flight: int
    page_size: int
    refresh: timedelta
    gate: timedelta
    zone: ZoneInfo
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: SprinthubSettings) -> Self:
        return cls(
            database_url=settings.oficialmed_url,
            ops_url=settings.ops_url,
            store=settings.landing_store,
            access=SprinthubAccess(settings),
            runs=SegmentRuns.from_settings(settings),
            in_flight=settings.sprinthub_in_flight,
            page_size=settings.sprinthub_page_size,
            refresh=timedelta(days=settings.sprinthub_refresh_days),
            gate=timedelta(hours=settings.sprinthub_gate_hours),
            zone=settings.zone,
        )

    def sync(
        self,
        segment_id: int,
        *,
        run_id: str,
        full: bool = False,
        accept: Collection[str] = (),
        only_if_due: bool = False,
        progress: shown.Report = shown.silent,
        cancellation: Cancellation | None = None,
    ) -> SegmentOutcome:
        """Bring a segment up to date and prove it. `full` reads the details of all leads again.

        Raises SegmentBusyError if another run has the segment, DetailsError if only the list was stored, SyncError
        for everything else that ended the run; what was committed stays. Leads whose details did not come raise
        nothing: they are in `outcome.unread`, and the log row is an error. InterruptedRunError ends a run whose
        `cancellation` was asked for, whatever it waits for.
        """
        accepted, cancellation = known_words(accept, ACCEPTS), cancellation or Cancellation()
        run: SegmentRun | None = None
        try:
            with self.runs.execution(
                segment_id, run_id=run_id, only_if_due=only_if_due, is_full=full
            ) as work:
                if work.is_due:
                    with interrupted_by(cancellation), ExitStack() as stack:
                        run = self._open(
                            stack, work, accepted=accepted, progress=progress, cancellation=cancellation
                        )
                        run.sync(full=full, may_skip=only_if_due)
                return work.outcome
        except SegmentBusyError:
            raise
        except SyncError as error:
            # Not before: log row, control table and alerts go by the kind of the error itself.
            if run is None or not run.is_listed:
                raise
            raise DetailsError(error, run.outcome) from None

    def _open(
        self,
        stack: ExitStack,
        work: SegmentWork,
        *,
        accepted: frozenset[str],
        progress: shown.Report,
        cancellation: Cancellation,
    ) -> SegmentRun:
        """The connections and the client of one run; the stack closes them."""
        crm = stack.enter_context(self.access.client(f"segment {work.segment_id}", cancellation))
        records = stack.enter_context(open_records(self.ops_url))
        connection = stack.enter_context(
            postgres.connect(self.database_url, what=OFICIALMED, session=_SESSION)
        )
        cancellation.on_cancel(lambda: postgres.cancel_statement(connection))
        stack.enter_context(postgres.errors_about(OFICIALMED))
        require_sight(connection, TABLES, OFICIALMED)
        columns = LeadColumns.read(connection, zone=self.zone)
        loader = DetailLoader.open(
            connection,
            columns,
            rejects=records.rejects,
            run_id=work.run_id,
            clock=self.clock,
            work=work,
        )
        return SegmentRun(
            work=work,
            crm=crm,
            store=self.store,
            records=records,
            connection=connection,
            loader=loader,
            page_size=self.page_size,
            in_flight=self.in_flight,
            refresh=self.refresh,
            gate=self.gate,
            accepted=accepted,
            report=progress,
            pace=shown.Pace(),
        )
