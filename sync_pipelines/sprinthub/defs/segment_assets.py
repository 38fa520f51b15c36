"""The assets of a segment: its list, who is in it, its leads. One run carries one segment or several."""

from collections.abc import Iterator
from contextlib import nullcontext
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
from sync_pipelines.sprinthub.leads.report import LeadsReport, read_report
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import ACCEPTS, SegmentSync
from sync_pipelines.sprinthub.segment_pool import RunOptions, SegmentPool
from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines.sprinthub.segments.steward import SegmentBusyError


class SegmentConfig(AcceptConfig):
    """How the segments of a run are synced."""

    words: ClassVar = ACCEPTS
    full: bool = Field(default=False, description="Read the details of every lead again.")
    accept: list[str] = Field(
        default_factory=list,
        description="What you know of and accept. mass_leaving: more leads left the segment than is plausible."
        " mass_rejection: so many leads cannot be used. total_mismatch: the CRM counts other leads than it lists.",
    )
    only_if_due: bool = Field(
        default=False,
        description="Leave a segment alone that is not due any more. Schedule and sensor set it.",
    )

    def options(self) -> RunOptions:
        return RunOptions(full=self.full, accept=self.accepted(), only_if_due=self.only_if_due)


def segment_assets(freshness: dg.FreshnessPolicy, started: SegmentPool | None = None) -> dg.AssetsDefinition:
    """The three assets as one multi-asset: a segment commits, materializes and fails on its own.

    `started` holds segments that the command line has started already.
    """

    @dg.multi_asset(
        name=STEP,
        specs=descriptions.specs(freshness),
        check_specs=descriptions.check_specs(),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # No pool: of a pool one run at a time would go on, and a small segment wait hours for a large one.
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
            with (
                nullcontext(started) if started else SegmentPool(sync) as pool,
                pool.watched_by(Observations(context)),
            ):
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
            raise self._partly(key, error.outcome, str(error)) from None
        if outcome.unread:
            raise self._partly(
                key,
                outcome,
                f"The details of {outcome.unread:,} leads did not come in spite of several attempts; the others are"
                " loaded, and the next run reads these first.",
            )
        if outcome.skipped and not outcome.digest:
            self._context.log.info(f"Segment {key} is left alone: {outcome.skipped}.")
            return {}
        return reports(outcome, self._pool.seconds(key), self._report(outcome))

    def _partly(self, key: str, outcome: SegmentOutcome, sentence: str) -> PartlyDoneError:
        """The list and who is in the segment stand, although the leads' details do not."""
        return PartlyDoneError(sentence, list_reports(outcome, self._pool.seconds(key)))

    def _report(self, outcome: SegmentOutcome) -> LeadsReport:
        try:
            return read_report(self._sync.database_url, outcome, self._sync.zone)
        except SyncError as error:  # what was done stands without its picture
            self._context.log.warning(str(error))
            return LeadsReport()


def _chosen(run: _Run, key: str, selected: list[dg.AssetKey]) -> Reports:
    """The reports of the selected assets: a run does its whole work whatever was selected of it."""
    try:
        found = run.reports(key)
    except PartlyDoneError as error:
        partly = {asset: report for asset, report in error.reports.items() if asset in selected}
        raise PartlyDoneError(str(error), partly) from None
    return {asset: report for asset, report in found.items() if asset in selected}
