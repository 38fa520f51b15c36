"""The modules of one sync, one after the other, and the analyses that follow them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sync_pipelines.erp.analyses.credits import analyse_credits
from sync_pipelines.erp.analyses.dispatch import dispatch
from sync_pipelines.erp.analyses.functions import EdgeFunctions
from sync_pipelines.erp.company.pipeline import ForeignCompanyError, sync_company
from sync_pipelines.erp.connections import sentences
from sync_pipelines.erp.connections.execution import ConnectionWork
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.pipeline import sync_financials
from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.erp.invoices.pipeline import sync_invoices
from sync_pipelines.erp.outcome import Module, ModuleOutcome, SyncOutcome
from sync_pipelines.erp.products.pipeline import sync_products
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.registry import unserved_because
from sync_pipelines.erp.window import usual_months
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError

_UNTRIED = "Não tentado: o ERP recusou as credenciais."
_FOREIGN = "Não tentado: a conta do ERP não é da empresa desta conexão, e nada pode ser gravado nela."


def _untried_because(error: SyncError | None) -> str | None:
    """Why no further module is tried after this error of one; None if the others are."""
    if isinstance(error, ForeignCompanyError):
        return _FOREIGN
    # Any other call would be refused as well; a missing scope (403) concerns its module alone.
    return _UNTRIED if isinstance(error, RefusedError) and error.status != 403 else None


@dataclass
class ModuleRuns:
    """One sync of one connection, module by module."""

    session: SyncSession
    work: ConnectionWork
    cancellation: Cancellation
    reader: NfeReader
    financials: FinancialOptions
    months: Sequence[date] | None
    full: bool

    @property
    def outcome(self) -> SyncOutcome:
        return self.work.outcome

    def sync(self, modules: Sequence[Module], functions: EdgeFunctions | None) -> None:
        untried: str | None = None
        try:
            for module in modules:
                done = ModuleOutcome("error", untried) if untried else self._module(module)
                self.outcome.modules[module] = done
                self.work.record()
                untried = untried or _untried_because(done.error)
        finally:
            self.outcome.calls, self.outcome.wait_seconds = (
                self.session.vendor.calls,
                self.session.vendor.waited,
            )
        if Module.INVOICES in modules and self.outcome.modules[Module.INVOICES].status != "skipped":
            self.outcome.credits = analyse_credits(self.session, functions)
        self.outcome.analyses = dispatch(self.session, functions, self.outcome)

    def _module(self, module: Module) -> ModuleOutcome:
        """What became of a module; its failure is recorded and not raised, so that the others are done."""
        started = time.monotonic()
        if reason := unserved_because(self.work.connection.erp_type, module):
            return ModuleOutcome("skipped", reason)
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
                return self._financials()

    def _invoices(self) -> ModuleOutcome:
        months = sync_invoices(self.session, self._months(), reader=self.reader)
        self.outcome.months[Module.INVOICES] = months
        return _sum(months)

    def _financials(self) -> ModuleOutcome:
        """The titles by month, and `company_dre`: where that cannot be written, the module is no success."""
        done = sync_financials(self.session, self._months(), full=self.full, options=self.financials)
        self.outcome.months[Module.FINANCIALS], self.outcome.dre = done.months, done.dre
        whole = _sum(done.months)
        if done.dre is not None and done.dre.status == "error":
            whole.error = whole.error or done.dre.error
            whole.status, whole.message = "error", " ".join(filter(None, (whole.message, done.dre.message)))
        return whole

    def _months(self) -> Sequence[date]:
        return self.months or usual_months(self.session.started, self.session.zone)


def _sum(months: Mapping[date, ModuleOutcome]) -> ModuleOutcome:
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
