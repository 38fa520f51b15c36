"""A connection from the ERP to proof, without Dagster: what the assets, the command line and a test call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from sync_pipelines.erp.analyses.credits import analyse_credits
from sync_pipelines.erp.analyses.functions import EdgeFunctions, FunctionsAccess
from sync_pipelines.erp.company.pipeline import ForeignCompanyError, sync_company
from sync_pipelines.erp.connections import sentences
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.credentials import CredentialsError, read_credentials
from sync_pipelines.erp.connections.execution import ConnectionRuns, ConnectionWork
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ERP, require_tables
from sync_pipelines.erp.invoices.guard import MASS_REJECTION
from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.erp.invoices.pipeline import sync_invoices
from sync_pipelines.erp.outcome import Module, ModuleOutcome, SyncOutcome
from sync_pipelines.erp.products.pipeline import sync_products
from sync_pipelines.erp.session import MASS_VANISHING, SyncSession
from sync_pipelines.erp.vendors.registry import VENDORS, VendorAccess
from sync_pipelines.erp.window import usual_months
from sync_pipelines.lib import postgres
from sync_pipelines.lib import progress as shown
from sync_pipelines.lib.acceptance import known_words
from sync_pipelines.lib.cancellation import Cancellation, interrupted_by
from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.settings.erp import ErpSettings

ACCEPTS = (MASS_VANISHING, MASS_REJECTION)
#: The tables of which a sync must see every row.
TABLES = (
    "public.erp_connections",
    "public.erp_sync_logs",
    "public.xml_imports",
    "public.xml_analysis",
    "public.company_profile",
    "public.company_ncm_analysis",
    "sync_private.invoices",
    "sync_private.products",
    "sync_private.product_catalogs",
    "sync_private.credit_analyses",
)
_OPS_TABLES = ("ops.landed_files", "ops.rejects", "ops.proofs", "ops.alerts", "ops.budget_calls")
#: A row that somebody keeps locked must not hold a sync for ever.
_SESSION = {"lock_timeout": "2min"}
_UNSERVED = "Os títulos financeiros ainda não são sincronizados por este sistema; nada foi feito."
_UNTRIED = "Não tentado: o ERP recusou as credenciais."
_FOREIGN = "Não tentado: a conta do ERP não é da empresa desta conexão, e nada pode ser gravado nela."


@dataclass(frozen=True)
class ConnectionSync:
    """Syncs connections. Credentials are read when a sync begins."""

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    landing: LandingStore
    xml_store: LandingStore
    access: VendorAccess
    functions: FunctionsAccess
    #: Whether the application's function is asked for reform taxes that an invoice does not have.
    asks_reform: bool
    runs: ConnectionRuns
    zone: ZoneInfo
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: ErpSettings) -> Self:
        return cls(
            database_url=settings.erp_url,
            ops_url=settings.ops_url,
            landing=settings.landing_store,
            xml_store=settings.xml_store,
            access=VendorAccess(settings),
            functions=FunctionsAccess(settings),
            asks_reform=settings.erp_reform_by == "function",
            runs=ConnectionRuns.from_settings(settings, served=frozenset(VENDORS)),
            zone=settings.zone,
        )

    def sync(
        self,
        connection_id: UUID,
        *,
        run_id: str,
        modules: Collection[Module] | None = None,
        months: Sequence[date] | None = None,
        full: bool = False,
        accept: Collection[str] = (),
        only_if_due: bool = False,
        progress: shown.Report = shown.silent,
        cancellation: Cancellation | None = None,
    ) -> SyncOutcome:
        """Bring a connection up to date and prove it; `modules` and `months` are the connection's and the usual ones.

        A module that failed raises nothing: it is in `outcome.failed`, the log row is an error, and what the others did
        stays. Raises ConnectionBusyError if another sync has the connection, SyncError for what ended this one before
        its first module. InterruptedRunError ends a sync whose `cancellation` was asked for, whatever it waits for.
        """
        accepted, cancellation = known_words(accept, ACCEPTS), cancellation or Cancellation()
        self._require_installation(connection_id)
        with self.runs.execution(
            connection_id, run_id=run_id, only_if_due=only_if_due, modules=modules, months=months
        ) as work:
            if work.is_due:
                with interrupted_by(cancellation), ExitStack() as stack:
                    session = self._open(
                        stack, work, accepted=accepted, progress=progress, cancellation=cancellation
                    )
                    chosen = [one for one in Module if one in (modules or work.connection.modules)]
                    functions = stack.enter_context(self.functions.open(work.connection, cancellation))
                    asked = functions if self.asks_reform else None
                    run = _SyncRun(
                        session,
                        work,
                        cancellation,
                        reader=NfeReader(asked.calculate_rtc if asked else None),
                        months=months,
                        full=full,
                    )
                    run.sync(chosen, functions)
            return work.outcome

    def _require_installation(self, connection_id: UUID) -> None:
        """Raise PermanentError where a table of ours or the key of the credentials is missing.

        No connection is to blame for that, so none is touched or put off.
        """
        with postgres.connect(self.ops_url, what=OPS, read_only=True) as session, postgres.errors_about(OPS):
            require_tables(session, _OPS_TABLES, OPS)
        with (
            postgres.connect(self.database_url, what=ERP, read_only=True) as session,
            postgres.errors_about(ERP),
        ):
            require_tables(session, TABLES, ERP)
            connection = Control(session).row(connection_id)
        if connection is not None and connection.erp_type in VENDORS:
            # What is wrong with the credentials themselves is the connection's own.
            with suppress(CredentialsError):
                read_credentials(connection, self.access.settings.credentials_key)

    def _open(
        self,
        stack: ExitStack,
        work: ConnectionWork,
        *,
        accepted: frozenset[str],
        progress: shown.Report,
        cancellation: Cancellation,
    ) -> SyncSession:
        """The connections and the client of one sync; the stack closes them."""
        records = stack.enter_context(open_records(self.ops_url))
        database = stack.enter_context(postgres.connect(self.database_url, what=ERP, session=_SESSION))
        cancellation.on_cancel(lambda: postgres.cancel_statement(database))
        stack.enter_context(postgres.errors_about(ERP))
        require_sight(database, TABLES, ERP)
        vendor = stack.enter_context(self.access.open(work.connection, cancellation))
        pace = shown.Pace()

        def report(stage: str, *, done: int, total: int | None) -> None:
            cancellation.check()
            work.keep_lock()
            progress(
                pace.told(
                    work.connection.key,
                    stage,
                    done=done,
                    total=total,
                    calls=vendor.calls,
                    waited=vendor.waited,
                )
            )

        return SyncSession(
            connection=work.connection,
            vendor=vendor,
            database=database,
            records=records,
            landing=self.landing,
            xml_store=self.xml_store,
            run_id=work.run_id,
            zone=self.zone,
            started=work.started,
            clock=self.clock,
            fence=work.fence,
            report=report,
            accepted=accepted,
        )


def _untried_because(error: SyncError | None) -> str | None:
    """Why no further module is tried after this error of one; None if the others are."""
    if isinstance(error, ForeignCompanyError):
        return _FOREIGN
    # Any other call would be refused as well; a missing scope (403) concerns its module alone.
    return _UNTRIED if isinstance(error, RefusedError) and error.status != 403 else None


@dataclass
class _SyncRun:
    """One sync of one connection, module by module."""

    session: SyncSession
    work: ConnectionWork
    cancellation: Cancellation
    reader: NfeReader
    months: Sequence[date] | None
    full: bool

    @property
    def outcome(self) -> SyncOutcome:
        return self.work.outcome

    def sync(self, modules: Sequence[Module], functions: EdgeFunctions | None) -> None:
        untried: str | None = None
        try:
            for module in modules:
                is_tried = untried is None or module is Module.FINANCIALS  # which asks the ERP nothing yet
                done = self._module(module) if is_tried else ModuleOutcome("error", untried or "")
                self.outcome.modules[module] = done
                self.work.record()
                untried = untried or _untried_because(done.error)
        finally:
            self.outcome.calls, self.outcome.wait_seconds = (
                self.session.vendor.calls,
                self.session.vendor.waited,
            )
        if Module.INVOICES in modules:
            self.outcome.credits = analyse_credits(self.session, functions)

    def _module(self, module: Module) -> ModuleOutcome:
        """What became of a module; its failure is recorded and not raised, so that the others are done."""
        started = time.monotonic()
        try:
            done = self._do(module)
        except ConnectionBusyError:
            raise  # another run has the connection by now: this one asks and writes nothing more
        except SyncError as error:
            self.cancellation.check()
            done = ModuleOutcome("error", sentences.module_failure(error, self.work.connection), error=error)
        done.seconds = time.monotonic() - started
        return done

    def _do(self, module: Module) -> ModuleOutcome:
        match module:
            case Module.COMPANY:
                return sync_company(self.session)
            case Module.PRODUCTS:
                return sync_products(self.session, full=self.full)
            case Module.INVOICES:
                return self._invoices()
            case Module.FINANCIALS:
                return ModuleOutcome("skipped", _UNSERVED)

    def _invoices(self) -> ModuleOutcome:
        months = self.months or usual_months(self.session.started, self.session.zone)
        self.outcome.months = sync_invoices(self.session, months, reader=self.reader)
        return _sum(self.outcome.months)


def _sum(months: dict[date, ModuleOutcome]) -> ModuleOutcome:
    """The months as one module: an error if one of them is, for the gravest of their reasons."""
    whole = ModuleOutcome()
    failed: dict[str, list[date]] = {}
    errors: list[SyncError] = []
    for month, one in sorted(months.items()):
        whole.counts.add(one.counts)
        whole.bytes += one.bytes
        whole.raw_path = one.raw_path or whole.raw_path
        if one.status == "error":
            failed.setdefault(one.message, []).append(month)
            errors.append(one.error or TransientError(one.message))
    if failed:
        whole.status = "error"
        whole.error = min(errors, key=lambda error: list(sentences.Cause).index(sentences.cause_of(error)))
        # A list that fails fails all its months: its reason is said once.
        whole.message = " ".join(f"{_named(those)}: {why}" for why, those in list(failed.items())[:5])
    return whole


def _named(months: Sequence[date]) -> str:
    first, last = f"{months[0]:%m/%Y}", f"{months[-1]:%m/%Y}"
    return first if len(months) == 1 else f"{first} a {last} ({len(months)} meses)"
