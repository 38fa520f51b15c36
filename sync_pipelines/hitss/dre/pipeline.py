"""The DRE from download to proof, without Dagster: what the assets, the command line and the benchmark call.

Replaces the Edge Functions `hitss-automation`, `hitss-data-processor` and `execute-dre-automation`. An export goes from
`extract` over `validate` to its report. A load opens a `LoadRun`; a month of it goes from the `LoaderPool` to a
`MonthLoader` (load), which calls `prove_month` before it commits, and then to the `LoadReport`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.dre.baseline import read_baseline, read_proved_months
from sync_pipelines.hitss.dre.credentials import CredentialSource
from sync_pipelines.hitss.dre.extract import ExportClient, download_export, export_client
from sync_pipelines.hitss.dre.foreign_rows import set_aside_foreign_rows
from sync_pipelines.hitss.dre.guards import Review, review_foreign_rows, review_months, review_rows
from sync_pipelines.hitss.dre.landed_workbook import LandedWorkbook, read_contents
from sync_pipelines.hitss.dre.lines import MonthContent
from sync_pipelines.hitss.dre.live_tables import LiveTables, read_live_tables
from sync_pipelines.hitss.dre.load_run import LoadRun, open_load
from sync_pipelines.hitss.dre.pending import Pending, find_pending
from sync_pipelines.hitss.dre.plan import LoadPlan
from sync_pipelines.hitss.dre.report import ExportReport, LoadReport, log_export
from sync_pipelines.hitss.dre.tables import CHAIN, EXPORT
from sync_pipelines.hitss.dre.validate import Validator, rejected_by_month
from sync_pipelines.hitss.dre.window import Window
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.downloads import Download
from sync_pipelines.lib.records import Records, open_records, run_log
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore
from sync_pipelines.lib.storage.local_files import disk_errors_about
from sync_pipelines.settings.hitss import HitssSettings

#: How long a run waits for another run of the chain before it gives up, in seconds.
CHAIN_WAIT = 600.0


class Comparison(NamedTuple):
    """The newest usable workbook against the four tables as they are now."""

    landing: Landing
    contents: Mapping[str, MonthContent]
    live: LiveTables
    pending: Pending


class _OpenRun(NamedTuple):
    """What is open over one run: its row in the application's run log, and our own records."""

    execution: run_log.Execution
    records: Records


