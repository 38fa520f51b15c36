"""The DRE from download to proof, without Dagster: what the assets, the command line and the benchmark call.

Replaces the Edge Functions `hitss-automation`, `hitss-data-processor` and `execute-dre-automation`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock

from sync_pipelines.hitss.dre import published as before
from sync_pipelines.hitss.dre import tables
from sync_pipelines.hitss.dre.credentials import credentials
from sync_pipelines.hitss.dre.extract import ExportClient, download_export, export_client
from sync_pipelines.hitss.dre.guards import (
    Published,
    Review,
    Violation,
    foreign_rows,
    review_months,
    review_rows,
)
from sync_pipelines.hitss.dre.lines import MonthContent, ParsedExport
from sync_pipelines.hitss.dre.pending import Pending, contents_of, pending_months
from sync_pipelines.hitss.dre.plan import LoadPlan
from sync_pipelines.hitss.dre.prove import CHAIN, Live, read_live
from sync_pipelines.hitss.dre.session import LoadSession, open_session
from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.hitss.dre.validate import (
    EXPORT,
    Examination,
    Examiner,
    content_digest,
    parsed_file,
    rejected_by_month,
)
from sync_pipelines.hitss.dre.workbook import Window
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.http.downloads import Download
from sync_pipelines.lib.records import Records, open_records, run_log
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore, told_when_full
from sync_pipelines.settings.hitss import HitssSettings

#: How long a run waits for another run of the chain before it gives up, in seconds.
CHAIN_WAIT = 600.0


@dataclass(frozen=True)
class ExportReport:
    """What a download brought: the landed file, what is in it, and what a load would change."""

    landing: Landing
    download: Download | None
    found: Examination
    pending: Pending


@dataclass(frozen=True)
class DrePipeline:
    """The system with its settings, its clock and its way out to the network."""

    settings: HitssSettings
    clock: Callable[[], datetime] = lambda: datetime.now().astimezone()
    http: Callable[[], ExportClient] | None = None
    wait_seconds: float = CHAIN_WAIT
    #: Told what is going on, for whoever watches a terminal.
    progress: Callable[[str], None] = lambda sentence: None

    @property
    def store(self) -> LandingStore:
        return self.settings.landing_store

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    def window(self) -> Window:
        """From the configured first month to the current one, computed for each run."""
        return Window(self.settings.first_month.isoformat(), self.today().replace(day=1).isoformat())

    def look(self, months: Collection[str] | None = None) -> Live:
        """What the tables hold now, of `months` or of all."""
        url = self.settings.fabricio_url
        return read_live(url, self.settings.hitss_empresa, months)

    @contextmanager
    def _open(self, run_id: str, phase: str, started: str) -> Iterator[tuple[run_log.Execution, Records]]:
        """The execution record, the lock of the chain and the ops records of one run."""
        url = self.settings.fabricio_url
        with (
            run_log.execution(
                url, tables.EXECUTIONS, run_id=run_id, what=PROJECT, started=started, details={"phase": phase}
            ) as record,
            postgres.session_lock(
                record.connection,
                postgres.lock_key("hitss", "chain"),
                wait_seconds=self.wait_seconds,
                busy="Another run of the DRE chain is at work and did not end in time; try again later.",
            ),
            open_records(self.settings.ops_url) as records,
        ):
            yield record, records

    def download(
        self, run_id: str, *, accepted: Collection[str] = (), on_wait: Callable[[float], None] | None = None
    ) -> ExportReport:
        """Download the export, keep it, look at it, and say which months differ from what is published.

        Raises SyncError when there is no usable workbook or a guard on the file does not hold; the raw file
        and the rejects are kept all the same.
        """
        window = self.window()
        with self._open(run_id, "download", "Iniciando o download do DRE da HITSS.") as (record, records):
            known = credentials(self.settings)
            with (
                told_when_full("The HITSS export"),
                self.store.incoming(EXPORT, ".xlsx") as target,
                self._client() as client,
            ):
                answer = download_export(client, known, *window.days, target, on_wait=on_wait)
                file = self.store.keep(target, EXPORT, ".xlsx")
            return self._examine(record, records, file, window=window, accepted=accepted, answer=answer)

    def examine(self, run_id: str, file: LandedFile, *, accepted: Collection[str] = ()) -> ExportReport:
        """Look at a file that is in the landing store already, as `download` does at a new one."""
        with self._open(run_id, "examine", "Examinando uma planilha guardada.") as (record, records):
            return self._examine(record, records, file, window=self.window(), accepted=accepted, answer=None)

    def _client(self) -> ExportClient:
        if self.http is not None:
            return self.http()
        return export_client(ca_bundle=self.settings.hitss_ca_bundle)

    def _examine(
        self,
        record: run_log.Execution,
        records: Records,
        file: LandedFile,
        window: Window,
        accepted: Collection[str],
        answer: Download | None,
    ) -> ExportReport:
        """Enter a landed file, look at it, and enter what it holds; what refuses it is entered too."""
        landed_id = records.landings.record(
            EXPORT, file, run_id=record.run_id, details={"window": [window.first, window.last]}
        )
        live = self.look()
        examiner = Examiner(
            store=self.store,
            records=records,
            connection=record.connection,
            window=window,
            accepted=accepted,
            today=self.today(),
            live=live,
        )
        try:
            found = examiner.examine(file, landed_id, record.run_id)
        except SyncError as error:
            records.landings.mark_refused(landed_id, str(error))
            raise
        records.landings.mark_usable(
            landed_id,
            content_digest=content_digest(found.contents),
            sheet_digest=found.sheet_key,
            details=found.details(accepted),
            contents={month: content.as_json() for month, content in found.contents.items()},
        )
        records.proofs.record(
            record.run_id, before.accepted_as_gone(records, found.contents, live, accepted=accepted)
        )
        landing = records.landings.newest(EXPORT, path=file.path)
        assert landing is not None
        pending = pending_months(live, found.contents, window)
        report = ExportReport(landing=landing, download=answer, found=found, pending=pending)
        record.processed, record.failed = found.rows - found.rejected, found.rejected
        record.details = {"bytes": file.bytes, "rows": found.rows, "months_changed": list(pending.changed)}
        same = f"{len(pending.changed)} meses com alterações" if pending.changed else "sem alterações"
        record.log("INFO", f"Planilha recebida: {found.rows} linhas, {same}.", record.details)
        for violation in found.review.months.values():
            record.log("WARN", violation.portuguese)
        for restated in found.restated:
            record.log("WARN" if restated.vanished else "INFO", restated.portuguese)
        if found.ends_early(self.today()):
            record.log("WARN", f"A planilha termina cedo: {found.newest_realizado or 'sem Realizado'}.")
        return report

    def newest_landing(self) -> Landing:
        """The newest usable workbook; PermanentError when there is none."""
        with open_records(self.settings.ops_url) as records:
            return _found(records.landings.newest(EXPORT))

    def contents(self, landing: Landing) -> dict[str, MonthContent]:
        """What a usable workbook holds by month."""
        with open_records(self.settings.ops_url) as records:
            return contents_of(records, landing)

    @contextmanager
    def load(
        self,
        run_id: str,
        months: Sequence[str],
        *,
        selected: Collection[str] = CHAIN,
        workbook: str | None = None,
        accepted: Collection[str] = (),
    ) -> Iterator[LoadSession]:
        """Open a load of `months` from the newest usable workbook, or from the landed file `workbook`.

        Raises SyncError when there is none, or when a guard on the file does not hold. Months that a guard
        blocks fail one by one.
        """
        with self._open(run_id, "load", f"Iniciando a carga de {len(months)} meses do DRE.") as (
            record,
            records,
        ):
            landing = _found(records.landings.newest(EXPORT, path=workbook))
            accepted = frozenset(accepted) | set(landing.details.get("accepted", ()))
            contents, rejected = self._contents(records, landing, accepted)
            live = self.look(months)
            proofs = {name: records.proofs.newest(f"hitss/{name}") for name in CHAIN}
            proved = before.proved_months(records, self.window().first)
            published = before.published(record.connection, contents, proved, live=live.lines)
            Review(self._violations(landing, published, accepted)).stop_if_refused()
            if published.foreign_rows:
                kept = before.set_aside_foreign_rows(record.connection, record.id)
                record.log("WARN", f"{kept} linhas de outra origem foram guardadas à parte.")
            blocked = review_months(contents, published, self.today(), accepted=accepted)
            url = self.settings.fabricio_url
            parsing = Lock()

            def parse() -> ParsedExport:
                # Two connections ask at once; the workbook is to be read by the first only.
                with parsing:
                    return self._parsed(landing, accepted)

            plan = LoadPlan(
                contents=contents,
                parse=parse,
                proofs=proofs,
                live=live,
                execution_id=record.id,
                empresa=self.settings.hitss_empresa,
                rejected=rejected,
                blocked=blocked if "dre_lines" in selected else {},
                selected=selected,
            )
            with open_session(
                url,
                months,
                plan,
                records=records,
                execution=record,
                progress=self.progress,
            ) as session:
                yield session

    def _violations(
        self, landing: Landing, published: Published, accepted: Collection[str]
    ) -> tuple[Violation, ...]:
        """The guards on the file: a workbook that was refused is asked them again when it is named."""
        if landing.status != "usable":
            return review_rows(self._parsed(landing, accepted), published, accepted)
        return tuple(v for v in foreign_rows(published) if v.guard not in accepted)

    def _parsed(self, landing: Landing, accepted: Collection[str]) -> ParsedExport:
        window = Window(*landing.details["window"])
        return parsed_file(
            self.store, landing.path, landing.sha256, window=window, accepted=frozenset(accepted)
        )

    def _contents(
        self, records: Records, landing: Landing, accepted: Collection[str]
    ) -> tuple[dict[str, MonthContent], dict[str, int]]:
        if landing.status == "usable":
            return contents_of(records, landing), landing.details["rejected_by_month"]
        parsed = self._parsed(landing, accepted)
        return parsed.contents(), rejected_by_month(parsed)


def _found(landing: Landing | None) -> Landing:
    if landing is None:
        raise PermanentError("No usable HITSS workbook has been landed yet; run hitss/dre_export first.")
    return landing
