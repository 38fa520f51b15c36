"""`erp/nfe` as an asset of its own: a run of it syncs the invoices of its months alone, of any connections."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool, SyncOptions
from sync_pipelines.erp.connections.sentences import nothing_synced
from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.descriptions import CONNECTION, CREDITS_KEY, INVOICE_CHECKS, INVOICES_KEY, MONTH
from sync_pipelines.erp.defs.reports import connection_reports, failed_months, failed_sentence, month_reports
from sync_pipelines.erp.defs.step import Shown, log_report, pool_of
from sync_pipelines.erp.defs.sync_config import InvoiceConfig
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_reports import Reports
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence, run_partitions

#: Not the name of the job: Dagster loads no location where an op and a job share one.
STEP = "erp_invoice_months"


def invoice_asset(
    zone: str,
    vendors: Mapping[str, str],
    ids: Callable[[], Mapping[str, UUID]],
    *,
    show: Shown,
) -> dg.AssetsDefinition:
    """`erp/nfe`: a run of it syncs the invoices of its months alone."""
    grid = descriptions.invoice_partitions(zone)

    @dg.multi_asset(
        name=STEP,
        specs=[_spec(grid, vendors)],
        check_specs=[
            dg.AssetCheckSpec(name, asset=INVOICES_KEY, description=text, partitions_def=grid)
            for name, text in INVOICE_CHECKS.items()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def erp_invoice_months(
        context: dg.AssetExecutionContext, config: InvoiceConfig, erp: dg.ResourceParam[ConnectionSync]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with failing_in_a_sentence(context):
            months = _months(context.partition_keys)
            with pool_of(None, erp, ids) as pool:
                for connection, wanted in months.items():
                    options = SyncOptions((Module.INVOICES,), tuple(sorted(wanted)), accept=config.accepted())
                    pool.start(connection, context.run.run_id, options)
                try:
                    yield from run_partitions(
                        context,
                        [INVOICES_KEY],
                        lambda key: _month_report(pool, key),
                        failed_check=dg.AssetCheckKey(INVOICES_KEY, descriptions.COMPLETE),
                    )
                finally:
                    _log_credits(context, pool, months)
                    show(context)

    return erp_invoice_months


def _spec(grid: dg.MultiPartitionsDefinition, vendors: Mapping[str, str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        INVOICES_KEY,
        deps=[descriptions.vendor_key(one) for one in vendors],
        group_name=descriptions.GROUP,
        description=descriptions.INVOICES_DESCRIPTION,
        metadata=descriptions.invoices_table(),
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


def _log_credits(context: dg.AssetExecutionContext, pool: ConnectionPool, keys: Iterable[str]) -> None:
    """The credits of what the months changed: they are of the connection as a whole."""
    for key in keys:
        outcome = pool.outcome(key)
        found = connection_reports(outcome).get(CREDITS_KEY) if outcome is not None else None
        if found is not None:
            log_report(context, CREDITS_KEY, key, report=found)


def _month_report(pool: ConnectionPool, key: str) -> Reports:
    connection, month = _parts(key)
    outcome = pool.take(connection)
    if (sentence := failed_months(outcome).get(month)) is not None:
        raise PermanentError(sentence)
    found = month_reports(outcome).get(month)
    if found is None and outcome.is_all_skipped:
        raise PermanentError(nothing_synced(outcome))
    if found is None:
        raise PermanentError(failed_sentence(outcome) or "The sync did not reach the month.")
    return {INVOICES_KEY: found}
