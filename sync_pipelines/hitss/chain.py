"""The DRE from download to proof, without Dagster: what the assets, the command line and the benchmark call.

Replaces the Edge Functions `hitss-automation`, `hitss-data-processor` and `execute-dre-automation`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from sync_pipelines.hitss import loading, rejects, tables
from sync_pipelines.hitss.client import download_export, export_client
from sync_pipelines.hitss.guards import Review, foreign_rows, review_months, review_rows, review_size
from sync_pipelines.hitss.lines import EMPTY_MONTH, MonthContent, ParsedExport
from sync_pipelines.hitss.loading import CHAIN, MonthLoader, Outcome
from sync_pipelines.hitss.workbook import Window, parse_workbook
from sync_pipelines.lib import executions, postgres, xlsx
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.http import Download, HttpClient
from sync_pipelines.lib.landing import LandedFile, LandingStore
from sync_pipelines.lib.ledger import Landing, Ledger, open_ledger
from sync_pipelines.lib.proof import Proof
from sync_pipelines.settings import Settings

EXPORT = "hitss/dre_export"
PROJECT = "the fabricio database"
#: How long a run waits for another run of the chain before it gives up, in seconds.
CHAIN_WAIT = 600.0


@dataclass(frozen=True)
class Pending:
    """Months that are not as the workbook says, sorted: `changed` in money, `refresh` only in people.

    `restated` are those of `changed` whose budget was rewritten after it had been loaded: reported, allowed.
    """

    changed: tuple[str, ...]
    refresh: tuple[str, ...]
    restated: tuple[str, ...]


@dataclass(frozen=True)
class ExportReport:
    """What a download brought: the landed file, its content by month, and what a load would change."""

    landing: Landing
    download: Download
    rows: int
    rejected: int
    reject_book: str | None
    pending: Pending
    same_as: str | None
    review: Review


@dataclass
class LoadSession:
    """An open load: call `load` month by month, then `finish`."""

    loader: MonthLoader
    ledger: Ledger
    landing: Landing
    run_id: str
    execution: executions.Execution
    failures: dict[str, str] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    progress: Callable[[str], None] = lambda sentence: None

    def load(self, month: str) -> dict[str, Outcome]:
        """Load, prove and record one month; a failure is recorded too, and raised."""
        try:
            outcomes = self.loader.load(month)
        except SyncError as error:
            self.failures[month] = str(error)
            problem = [
                (f"hitss/{name}", month, "", Proof({}, {}), str(error)) for name in self.loader.selected
            ]
            self.ledger.record_proofs(self.run_id, problem)
            self.execution.log("ERROR", str(error), {"month": month})
            raise
        self.ledger.record_proofs(
            self.run_id,
            [(f"hitss/{name}", month, o.version, o.proof, None) for name, o in outcomes.items()],
        )
        self._count(outcomes)
        rows = sum(outcome.changes.touched for outcome in outcomes.values())
        self.progress(f"{month[:7]}: {rows} rows written, proved.")
        return outcomes

    def _count(self, outcomes: Mapping[str, Outcome]) -> None:
        for name, outcome in outcomes.items():
            self.totals[f"{name} loaded"] += outcome.changes.written
            self.totals[f"{name} unchanged"] += outcome.changes.unchanged
            self.totals[f"{name} deleted"] += outcome.changes.deleted
            self.totals[f"{name} rejected"] += outcome.rejected
        # The rows a person means by "processed": those of the first table of the chain that was asked for.
        first = next(iter(outcomes.values()))
        self.execution.processed += first.changes.written + first.changes.unchanged
        self.execution.failed += first.rejected
        self.execution.details = {"months_failed": sorted(self.failures), **self.totals}


@dataclass(frozen=True)
class DreChain:
    """The system with its settings, its clock and its way out to the network."""

    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now().astimezone()
    http: Callable[[], HttpClient] | None = None
    wait_seconds: float = CHAIN_WAIT
    #: Told what is going on, for whoever watches a terminal.
    progress: Callable[[str], None] = lambda sentence: None

    @property
    def store(self) -> LandingStore:
        return LandingStore(self.settings.landing_root)

    def today(self) -> date:
        return self.clock().astimezone(self.settings.zone).date()

    def window(self) -> Window:
        """From the configured first month to the current one, computed for each run."""
        return Window(self.settings.first_month.isoformat(), self.today().replace(day=1).isoformat())

    @contextmanager
    def _open(self, run_id: str, phase: str, started: str) -> Iterator[tuple[executions.Execution, Ledger]]:
        """The execution record, the lock of the chain and the ledger of one run."""
        url = self.settings.require("fabricio_database_url")
        with (
            executions.execution(
                url, tables.EXECUTIONS, run_id=run_id, what=PROJECT, started=started, details={"phase": phase}
            ) as record,
            postgres.session_lock(
                record.connection,
                postgres.lock_key("hitss", "chain"),
                wait_seconds=self.wait_seconds,
                busy="Another run of the DRE chain is at work and did not end in time; try again later.",
            ),
            open_ledger(self.settings.require("ops_database_url")) as ledger,
        ):
            yield record, ledger

    def download(
        self, run_id: str, *, accepted: Collection[str] = (), on_wait: Callable[[float], None] | None = None
    ) -> ExportReport:
        """Download the export, keep it, look at it, and say which months differ from what is published.

        Raises SyncError when there is no usable workbook or a guard on the file does not hold; the raw file
        and the rejects are kept all the same.
        """
        window = self.window()
        with self._open(run_id, "download", "Iniciando o download do DRE da HITSS.") as (record, ledger):
            url = self.settings.require("hitss_download_url")
            with self.store.incoming(EXPORT, ".xlsx") as target, self._client() as client:
                answer = download_export(client, url, *window.days, target, on_wait=on_wait)
                file = self.store.keep(target, EXPORT, ".xlsx")
            details = {"window": [window.first, window.last], "content_type": answer.content_type}
            landed_id = ledger.land(EXPORT, file, run_id, details)
            try:
                report = self._index(record, ledger, landed_id, file, answer, window, accepted)
            except SyncError as error:
                ledger.mark_refused(landed_id, str(error))
                raise
            changed = report.pending.changed
            record.details = {"bytes": file.bytes, "rows": report.rows, "months_changed": list(changed)}
            record.processed, record.failed = report.rows - report.rejected, report.rejected
            same = f"{len(changed)} meses com alterações" if changed else "sem alterações"
            record.log("INFO", f"Planilha recebida: {report.rows} linhas, {same}.", record.details)
            for violation in report.review.months.values():
                record.log("WARN", str(violation))
            return report

    def _client(self) -> HttpClient:
        if self.http is not None:
            return self.http()
        return export_client(ca_bundle=self.settings.hitss_ca_bundle)

    def _index(
        self,
        record: executions.Execution,
        ledger: Ledger,
        landed_id: int,
        file: LandedFile,
        answer: Download,
        window: Window,
        accepted: Collection[str],
    ) -> ExportReport:
        inspection = xlsx.inspect(self.store.locate(file.path))
        twin = ledger.newest(EXPORT, sheet_digest=self._sheet_key(inspection, window, accepted))
        book = None
        if twin is not None:
            contents = contents_of(ledger, twin)
            rows, rejected = int(twin.details["rows"]), int(twin.details["rejected"])
            rejected_by_month = dict(twin.details["rejected_by_month"])
            published = loading.published(record.connection, contents)
            violations = review_size(rows, rejected, published, accepted)
        else:
            parsed = parsed_file(self.store.locate(file.path), file.sha256, window, frozenset(accepted))
            contents = parsed.contents()
            rows, rejected = parsed.rows_read, len(parsed.rejects)
            rejected_by_month = dict(Counter(reject.month for reject in parsed.rejects if reject.month))
            if parsed.rejects:
                book = rejects.keep(parsed.rejects, ledger, self.store, record.run_id, landed_id)
            published = loading.published(record.connection, contents)
            violations = review_rows(parsed, published, accepted)
        review = Review(violations, review_months(contents, published, self.today(), accepted))
        review.stop_if_refused()
        ledger.mark_usable(
            landed_id,
            content_digest=content_digest(contents),
            sheet_digest=self._sheet_key(inspection, window, accepted),
            details={
                "rows": rows,
                "rejected": rejected,
                "rejected_by_month": rejected_by_month,
                "reject_book": book,
                "accepted": sorted(accepted),
            },
            contents={month: content.as_json() for month, content in contents.items()},
        )
        landing = ledger.newest(EXPORT, path=file.path)
        assert landing is not None
        pending = pending_months(ledger, contents, self.settings.hitss_empresa)
        return ExportReport(
            landing, answer, rows, rejected, book, pending, twin.path if twin else None, review
        )

    @staticmethod
    def _sheet_key(inspection: xlsx.Inspection, window: Window, accepted: Collection[str]) -> str:
        """What the result of reading a sheet depends on: its XML, the window, what was accepted."""
        parts = (inspection.digest, window.first, window.last, *sorted(accepted))
        return sha256("\x1f".join(parts).encode()).hexdigest()

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
            ledger,
        ):
            landing = ledger.newest(EXPORT, path=workbook)
            if landing is None:
                raise PermanentError(
                    "No usable HITSS workbook has been landed yet; run hitss/dre_export first."
                )
            accepted = frozenset(accepted) | set(landing.details.get("accepted", ()))
            contents, rejected = self._contents(ledger, landing, accepted)
            published = loading.published(record.connection, contents)
            Review(tuple(v for v in foreign_rows(published) if v.guard not in accepted)).stop_if_refused()
            if published.foreign_rows:
                kept = loading.set_aside_foreign_rows(record.connection, record.id)
                record.log("WARN", f"{kept} linhas de outra origem foram guardadas à parte.")
            loader = MonthLoader(
                record.connection,
                tuple(months),
                contents,
                lambda: self._parsed(landing, accepted),
                {name: ledger.proofs(f"hitss/{name}") for name in selected},
                record.id,
                self.settings.hitss_empresa,
                rejected,
                review_months(contents, published, self.today(), accepted) if "dre_lines" in selected else {},
                selected,
            )
            yield LoadSession(loader, ledger, landing, run_id, record, progress=self.progress)

    def _parsed(self, landing: Landing, accepted: Collection[str]) -> ParsedExport:
        window = Window(*landing.details["window"])
        return parsed_file(self.store.locate(landing.path), landing.sha256, window, frozenset(accepted))

    def _contents(
        self, ledger: Ledger, landing: Landing, accepted: Collection[str]
    ) -> tuple[dict[str, MonthContent], dict[str, int]]:
        if landing.status == "usable":
            return contents_of(ledger, landing), landing.details["rejected_by_month"]
        parsed = self._parsed(landing, accepted)
        return parsed.contents(), dict(Counter(reject.month for reject in parsed.rejects if reject.month))


@lru_cache(maxsize=1)
def parsed_file(path: Path, digest: str, window: Window, accepted: frozenset[str]) -> ParsedExport:
    """A landed file's rows. The last one is kept: in one process the load follows the download.

    `digest` is part of the key because it is the file's identity.
    """
    return parse_workbook(path, xlsx.inspect(path), window, accepted)


def contents_of(ledger: Ledger, landing: Landing) -> dict[str, MonthContent]:
    """What a usable workbook holds by month, from the index."""
    return {month: MonthContent.from_json(content) for month, content in ledger.contents(landing.id).items()}


def content_digest(contents: Mapping[str, MonthContent]) -> str:
    """The digest of a whole export's content, whatever the order of its rows and the bytes of its file."""
    text = json.dumps({month: str(content.full) for month, content in sorted(contents.items())})
    return sha256(text.encode()).hexdigest()


def pending_months(ledger: Ledger, contents: Mapping[str, MonthContent], empresa: str) -> Pending:
    """Compare what the workbook holds with what was last proved, table by table."""
    proved = {
        asset: {
            month: proof.source_version
            for month, proof in ledger.proofs(f"hitss/{asset}").items()
            if proof.holds
        }
        for asset in CHAIN
    }
    changed, refresh, restated = [], [], []
    for month in sorted(contents.keys() | proved["dre_lines"].keys()):
        content = contents.get(month, EMPTY_MONTH)
        wanted = {
            asset: loading.version_of(asset, content, empresa)
            for asset in CHAIN
            if content.full.rows or month in proved[asset]
        }
        if any(wanted[asset] != proved[asset].get(month) for asset in wanted if asset != "dre_lines"):
            changed.append(month)
            before = proved["dre_orcado"].get(month, wanted.get("dre_orcado"))
            if before != wanted.get("dre_orcado"):
                restated.append(month)
        elif wanted and wanted["dre_lines"] != proved["dre_lines"].get(month):
            refresh.append(month)
    return Pending(tuple(changed), tuple(refresh), tuple(restated))
