"""What the modules of a connection report: business figures first, then those of every asset; and their checks."""

from __future__ import annotations

from typing import Any

import dagster as dg

from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.keys import COMPANY_KEY, PRODUCTS_KEY
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome, SyncOutcome
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport

#: The modules whose partition is the connection.
MODULES = {COMPANY_KEY: Module.COMPANY, PRODUCTS_KEY: Module.PRODUCTS}
WARN = dg.AssetCheckSeverity.WARN


def module_reports(outcome: SyncOutcome) -> dict[dg.AssetKey, PartitionReport]:
    """The reports of the modules that succeeded, of a connection as a whole."""
    found: dict[dg.AssetKey, PartitionReport] = {}
    for key, module in MODULES.items():
        done = outcome.modules.get(module)
        if done is not None and done.status == "success":
            found[key] = PartitionReport(module_metadata(done, outcome), _CHECKS[key](done))
    return found


def failed_sentence(outcome: SyncOutcome) -> str | None:
    """What failed of a sync, as one sentence; None if nothing did."""
    if not outcome.failed:
        return None
    kept = [str(one) for one, done in outcome.modules.items() if done.status == "success"]
    others = f" Kept: {', '.join(kept)}." if kept else ""
    return "; ".join(f"{module}: {done.message}" for module, done in outcome.failed.items()) + others


def module_metadata(done: ModuleOutcome, outcome: SyncOutcome) -> dict[str, Any]:
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
        equal(descriptions.PROFILE_EQUAL, done, "company_profile holds what the ERP says"),
        warning(descriptions.SAME_BRANCH, done, "Account and profile have the same CNPJ."),
    ]


def _products_checks(done: ModuleOutcome) -> list[CheckReport]:
    return [
        equal(descriptions.CATALOGUE_EQUAL, done, "sync_private.products is the catalogue of the ERP"),
        no_rejects(descriptions.NO_PRODUCT_REJECTED, done.counts),
        warning(descriptions.NCM_KNOWN, done, "Every active product has an NCM of eight digits."),
    ]


_CHECKS = {COMPANY_KEY: _company_checks, PRODUCTS_KEY: _products_checks}


def no_rejects(name: str, counts: Counts) -> CheckReport:
    sentence = f"{counts.rejected:,} were rejected; ops.rejects says which and why."
    return CheckReport(
        name, not counts.rejected, sentence if counts.rejected else "None was rejected.", severity=WARN
    )


def equal(name: str, done: ModuleOutcome, what: str) -> CheckReport:
    counts = done.counts
    since = f", by readings since {counts.oldest_reading:%Y-%m-%d %H:%M} UTC" if counts.oldest_reading else ""
    return CheckReport(name, True, f"{what} (digest {counts.digest or 'none'}{since}).")


def warning(name: str, done: ModuleOutcome, holds: str) -> CheckReport:
    sentence = done.warnings.get(name)
    return CheckReport(name, sentence is None, sentence or holds, severity=WARN)
