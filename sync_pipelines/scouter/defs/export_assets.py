"""The lead push as an asset: a day a partition, a range in one run, each run a job of the control table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.orchestration.partition_runs import (
    PartitionsStoppedError,
    failing_in_a_sentence,
    run_chosen,
)
from sync_pipelines.scouter.defs import descriptions
from sync_pipelines.scouter.defs.decision_config import DecisionConfig
from sync_pipelines.scouter.defs.descriptions import EXPORT_KEY
from sync_pipelines.scouter.push.day_outcome import NOTHING_TO_DO, DayOutcome
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines.scouter.push.job_run import JobRun
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.schema.unmapped_columns import UnmappedColumns

#: What comes after the days (leads without a time, what changed meanwhile) belongs to none of them.
LAST_ROUND = "last round"


class ExportConfig(DecisionConfig):
    """Which job a run works on, and how."""

    export_job: str | None = Field(
        default=None,
        description="The id of a pending job of gestao_scouter_export_jobs, whose days count and not the run's."
        " Without it the run makes a job of its own for its days.",
    )
    send_all: bool = Field(
        default=False, description="Send leads that have not changed since they were last synced, too."
    )
    compare_unchanged: bool = Field(
        default=True,
        description="Read unchanged leads at the destination and send those that are not there as they were left. Only"
        " the hourly schedule goes without it, and rests on earlier readings.",
    )

    def options(self) -> PushOptions:
        return PushOptions.of(send_all=self.send_all, accept=self.accept, compare=self.compare_unchanged)


def export_asset(
    days: dg.DailyPartitionsDefinition, freshness: dg.FreshnessPolicy | None
) -> dg.AssetsDefinition:
    """The push as a multi-asset with one asset, because only days that were completed get an event."""

    @dg.multi_asset(
        name="scouter_leads_export",
        specs=[_spec(days, freshness)],
        check_specs=_check_specs(days),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="gestao_scouter",
        op_tags={"dagster/max_runtime": "14400"},
    )
    def scouter_leads_export(
        context: dg.AssetExecutionContext, config: ExportConfig, push: dg.ResourceParam[LeadPush]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        with failing_in_a_sentence(context), _stopping():
            options = config.options()
            asked = [date.fromisoformat(key) for key in context.partition_keys]
            if not asked:
                raise dg.Failure(
                    "The run's range holds no day: its ends may be reversed.", allow_retries=False
                )
            with push.open(
                context.run.run_id,
                job_id=config.export_job,
                days=(max(asked), min(asked)),
                options=options,
            ) as run:
                context.log.info(f"Export job {run.job.id}: {len(run.days)} days, most recent first.")
                context.instance.add_run_tags(context.run.run_id, {"scouter/export_job": run.job.id})
                total = DayOutcome()
                yield from run_chosen(
                    context,
                    EXPORT_KEY,
                    _chosen(run, asked),
                    work=lambda key: _push(run, key, total),
                    failed_check=dg.AssetCheckKey(EXPORT_KEY, descriptions.PROVED),
                    summary=lambda check: total.sentence() if check == descriptions.PROVED else None,
                )

    return scouter_leads_export


def _spec(days: dg.DailyPartitionsDefinition, freshness: dg.FreshnessPolicy | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        EXPORT_KEY,
        deps=[descriptions.SCHEMA_KEY, descriptions.SOURCE_KEY],
        group_name=descriptions.GROUP,
        description=descriptions.EXPORT_DESCRIPTION,
        metadata=descriptions.table(),
        kinds={"postgres", "rest"},
        owners=[descriptions.OWNER],
        tags={"personal_data": "true"},
        partitions_def=days,
        freshness_policy=freshness,
        skippable=True,
    )


def _check_specs(days: dg.DailyPartitionsDefinition) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            descriptions.PROVED,
            asset=EXPORT_KEY,
            description="Count and content of what the destination holds for the keys that were sent, and how many"
            " unchanged leads were read there now or rest on an earlier reading.",
            partitions_def=days,
        ),
        dg.AssetCheckSpec(
            descriptions.TRAVELS,
            asset=EXPORT_KEY,
            description="Every column of TabuladorMax is mapped, or known to stay (a warning).",
            partitions_def=days,
        ),
        dg.AssetCheckSpec(
            descriptions.ACCEPTED,
            asset=EXPORT_KEY,
            description="No lead was rejected; rejected ones wait in gestao_scouter_export_errors.",
            partitions_def=days,
        ),
    ]


def _chosen(run: JobRun, asked: Sequence[date]) -> list[str]:
    """The days that are left of the job, and those of the run that lie before its first lead: nothing is in them.

    Without an event those would be planned and never looked at, and Dagster would call the checks skipped.
    """
    empty = [day for day in asked if (run.job.end_date or day) <= day < run.all_days[-1]]
    return [*(day.isoformat() for day in (*run.days, *sorted(empty, reverse=True))), LAST_ROUND]


@contextmanager
def _stopping(run: JobRun | None = None) -> Iterator[None]:
    try:
        yield
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        if run is not None:
            run.paused("A execução foi interrompida.", by_person=True)
        raise
    except PausedError as pause:
        raise PartitionsStoppedError(str(pause), cancels=pause.by_person) from None


def _push(run: JobRun, key: str, total: DayOutcome) -> Reports:
    with _stopping(run):
        outcome = run.close() if key == LAST_ROUND else _day(run, date.fromisoformat(key))
    total.merge(outcome)
    if key == LAST_ROUND and (job := run.work.get(run.job.id)).status == "failed":
        # A day that an earlier run could not prove fails this one too: the job's end is its end.
        raise PermanentError(job.pause_reason or outcome.proof.sentence())
    return {EXPORT_KEY: PartitionReport(_metadata(run, outcome), _checks(run, outcome))}


def _day(run: JobRun, day: date) -> DayOutcome:
    return run.push_day(day) if day in run.days else DayOutcome()


def _metadata(run: JobRun, outcome: DayOutcome) -> dict[str, Any]:
    return {
        keys.ROWS_READ: outcome.read,
        keys.ROWS_LOADED: outcome.accepted,
        keys.ROWS_UNCHANGED: outcome.unchanged,
        keys.ROWS_REJECTED: outcome.rejected,
        "rows_gone_meanwhile": outcome.gone,
        keys.ROW_COUNT: outcome.accepted + outcome.unchanged,
        keys.CALLS: outcome.requests + outcome.proof.requests,
        keys.PROVED: outcome.proof.holds,
        keys.DURATION: round(outcome.seconds, 3),
        "rows_read_back": outcome.proof.compared
        + outcome.unchanged_check.seen
        + outcome.unchanged_check.differed,
        "unchanged_read_back": outcome.unchanged_check.seen,
        "unchanged_on_earlier_readings": outcome.unchanged_check.believed,
        "oldest_reading": str(outcome.unchanged_check.oldest_day or ""),
        "lost_at_the_destination": outcome.unchanged_check.differed,
        "proof": outcome.sentence(),
        "export_job": run.job.id,
    }


def _checks(run: JobRun, outcome: DayOutcome) -> tuple[CheckReport, ...]:
    unmapped = UnmappedColumns(run.unmapped)
    return (
        CheckReport(descriptions.PROVED, outcome.proof.holds, outcome.sentence()),
        CheckReport(
            descriptions.TRAVELS, unmapped.holds, unmapped.sentence(), severity=dg.AssetCheckSeverity.WARN
        ),
        CheckReport(
            descriptions.ACCEPTED,
            not outcome.rejected,
            f"{outcome.rejected} of {outcome.read} leads were rejected; see gestao_scouter_export_errors, then replay."
            if outcome.rejected
            else NOTHING_TO_DO
            if not outcome.read
            else f"None of {outcome.read} leads was rejected.",
        ),
    )
