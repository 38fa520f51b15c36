"""The assets of a connection: company, products, analyses; its invoices and titles by month on the way.

Dagster refuses one job over two partition shapes. So a sync is a run over connections, and its step logs the months of
`erp/nfe` and `erp/financeiro` itself; these are besides assets of their own, for backfills of any months. All call the
same pipeline, which takes one lock and writes one row of `erp_sync_logs` a connection.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool, SyncOptions
from sync_pipelines.erp.connections.sentences import nothing_synced
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.analysis_reports import analysis_reports, skipped_checks
from sync_pipelines.erp.defs.due_connections import STEP
from sync_pipelines.erp.defs.keys import ASSETS, COMPANY_KEY, CREDITS_KEY, DRE_KEY, PRODUCTS_KEY
from sync_pipelines.erp.defs.month_assets import MONTH_ASSETS
from sync_pipelines.erp.defs.reports import failed_sentence, module_reports
from sync_pipelines.erp.defs.step import Shown, pool_of
from sync_pipelines.erp.defs.sync_config import SyncConfig
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.lib.orchestration.partition_reports import Reports, log_check
from sync_pipelines.lib.orchestration.partition_runs import (
    PartlyDoneError,
    failing_in_a_sentence,
    run_partitions,
)


def sync_assets(
    ids: Callable[[], Mapping[str, UUID]],
    *,
    today: Callable[[], date],
    show: Shown,
    started: ConnectionPool | None = None,
) -> dg.AssetsDefinition:
    """The assets of a connection as one multi-asset: a connection commits, materializes and fails on its own.

    `started` holds connections that the command line has started already.
    """

    @dg.multi_asset(
        name=STEP,
        specs=descriptions.specs(),
        check_specs=descriptions.check_specs(),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # No pool: of a pool one run at a time would go on. The vendors' limits are budgets that runs share.
    )
    def erp_connection(
        context: dg.AssetExecutionContext, config: SyncConfig, erp: dg.ResourceParam[ConnectionSync]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        selected = [key for key in ASSETS if key in context.selected_asset_keys]
        with failing_in_a_sentence(context):
            options = config.options(today())
            with pool_of(started, erp, ids) as pool:
                for key in context.partition_keys:
                    pool.start(key, context.run.run_id, _narrowed(options, selected))
                run = _Run(context, pool)
                try:
                    yield from run_partitions(
                        context,
                        selected,
                        lambda key: run.reports(key, selected),
                        failed_check=_first_check(selected),
                    )
                finally:
                    show(context)

    return erp_connection


#: What the ERP is asked for because of an asset; the other analyses follow from what is stored.
_MODULE_OF = {
    COMPANY_KEY: Module.COMPANY,
    PRODUCTS_KEY: Module.PRODUCTS,
    CREDITS_KEY: Module.INVOICES,
    DRE_KEY: Module.FINANCIALS,
}


def _narrowed(options: SyncOptions, selected: list[dg.AssetKey]) -> SyncOptions:
    """Only what a person selected of the assets, if that is not all of them."""
    if options.modules is not None or len(selected) == len(ASSETS):
        return options
    wanted = {_MODULE_OF[key] for key in selected if key in _MODULE_OF}
    return replace(options, modules=tuple(one for one in Module if one in wanted))


def _first_check(selected: list[dg.AssetKey]) -> dg.AssetCheckKey:
    """The check that fails where a connection does."""
    return dg.AssetCheckKey(selected[0], descriptions.first_check(selected[0]))


class _Run:
    """The results of a run's connections, in the order in which they are asked for."""

    def __init__(self, context: dg.AssetExecutionContext, pool: ConnectionPool) -> None:
        self._context, self._pool = context, pool

    def reports(self, key: str, selected: list[dg.AssetKey]) -> Reports:
        """What the selected assets of a connection report; nothing when the run left it alone."""
        try:
            outcome = self._pool.take(key)
        except ConnectionBusyError as error:
            if not self._pool.options(key).only_if_due:
                raise
            self._context.log.info(str(error))
            return {}
        if outcome.skipped:
            self._context.log.info(f"{key} is left alone: {outcome.skipped}.")
            return {}
        if outcome.is_all_skipped:
            self._context.log.info(f"{key}: {nothing_synced(outcome)}")
            return {}
        for asset in MONTH_ASSETS:
            asset.log(self._context, key, outcome)
        for one, check in skipped_checks(outcome).items():
            log_check(self._context, one, key, check=check)
        reports = {**module_reports(outcome), **analysis_reports(outcome)}
        found = {one: report for one, report in reports.items() if one in selected}
        if (sentence := failed_sentence(outcome)) is not None:
            raise PartlyDoneError(sentence, found)
        return found
