"""Checks of the export that run beside it, so that they also find what its own runs cannot: that none runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs import descriptions
from sync_pipelines.scouter.export_jobs.monitoring import Monitoring
from sync_pipelines.scouter.push.extract import WHAT
from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.pipeline import LeadPush

STANDING_CHECKS = (
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.MOVING),
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.NO_OLD_ERRORS),
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.DATED),
)
#: A check of the destination's table: as a check of the export it would run after every push of a day.
COMPARISONS = (dg.AssetCheckKey(descriptions.DESTINATION_KEY, descriptions.EQUAL),)


def checks(push: LeadPush) -> list[dg.AssetChecksDefinition]:
    """The checks that run by the hour."""
    return [_moving(push), _no_old_errors(push), _dated(push)]


@contextmanager
def _monitoring(push: LeadPush) -> Iterator[Monitoring]:
    url = push.source_url
    with postgres.connect(url, what=WHAT, read_only=True) as connection, postgres.errors_about(WHAT):
        yield Monitoring(connection)


def _moving(push: LeadPush) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.MOVING,
        description="No job is running without progress, or waits for a run, for more than an hour.",
    )
    def no_export_stands_still() -> dg.AssetCheckResult:
        with _monitoring(push) as monitoring:
            found, job_id = monitoring.stuck_exports()
        return dg.AssetCheckResult(
            passed=not found,
            description=f"{found} jobs stand still, such as {job_id}: is the daemon running?"
            if found
            else "No job stands still.",
        )

    return no_export_stands_still


def _no_old_errors(push: LeadPush) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.NO_OLD_ERRORS,
        description="Rejected leads are corrected and replayed within a week (a warning).",
    )
    def no_rejected_lead_waits() -> dg.AssetCheckResult:
        with _monitoring(push) as monitoring:
            found, job_id = monitoring.old_errors()
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{found} leads were rejected more than a week ago, in job {job_id} among others: correct them,"
            " then launch scouter_replay_errors."
            if found
            else "No rejected lead waits for long.",
        )

    return no_rejected_lead_waits


def _dated(push: LeadPush) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.DATED,
        description="Leads without updated_at, or with one before 1900 or still to come (infinity), are in no day; only"
        " a job without end_date takes them (a warning).",
    )
    def every_lead_has_a_day() -> dg.AssetCheckResult:
        with _monitoring(push) as monitoring:
            found, _ = monitoring.undated_leads()
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{found} leads have no updated_at that a day has (none, before 1900, or still to come): a job"
            " without end_date takes them."
            if found
            else "Every lead has a day.",
            metadata={"leads_without_a_day": found},
        )

    return every_lead_has_a_day


def comparison(push: LeadPush) -> dg.AssetChecksDefinition:
    """The weekly check, which reads every lead at the destination."""

    @dg.asset_check(
        asset=descriptions.DESTINATION_KEY,
        name=descriptions.EQUAL,
        description="Every lead that was pushed is still at the destination as it was left: all of them are read there."
        " scouter_repair sends those that are not.",
        pool="gestao_scouter",
    )
    def destination_still_holds_every_lead(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with failing_in_a_sentence(context.op_execution_context):
            found = compare_all(push, context.run.run_id)
        return dg.AssetCheckResult(
            passed=found.holds, description=found.sentence(), metadata=found.metadata()
        )

    return destination_still_holds_every_lead
