"""What the months of invoices and titles report, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sync_pipelines.erp.defs import invoice_descriptions as invoices
from sync_pipelines.erp.defs import title_descriptions as titles
from sync_pipelines.erp.defs.reports import equal, module_metadata, no_rejects, warning
from sync_pipelines.erp.financials.report import CONFIRMED, USABLE
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome, SyncOutcome
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport


def month_reports(
    outcome: SyncOutcome, module: Module, checks: Callable[[ModuleOutcome], list[CheckReport]]
) -> dict[date, PartitionReport]:
    """The reports of the months of a module that succeeded."""
    return {
        month: PartitionReport(module_metadata(done, outcome), checks(done))
        for month, done in sorted(outcome.months.get(module, {}).items())
        if done.status == "success"
    }


def failed_months(outcome: SyncOutcome, module: Module) -> dict[date, str]:
    """The months of a module that failed, each with a sentence."""
    months = outcome.months.get(module, {})
    return {month: done.message for month, done in sorted(months.items()) if done.status == "error"}


def invoice_checks(done: ModuleOutcome) -> list[CheckReport]:
    what = "xml_imports, xml_analysis and the kept XML are what the ERP's documents say"
    return [
        _accounted(invoices.COMPLETE, done.counts),
        equal(invoices.EQUAL, done, what),
        no_rejects(invoices.NO_REJECTS, done.counts),
        warning(invoices.SUMS_TIE, done, "The items of every invoice add up to its totals."),
        warning(invoices.NO_GAPS, done, "No number is missing."),
        warning(invoices.KEYS_UNIQUE, done, "Every key is listed once."),
        warning(invoices.LISTED_ONCE, done, "Every invoice is listed once."),
        warning(invoices.MONTHS_AGREE, done, "List and XML say the same month."),
        warning(invoices.NO_UPLOAD, done, "No upload repeats an invoice."),
    ]


def title_checks(done: ModuleOutcome) -> list[CheckReport]:
    return [
        _accounted(titles.COMPLETE, done.counts),
        equal(titles.EQUAL, done, "sync_private.titles holds what the ERP says"),
        warning(USABLE, done, "Every title is usable."),
        warning(CONFIRMED, done, "The ERP answered for every title that its list lacks."),
    ]


def _accounted(name: str, counts: Counts) -> CheckReport:
    known = counts.inserted + counts.changed + counts.unchanged + counts.skipped + counts.rejected
    sentence = (
        f"{counts.read:,} listed = {counts.inserted:,} inserted + {counts.changed:,} changed"
        f" + {counts.unchanged:,} unchanged + {counts.skipped:,} skipped + {counts.rejected:,} rejected"
        f" + {counts.unread:,} unread."
    )
    return CheckReport(name, counts.read == known + counts.unread, sentence)
