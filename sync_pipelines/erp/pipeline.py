"""A connection from the ERP to proof, without Dagster: what the assets, the command line and a test call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from sync_pipelines.erp.analyses.functions import FunctionsAccess
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.credentials import CredentialsError, read_credentials
from sync_pipelines.erp.connections.execution import ConnectionRuns, ConnectionWork
from sync_pipelines.erp.connections.tables import ERP, require_migrated, require_tables
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.invoices.guard import MASS_REJECTION
from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.erp.module_runs import ModuleRuns
from sync_pipelines.erp.outcome import Module, ModuleOutcome, SyncOutcome
from sync_pipelines.erp.session import MASS_VANISHING, SyncSession
from sync_pipelines.erp.vendors.registry import VENDORS, VendorAccess, served_modules, unserved_because
from sync_pipelines.lib import postgres
from sync_pipelines.lib import progress as shown
from sync_pipelines.lib.acceptance import known_words
from sync_pipelines.lib.cancellation import Cancellation, interrupted_by
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
    "public.company_dre",
    "sync_private.invoices",
    "sync_private.products",
    "sync_private.product_catalogs",
    "sync_private.credit_analyses",
    "sync_private.titles",
    "sync_private.title_categories",
    "sync_private.dre_lines",
    "sync_private.analyses",
)
_OPS_TABLES = ("ops.landed_files", "ops.rejects", "ops.proofs", "ops.alerts", "ops.budget_calls")
#: A row that somebody keeps locked must not hold a sync for ever.
_SESSION = {"lock_timeout": "2min"}


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
    financials: FinancialOptions
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
            financials=FinancialOptions.from_settings(settings),
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

        Without any module only the analyses are made.

        A module that failed raises nothing: it is in `outcome.failed`, the log row is an error, and what the others did
        stays. Raises ConnectionBusyError if another sync has the connection, SyncError for what ended this one before
        its first module. InterruptedRunError ends a sync whose `cancellation` was asked for, whatever it waits for.
        """
        accepted, cancellation = known_words(accept, ACCEPTS), cancellation or Cancellation()
        self._require_installation(connection_id)
        with self.runs.execution(
            connection_id, run_id=run_id, only_if_due=only_if_due, modules=modules, months=months
        ) as work:
            if work.is_due and (chosen := self._chosen(work, modules)) is not None:
                with interrupted_by(cancellation), ExitStack() as stack:
                    session = self._open(
                        stack, work, accepted=accepted, progress=progress, cancellation=cancellation
                    )
                    functions = stack.enter_context(self.functions.open(work.connection, cancellation))
                    asked = functions if self.asks_reform else None
                    run = ModuleRuns(
                        session,
                        work,
                        cancellation,
                        reader=NfeReader(asked.calculate_rtc if asked else None),
                        financials=self.financials,
                        months=months,
                        full=full,
                    )
                    run.sync(chosen, functions)
            return work.outcome

    @staticmethod
    def _chosen(work: ConnectionWork, modules: Collection[Module] | None) -> list[Module] | None:
        """The modules to sync; None if the vendor serves none of them: that is recorded, and the ERP is not asked."""
        wanted = work.connection.modules if modules is None else modules
        chosen = [one for one in Module if one in wanted]
        # Who asks for the analyses alone asks for no module.
        asked = chosen or work.connection.modules
        reasons = {one: unserved_because(work.connection.erp_type, one) for one in asked}
        if not all(reasons.values()):
            return chosen
        skipped = {one: ModuleOutcome("skipped", reason or "") for one, reason in reasons.items()}
        work.outcome.modules.update(skipped)
        return None

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
            require_migrated(session, TABLES)
            connection = Control(session).row(connection_id)
        if connection is not None and served_modules(connection):
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
