"""What the assets of a connection report: business figures first, then those of every asset; and their checks."""

from __future__ import annotations

from datetime import date
from typing import Any

import dagster as dg

from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.descriptions import COMPANY_KEY, CREDITS_KEY, PRODUCTS_KEY
from sync_pipelines.erp.outcome import Counts, CreditsOutcome, Module, ModuleOutcome, SyncOutcome
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport

_WARN = dg.AssetCheckSeverity.WARN


def connection_reports(outcome: SyncOutcome) -> dict[dg.AssetKey, PartitionReport]:
    """The reports of what succeeded of a connection as a whole."""
    found: dict[dg.AssetKey, PartitionReport] = {}
    for key, module, checks in (
        (COMPANY_KEY, Module.COMPANY, _company_checks),
        (PRODUCTS_KEY, Module.PRODUCTS, _products_checks),
    ):
        done = outcome.modules.get(module)
        if done is not None and done.status == "success":
            found[key] = PartitionReport(_metadata(done, outcome), checks(done))
    if outcome.credits is not None and outcome.credits.status != "skipped":
        found[CREDITS_KEY] = _credits(outcome.credits)
    return found


def month_reports(outcome: SyncOutcome) -> dict[date, PartitionReport]:
    """The reports of the months of invoices that succeeded."""
    return {
        month: PartitionReport(_metadata(done, outcome), _invoice_checks(done))
        for month, done in sorted(outcome.months.get(Module.INVOICES, {}).items())
        if done.status == "success"
    }


def failed_months(outcome: SyncOutcome) -> dict[date, str]:
    """The months of invoices that failed, each with a sentence."""
    months = outcome.months.get(Module.INVOICES, {})
    return {month: done.message for month, done in sorted(months.items()) if done.status == "error"}


def failed_sentence(outcome: SyncOutcome) -> str | None:
    """What failed of a sync, as one sentence; None if nothing did."""
    if not outcome.failed:
        return None
    kept = [str(one) for one, done in outcome.modules.items() if done.status == "success"]
    others = f" Kept: {', '.join(kept)}." if kept else ""
    return "; ".join(f"{module}: {done.message}" for module, done in outcome.failed.items()) + others


def _metadata(done: ModuleOutcome, outcome: SyncOutcome) -> dict[str, Any]:
    counts = done.counts
    found: dict[str, Any] = {
        keys.ROWS_READ: counts.read,
        keys.ROWS_LOADED: counts.synced,
        "inserted": counts.inserted,
        "changed": counts.changed,
        keys.ROWS_UNCHANGED: counts.unchanged,
        keys.ROWS_REJECTED: counts.rejected,
        "skipped": counts.skipped,
        keys.ROW_COUNT: counts.inserted + counts.changed + counts.unchanged,
        keys.CALLS: outcome.calls,
        keys.WAIT_SECONDS: round(outcome.wait_seconds, 3),
        keys.BYTES: done.bytes,
        keys.DIGEST: counts.digest,
        keys.PROVED: True,
        keys.DURATION: round(done.seconds, 3),
        "raw_answers": done.raw_path or "none kept",
    }
    if counts.vanished:
        found["no_longer_listed"] = counts.vanished
    if counts.skipped_because:
        found["skipped_because"] = dict(counts.skipped_because)
    if counts.oldest_reading is not None:
        found["oldest_reading"] = counts.oldest_reading.isoformat(timespec="seconds")
    return found


def _company_checks(done: ModuleOutcome) -> list[CheckReport]:
    return [
        _equal(descriptions.PROFILE_EQUAL, done, "company_profile holds what the ERP says"),
        _warning(descriptions.SAME_BRANCH, done, "Account and profile have the same CNPJ."),
    ]


def _products_checks(done: ModuleOutcome) -> list[CheckReport]:
    return [
        _equal(descriptions.CATALOGUE_EQUAL, done, "sync_private.products is the catalogue of the ERP"),
        _no_rejects(descriptions.NO_PRODUCT_REJECTED, done.counts),
        _warning(descriptions.NCM_KNOWN, done, "Every active product has an NCM of eight digits."),
    ]


def _invoice_checks(done: ModuleOutcome) -> list[CheckReport]:
    counts = done.counts
    return [
        _accounted(counts),
        _equal(
            descriptions.EQUAL,
            done,
            "xml_imports, xml_analysis and the kept XML are what the ERP's documents say",
        ),
        _no_rejects(descriptions.NO_REJECTS, counts),
        _warning(descriptions.SUMS_TIE, done, "The items of every invoice add up to its totals."),
        _warning(descriptions.NO_GAPS, done, "No number is missing."),
        _warning(descriptions.KEYS_UNIQUE, done, "Every key is listed once."),
        _warning(descriptions.LISTED_ONCE, done, "Every invoice is listed once."),
        _warning(descriptions.MONTHS_AGREE, done, "List and XML say the same month."),
        _warning(descriptions.NO_UPLOAD, done, "No upload repeats an invoice."),
    ]


def _no_rejects(name: str, counts: Counts) -> CheckReport:
    sentence = f"{counts.rejected:,} were rejected; ops.rejects says which and why."
    return CheckReport(
        name, not counts.rejected, sentence if counts.rejected else "None was rejected.", severity=_WARN
    )


def _accounted(counts: Counts) -> CheckReport:
    known = counts.inserted + counts.changed + counts.unchanged + counts.skipped + counts.rejected
    sentence = (
        f"{counts.read:,} listed = {counts.inserted:,} inserted + {counts.changed:,} changed"
        f" + {counts.unchanged:,} unchanged + {counts.skipped:,} skipped + {counts.rejected:,} rejected"
        f" + {counts.unread:,} unread."
    )
    return CheckReport(descriptions.COMPLETE, counts.read == known + counts.unread, sentence)


def _equal(name: str, done: ModuleOutcome, what: str) -> CheckReport:
    counts = done.counts
    since = f", by readings since {counts.oldest_reading:%Y-%m-%d %H:%M} UTC" if counts.oldest_reading else ""
    return CheckReport(name, True, f"{what} (digest {counts.digest or 'none'}{since}).")


def _warning(name: str, done: ModuleOutcome, holds: str) -> CheckReport:
    sentence = done.warnings.get(name)
    return CheckReport(name, sentence is None, sentence or holds, severity=_WARN)


def _credits(done: CreditsOutcome) -> PartitionReport:
    metadata: dict[str, Any] = {
        "credits": done.credits,
        keys.ROWS_READ: done.analysed + done.cleared + done.failed,
        keys.ROWS_LOADED: done.analysed + done.cleared,
        "cleared": done.cleared,
        "failed": done.failed,
        keys.PROVED: done.status == "success" and not done.differences,
        keys.DURATION: round(done.seconds, 3),
    }
    analysed = CheckReport(
        descriptions.ANALYSED,
        done.status == "success",
        done.message or f"{done.analysed:,} imports were analysed, {done.cleared:,} cleared; none waits.",
    )
    equal = CheckReport(
        descriptions.SUMMARY_EQUAL,
        not done.differences,
        " ".join(done.differences) or "Today's summary is the sum of the credits.",
    )
    return PartitionReport(metadata, [analysed, equal])
