"""`erp/nfe` and `erp/financeiro` as assets of their own: a run of one syncs its months alone, of any connections."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool, SyncOptions
from sync_pipelines.erp.defs import descriptions, invoice_descriptions, title_descriptions
from sync_pipelines.erp.defs.analysis_reports import analysis_reports
from sync_pipelines.erp.defs.descriptions import CONNECTION, MONTH, month_key
from sync_pipelines.erp.defs.keys import DRE_KEY, INVOICES_KEY, TITLES_KEY
from sync_pipelines.erp.defs.month_reports import failed_months, invoice_checks, month_reports, title_checks
from sync_pipelines.erp.defs.reports import failed_sentence
from sync_pipelines.erp.defs.step import Shown, log_report, pool_of
from sync_pipelines.erp.defs.sync_config import MonthConfig
from sync_pipelines.erp.outcome import Module, ModuleOutcome, SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_reports import (
    CheckReport,
    PartitionReport,
    Reports,
    log_check,
)
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence, run_partitions


@dataclass(frozen=True)
class MonthAsset:
    """A module whose partitions are months of a connection."""

    module: Module
    key: dg.AssetKey
    #: The op. Not the name of a job: Dagster loads no location where an op and a job share one.
    step: str
    description: str
    table: Callable[[], dict[str, object]]
    checks: Mapping[str, str]
    #: The check that fails where a month does.
    first_check: str
    report: Callable[[ModuleOutcome], list[CheckReport]]

    def reports(self, outcome: SyncOutcome) -> dict[date, PartitionReport]:
        """The reports of the months that succeeded."""
        return month_reports(outcome, self.module, self.report)

    def log(self, context: dg.AssetExecutionContext, connection: str, outcome: SyncOutcome) -> None:
        """The events of the months by hand, in a run that has another partition shape."""
        for month, report in self.reports(outcome).items():
            log_report(context, self.key, month_key(connection, month), report=report)
        for month, sentence in failed_months(outcome, self.module).items():
            failed = CheckReport(self.first_check, False, sentence)
            log_check(context, self.key, month_key(connection, month), check=failed)


INVOICES = MonthAsset(
    Module.INVOICES,
    key=INVOICES_KEY,
    step="erp_invoice_months",
    description=invoice_descriptions.DESCRIPTION,
    table=invoice_descriptions.table,
    checks=invoice_descriptions.CHECKS,
    first_check=invoice_descriptions.COMPLETE,
    report=invoice_checks,
)
TITLES = MonthAsset(
    Module.FINANCIALS,
    key=TITLES_KEY,
    step="erp_title_months",
    description=title_descriptions.DESCRIPTION,
    table=title_descriptions.table,
    checks=title_descriptions.CHECKS,
    first_check=title_descriptions.COMPLETE,
    report=title_checks,
)
MONTH_ASSETS = (INVOICES, TITLES)


def month_asset(
    asset: MonthAsset,
    zone: str,
    vendors: Sequence[str],
    *,
    ids: Callable[[], Mapping[str, UUID]],
    show: Shown,
) -> dg.AssetsDefinition:
    """The asset on its own grid; `vendors` are the values of `erp_type` that serve its module."""
    grid = descriptions.month_grid(zone)

    @dg.multi_asset(
        name=asset.step,
        specs=[_spec(asset, grid, vendors)],
        check_specs=[
            dg.AssetCheckSpec(name, asset=asset.key, description=text, partitions_def=grid)
            for name, text in asset.checks.items()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def months_of_connections(
        context: dg.AssetExecutionContext, config: MonthConfig, erp: dg.ResourceParam[ConnectionSync]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with failing_in_a_sentence(context):
            months = _months(context.partition_keys)
            with pool_of(None, erp, ids) as pool:
                for connection, wanted in months.items():
                    options = SyncOptions((asset.module,), tuple(sorted(wanted)), accept=config.accepted())
                    pool.start(connection, context.run.run_id, options)
                try:
                    yield from run_partitions(
                        context,
                        [asset.key],
                        lambda key: _month_report(asset, pool, key),
                        failed_check=dg.AssetCheckKey(asset.key, asset.first_check),
                    )
                finally:
                    _log_analyses(context, pool, months)
                    show(context)

    return months_of_connections


def _spec(asset: MonthAsset, grid: dg.MultiPartitionsDefinition, vendors: Sequence[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset.key,
        deps=[descriptions.vendor_key(one) for one in vendors],
        group_name=descriptions.GROUP,
        description=asset.description,
        metadata=asset.table(),
        kinds={"postgres"},
        owners=[descriptions.OWNER],
        tags={"personal_data": "true"},
        partitions_def=grid,
        freshness_policy=descriptions.FRESHNESS,
        skippable=True,
    )


def _parts(key: str) -> tuple[str, date]:
    """The connection and the month of a partition key."""
    assert isinstance(key, dg.MultiPartitionKey)
    return key.keys_by_dimension[CONNECTION], date.fromisoformat(key.keys_by_dimension[MONTH])


def _months(keys: Sequence[str]) -> dict[str, list[date]]:
    """The months of a run by connection: a range may span several."""
    months: dict[str, list[date]] = {}
    for key in keys:
        connection, month = _parts(key)
        months.setdefault(connection, []).append(month)
    return months


def _log_analyses(
    context: dg.AssetExecutionContext, pool: ConnectionPool, months: Mapping[str, Sequence[date]]
) -> None:
    """What followed from the months: that is of the connection as a whole."""
    for connection in months:
        outcome = pool.outcome(connection)
        if outcome is None:
            continue
        for key, report in analysis_reports(outcome).items():
            log_report(context, key, connection, report=report)
        if (dre := outcome.dre) is not None and dre.status == "error":
            failed = CheckReport(descriptions.first_check(DRE_KEY), False, dre.message)
            log_check(context, DRE_KEY, connection, check=failed)


def _month_report(asset: MonthAsset, pool: ConnectionPool, key: str) -> Reports:
    connection, month = _parts(key)
    outcome = pool.take(connection)
    if (sentence := failed_months(outcome, asset.module).get(month)) is not None:
        raise PermanentError(sentence)
    found = asset.reports(outcome).get(month)
    if found is None:
        skipped = outcome.modules.get(asset.module)
        why = skipped.message if skipped is not None and skipped.status == "skipped" else None
        raise PermanentError(failed_sentence(outcome) or why or "The sync did not reach the month.")
    return {asset.key: found}