@dataclass(frozen=True)
class DrePipeline:
    """The DRE of one company: its database, our records, the landing store, the clock, the way to HITSS."""

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    store: LandingStore
    company: str
    first_month: date
    zone: ZoneInfo
    credentials: CredentialSource
    http: Callable[[], ExportClient] = export_client
    clock: Callable[[], datetime] = lambda: datetime.now().astimezone()
    wait_seconds: float = CHAIN_WAIT
    #: Called with a sentence on what is going on, for a person at a terminal.
    progress: Callable[[str], None] = lambda sentence: None

    @classmethod
    def from_settings(cls, settings: HitssSettings) -> Self:
        """Raises SettingsError for a database that is not set."""
        return cls(
            database_url=settings.fabricio_url,
            ops_url=settings.ops_url,
            store=settings.landing_store,
            company=settings.hitss_empresa,
            first_month=settings.first_month,
            zone=settings.zone,
            credentials=CredentialSource(settings),
            http=partial(export_client, ca_bundle=settings.hitss_ca_bundle),
        )

    def today(self) -> date:
        return self.clock().astimezone(self.zone).date()

    def window(self) -> Window:
        """From the configured first month to the current one, computed for each run."""
        return Window.until(self.today(), self.first_month)

    def download(
        self, run_id: str, *, accepted: Collection[str] = (), on_wait: Callable[[float], None] | None = None
    ) -> ExportReport:
        """Download the export, keep it, validate it, and say which months differ from what is published.

        Raises SyncError if there is no usable workbook or a guard on the file does not hold; the raw file and the
        rejects are kept all the same.
        """
        window = self.window()  # once: a month may begin while HITSS answers
        with self._open(run_id, "download", "Iniciando o download do DRE da HITSS.") as run:
            file, download = self._extract(window, on_wait)
            return self._validate(run, file, window=window, accepted=accepted, download=download)

    def validate(self, run_id: str, file: LandedFile, *, accepted: Collection[str] = ()) -> ExportReport:
        """Validate a file that is in the landing store already, as `download` does with a new one."""
        with self._open(run_id, "examine", "Examinando uma planilha guardada.") as run:
            return self._validate(run, file, window=self.window(), accepted=accepted)

    @contextmanager
    def load(
        self,
        run_id: str,
        months: Sequence[str],
        *,
        selected: Sequence[str] = CHAIN,
        workbook: str | None = None,
        accepted: Collection[str] = (),
    ) -> Iterator[LoadRun]:
        """Open a load of `months` from the newest usable workbook, or from the landed file `workbook`.

        Each month is loaded, proved and reported as the caller asks for it. Raises SyncError if there is no workbook,
        or if a guard on the file does not hold. Months that a guard blocks fail one by one.
        """
        started = f"Iniciando a carga de {len(months)} meses do DRE."
        with self._open(run_id, "load", started) as run:
            landing = _required(run.records.landings.newest(EXPORT, path=workbook))
            plan = self._plan(run, landing, months, selected=selected, accepted=accepted)
            report = LoadReport(
                execution=run.execution, records=run.records, selected=selected, progress=self.progress
            )
            with open_load(self.database_url, months, plan, report=report) as load:
                yield load

    def read_live_tables(self, months: Collection[str] | None = None) -> LiveTables:
        """What the four tables hold now, of `months` or of all."""
        return read_live_tables(self.database_url, self.company, months)

    def compare(self, records: Records) -> Comparison | None:
        """The newest usable workbook against the tables as they are now; None before the first workbook."""
        landing = records.landings.newest(EXPORT)
        if landing is None:
            return None
        contents, live = read_contents(records, landing), self.read_live_tables()
        pending = find_pending(live, contents, self.window())
        return Comparison(landing=landing, contents=contents, live=live, pending=pending)

    def newest_landing(self) -> Landing:
        """The newest usable workbook; PermanentError if there is none."""
        with open_records(self.ops_url) as records:
            return _required(records.landings.newest(EXPORT))

    def contents(self, landing: Landing) -> dict[str, MonthContent]:
        """What a usable workbook holds by month."""
        with open_records(self.ops_url) as records:
            return read_contents(records, landing)

    @contextmanager
    def _open(self, run_id: str, phase: str, started: str) -> Iterator[_OpenRun]:
        """The row in the run log, the lock of the chain and the records of one run."""
        with (
            run_log.open_execution(
                self.database_url,
                tables.EXECUTIONS,
                run_id=run_id,
                what=FABRICIO,
                started=started,
                details={"phase": phase},
            ) as execution,
            postgres.session_lock(
                execution.connection,
                postgres.lock_key("hitss", "chain"),
                wait_seconds=self.wait_seconds,
                busy="Another run of the DRE chain is at work and did not end in time; try again later.",
            ),
            open_records(self.ops_url) as records,
        ):
            yield _OpenRun(execution, records)

    def _extract(
        self, window: Window, on_wait: Callable[[float], None] | None
    ) -> tuple[LandedFile, Download]:
        """Download the export and keep it as it came."""
        credentials, (start, end) = self.credentials.read(), window.days
        with (
            disk_errors_about("The HITSS export"),
            self.store.incoming(EXPORT, ".xlsx") as target,
            self.http() as client,
        ):
            download = download_export(client, credentials, start, end=end, target=target, on_wait=on_wait)
            return self.store.keep(target, EXPORT, ".xlsx"), download

    def _validate(
        self,
        run: _OpenRun,
        file: LandedFile,
        *,
        window: Window,
        accepted: Collection[str],
        download: Download | None = None,
    ) -> ExportReport:
        """Record a landed file, validate it, and report which months it changes."""
        execution, records = run.execution, run.records
        landed_id = records.landings.record(
            EXPORT, file, run_id=execution.run_id, details={"window": [window.first, window.last]}
        )
        live = self.read_live_tables()
        found = Validator(
            store=self.store,
            records=records,
            connection=execution.connection,
            window=window,
            accepted=frozenset(accepted),
            today=self.today(),
            live=live,
        ).validate(file, landed_id, execution.run_id)
        landing = _required(records.landings.newest(EXPORT, path=file.path))
        pending = find_pending(live, found.contents, window)
        report = ExportReport(landing=landing, download=download, validation=found, pending=pending)
        log_export(execution, report, self.today())
        return report

    def _plan(
        self,
        run: _OpenRun,
        landing: Landing,
        months: Sequence[str],
        *,
        selected: Sequence[str],
        accepted: Collection[str],
    ) -> LoadPlan:
        """What the load writes, after the guards: an earlier acceptance of this workbook counts too."""
        execution, records = run.execution, run.records
        workbook = LandedWorkbook(
            store=self.store,
            path=landing.path,
            sha256=landing.sha256,
            window=Window(*landing.details["window"]),
            accepted=frozenset(accepted) | set(landing.details.get("accepted", ())),
        )
        contents, rejected = _contents(records, landing, workbook)
        live = self.read_live_tables(months)
        proved = read_proved_months(records, self.window().first)
        baseline = read_baseline(execution.connection, contents, proved, live=live)
        if landing.status == "usable":
            file = review_foreign_rows(baseline, workbook.accepted)
        else:  # a guard refused this workbook: naming it is no acceptance
            file = review_rows(workbook.parsed(), baseline, workbook.accepted)
        Review(file).stop_if_refused()
        if baseline.foreign_rows:
            moved = set_aside_foreign_rows(execution.connection, execution.id)
            execution.log("WARN", f"{moved} linhas de outra origem foram guardadas à parte.")
        blocked = review_months(contents, baseline, self.today(), accepted=workbook.accepted)
        return LoadPlan(
            workbook=workbook,
            contents=contents,
            proofs={name: records.proofs.newest(f"hitss/{name}") for name in CHAIN},
            live=live,
            execution_id=execution.id,
            empresa=self.company,
            rejected=rejected,
            blocked=blocked if "dre_lines" in selected else {},
            selected=selected,
        )


def _contents(
    records: Records, landing: Landing, workbook: LandedWorkbook
) -> tuple[Mapping[str, MonthContent], Mapping[str, int]]:
    """What a workbook holds by month, and how many rows of it were rejected: recorded, or read from the file."""
    if landing.status == "usable":
        return read_contents(records, landing), landing.details["rejected_by_month"]
    parsed = workbook.parsed()
    return parsed.contents(), rejected_by_month(parsed)


def _required(landing: Landing | None) -> Landing:
    if landing is None:
        raise PermanentError("No usable HITSS workbook has been landed yet; run hitss/dre_export first.")
    return landing
