"""The lead push as an asset: a day a partition, a range in one run, each run a job of the control table."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from sync_pipelines.lib import metadata as keys
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.partition_runs import (
    CheckReport,
    PartitionReport,
    PartitionsStoppedError,
    Reports,
    failing_in_a_sentence,
    run_chosen,
)
from sync_pipelines.scouter import catalogue
from sync_pipelines.scouter.catalogue import EXPORT_KEY
from sync_pipelines.scouter.push.job_walk import JobWalk, PausedError
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.walk import DayOutcome
from sync_pipelines.scouter.pushing import LeadPush

#: What comes after the days (leads without a time, what changed meanwhile) belongs to none of them.
LAST_ROUND = "last round"


class ExportConfig(dg.Config):
    """Which job a run works on, and how."""

    export_job: str | None = Field(
        default=None,
        description="The id of a pending job of gestao_scouter_export_jobs, whose days count and not the run's."
        " Without it the run makes a job of its own for its days.",
    )
    send_all: bool = Field(
        default=False, description="Send leads that have not changed since their last exchange, too."
    )
    accept: list[str] = Field(
        default_factory=list,
        description="overwrite_local_leads: replace leads that Gestão Scouter made itself under one of our numbers.",
    )

    def options(self) -> PushOptions:
        return PushOptions.of(send_all=self.send_all, accept=self.accept)


def export_asset(
    days: dg.DailyPartitionsDefinition, freshness: dg.FreshnessPolicy | None
) -> dg.AssetsDefinition:
    """The push as a multi-asset of one, because only days that were finished get an event."""

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
                yield from run_chosen(
                    context,
                    EXPORT_KEY,
                    [*(day.isoformat() for day in run.days), LAST_ROUND],
                    lambda key: _push(run, key),
                    failed_check=dg.AssetCheckKey(EXPORT_KEY, catalogue.PROVED),
                )

    return scouter_leads_export


def _spec(days: dg.DailyPartitionsDefinition, freshness: dg.FreshnessPolicy | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        EXPORT_KEY,
        deps=[catalogue.SCHEMA_KEY, catalogue.SOURCE_KEY],
        group_name=catalogue.GROUP,
        description=catalogue.EXPORT_DESCRIPTION,
        metadata={"dagster/table_name": "public.leads"},
        kinds={"postgres", "rest"},
        owners=[catalogue.OWNER],
        tags={"personal_data": "true"},
        partitions_def=days,
        freshness_policy=freshness,
        skippable=True,
    )


def _check_specs(days: dg.DailyPartitionsDefinition) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            catalogue.PROVED,
            asset=EXPORT_KEY,
            description="Count and content of what the destination holds for the keys that were sent.",
            partitions_def=days,
        ),
        dg.AssetCheckSpec(
            catalogue.ACCEPTED,
            asset=EXPORT_KEY,
            description="No lead was refused; refused ones wait in gestao_scouter_export_errors.",
            partitions_def=days,
        ),
    ]


@contextmanager
def _stopping() -> Iterator[None]:
    try:
        yield
    except PausedError as pause:
        raise PartitionsStoppedError(str(pause), cancels=pause.by_person) from None


def _push(run: JobWalk, key: str) -> Reports:
    with _stopping():
        outcome = run.close() if key == LAST_ROUND else run.day(date.fromisoformat(key))
    if key == LAST_ROUND and (job := run.work.get(run.job.id)).status == "failed":
        # A day that an earlier run could not prove fails this one too: the job's end is its end.
        raise PermanentError(job.pause_reason or outcome.proof.sentence())
    return {EXPORT_KEY: PartitionReport(_metadata(run, outcome), _checks(outcome))}


def _metadata(run: JobWalk, outcome: DayOutcome) -> dict[str, Any]:
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
        "rows_read_back": outcome.proof.compared,
        "export_job": run.job.id,
    }


def _checks(outcome: DayOutcome) -> tuple[CheckReport, ...]:
    return (
        CheckReport(catalogue.PROVED, outcome.proof.holds, outcome.proof.sentence()),
        CheckReport(
            catalogue.ACCEPTED,
            not outcome.rejected,
            f"{outcome.rejected} of {outcome.read} leads were refused; see gestao_scouter_export_errors, then replay."
            if outcome.rejected
            else f"None of {outcome.read} leads was refused.",
        ),
    )
