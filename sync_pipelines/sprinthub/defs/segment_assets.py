"""The assets of a segment: its list, who is in it, its leads. One run carries one segment or several."""

from collections.abc import Iterator
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.accept_config import AcceptConfig
from sync_pipelines.lib.orchestration.partition_reports import Reports
from sync_pipelines.lib.orchestration.partition_runs import (
    PartlyDoneError,
    failing_in_a_sentence,
    run_partitions,
)
from sync_pipelines.sprinthub.defs import descriptions
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, LEADS_KEY, LIST_KEY
from sync_pipelines.sprinthub.defs.due_segments import STEP
from sync_pipelines.sprinthub.defs.observations import Observations
from sync_pipelines.sprinthub.defs.segment_metadata import list_reports, reports
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import DetailsError, SegmentSync
from sync_pipelines.sprinthub.segment_pool import ACCEPTS, RunOptions, SegmentPool
from sync_pipelines.sprinthub.segments.execution import SegmentBusyError
from sync_pipelines.sprinthub.segments.history import History, read_history

#: The details of 60,000 leads at 85 calls a minute take twelve hours.
_MAX_RUNTIME = {"dagster/max_runtime": str(36 * 3600)}


class SegmentConfig(AcceptConfig):
    """How the segments of a run are synced."""

    words: ClassVar = ACCEPTS
    full: bool = Field(default=False, description="Read the details of every lead again.")
    accept: list[str] = Field(
        default_factory=list,
        description="What you know of and accept. mass_leaving: more leads left the segment than is plausible."
        " total_mismatch: the CRM counts other leads than it lists.",
    )
    only_if_due: bool = Field(
        default=False,
        description="Leave a segment alone that is not due any more. Schedule and sensor set it.",
    )

    def options(self) -> RunOptions:
        return RunOptions(full=self.full, accept=self.accepted(), only_if_due=self.only_if_due)


def segment_assets(freshness: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The three assets as one multi-asset: a segment commits, materializes and fails on its own."""

    @dg.multi_asset(
        name=STEP,
        specs=descriptions.specs(freshness),
        check_specs=descriptions.check_specs(),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # No pool: of a pool one run at a time would go on, and a small segment wait hours for a large one.
        op_tags=_MAX_RUNTIME,
    )
    def sprinthub_segments(
        context: dg.AssetExecutionContext, config: SegmentConfig, sync: dg.ResourceParam[SegmentSync]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        selected = [key for key in ASSETS if key in context.selected_asset_keys]
        failed_check = (
            dg.AssetCheckKey(LIST_KEY, descriptions.COMPLETE)
            if LIST_KEY in selected
            else dg.AssetCheckKey(LEADS_KEY, descriptions.ACCOUNTED)
        )
        with failing_in_a_sentence(context):
            options = config.options()
            with SegmentPool(sync, Observations(context)) as pool:
                for key in context.partition_keys:
                    pool.start(key, context.run.run_id, options)
                run = _Run(context, sync, pool)
                yield from run_partitions(
                    context, selected, lambda key: _chosen(run, key, selected), failed_check=failed_check
                )

    return sprinthub_segments


class _Run:
    """The results of a run's segments, in the order in which they are asked for."""

    def __init__(self, context: dg.AssetExecutionContext, sync: SegmentSync, pool: SegmentPool) -> None:
        self._context, self._sync, self._pool = context, sync, pool

    def reports(self, key: str) -> Reports:
        """What a segment reports; nothing when the run left it alone."""
        try:
            outcome = self._pool.take(key)
        except SegmentBusyError as error:
            if not self._pool.options(key).only_if_due:
                raise
            self._context.log.info(str(error))
            return {}
        except DetailsError as error:
            raise PartlyDoneError(str(error), list_reports(error.outcome, self._pool.seconds(key))) from None
        if outcome.skipped and not outcome.calls:
            self._context.log.info(f"Segment {key} is left alone: {outcome.skipped}.")
            return {}
        return reports(outcome, self._pool.seconds(key), self._history(outcome))

    def _history(self, outcome: SegmentOutcome) -> History:
        try:
            return read_history(self._sync.url, outcome.segment_id)
        except SyncError as error:  # what was done stands without its picture
            self._context.log.warning(str(error))
            return History()


def _chosen(run: _Run, key: str, selected: list[dg.AssetKey]) -> Reports:
    """The reports of the selected assets: a run does its whole work whatever was selected of it."""
    try:
        found = run.reports(key)
    except PartlyDoneError as error:
        partly = {asset: report for asset, report in error.reports.items() if asset in selected}
        raise PartlyDoneError(str(error), partly) from None
    return {asset: report for asset, report in found.items() if asset in selected}
